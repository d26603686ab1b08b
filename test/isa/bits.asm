; BT, BTS, BTR, BTC with register, immediate and far-off memory bit offsets; BSF, BSR; SETcc, CMOVcc.
%include "case.inc"

section .data
bits_low:  dd 0x80000001, 0x00010000
field: dd 0x00000100, 0x80000000, 0
section .text

CASE "bt reg, reg takes the offset modulo 32"
    IN eax, 0x00000010
    IN ecx, 0x24
    UNDEF PF|AF|SF|OF
    OUT flags, CF
    bt eax, ecx
DONE
CASE "bt reg, imm8 takes it modulo 32 too"
    IN eax, 0x80000000
    UNDEF PF|AF|SF|OF
    OUT flags, CF
    bt eax, 0xff
DONE
CASE "bt m32, imm8 never leaves the operand"
    UNDEF PF|AF|SF|OF
    OUT flags, CF
    bt dword [field], 40
DONE
CASE "bt m32, reg reaches the next dword"
    IN ecx, 63
    UNDEF PF|AF|SF|OF
    OUT flags, CF
    bt [field], ecx
DONE
CASE "bt m32, reg reaches back with a negative offset"
    IN ecx, -16
    UNDEF PF|AF|SF|OF
    OUT flags, CF
    bt [field], ecx
DONE
CASE "bts m32, reg far below"
    IN ecx, -63
    UNDEF PF|AF|SF|OF
    MEM 0x00004000, 0x80000003
    bts [field], ecx
DONE
CASE "btr m32, reg"
    IN edx, 8
    UNDEF PF|AF|SF|OF
    OUT flags, CF
    MEM 0x00004008, 0x00000000
    btr [field], edx
DONE
CASE "btc m32, reg far above"
    IN edx, 64+31
    UNDEF PF|AF|SF|OF
    MEM 0x00004010, 0x80000000
    btc [field], edx
DONE
CASE "bts m16, reg16: the offset is signed 16 bits"
    IN edx, 0x1234fff0
    UNDEF PF|AF|SF|OF
    OUT flags, CF
    bts [field], dx
DONE
CASE "btr m16, imm8"
    UNDEF PF|AF|SF|OF
    OUT flags, CF
    MEM 0x00004008, 0x00000000
    btr word [field], 0x18
DONE
CASE "bts reg16"
    IN eax, 0xaaaa0000
    IN ecx, 0x1f
    UNDEF PF|AF|SF|OF
    OUT eax, 0xaaaa8000
    bts ax, cx
DONE
CASE "btr reg32"
    IN eax, 0xffffffff
    IN ecx, 0x1f
    UNDEF PF|AF|SF|OF
    OUT eax, 0x7fffffff
    OUT flags, CF
    btr eax, ecx
DONE
CASE "btc reg32, imm8"
    IN eax, 0
    UNDEF PF|AF|SF|OF
    OUT eax, 0x00000080
    btc eax, 7
DONE
CASE "lock bts with an index and a bit offset"
    IN ebx, field
    IN esi, 1
    IN ecx, 1
    UNDEF PF|AF|SF|OF
    MEM 0x0000400c, 0x80000002
    lock bts [ebx+esi*4], ecx
DONE
CASE "bt of an unmapped dword far away"
    IN ecx, (HOLE-0x4000)*8
    FAULT 14, 4, bt_far, HOLE
bt_far:
    bt [0x4000], ecx
DONE
CASE "bts of a read-only dword"
    IN ecx, 0
    FAULT 14, 7, bts_ro, RODATA
bts_ro:
    bts [RODATA], ecx
DONE
CASE "bsf"
    IN ecx, 0x00800100
    UNDEF CF|PF|AF|SF|OF
    OUT eax, 0x00000008
    bsf eax, ecx
DONE
CASE "bsf of zero leaves the destination"
    IN eax, 0x77777777
    IN ecx, 0
    UNDEF CF|PF|AF|SF|OF
    OUT flags, ZF
    bsf eax, ecx
DONE
CASE "bsr m32"
    UNDEF CF|PF|AF|SF|OF
    OUT eax, 0x00000008
    bsr eax, [field]
DONE
CASE "bsr r16"
    IN eax, 0xaaaa5555
    IN ecx, 0x00018001
    UNDEF CF|PF|AF|SF|OF
    OUT eax, 0xaaaa000f
    bsr ax, cx
DONE
CASE "bsf r16 of zero"
    IN eax, 0xaaaa5555
    IN ecx, 0xffff0000
    UNDEF CF|PF|AF|SF|OF
    OUT flags, ZF
    bsf ax, cx
DONE
CASE "setcc: carry"
    IN eax, 0xffffffff
    IN ebx, 0xffffffff
    IN flags, CF
    OUT eax, 0xffff0001
    OUT ebx, 0xffff0001
    setc al
    setnc ah
    setbe bl
    seta bh
DONE
CASE "setcc: signed conditions"
    IN flags, SF|OF
    OUT eax, 0x0a0a0100
    OUT ebx, 0x0b0b0100
    setl al
    setge ah
    setle bl
    setg bh
DONE
CASE "setcc: SF differs from OF"
    IN flags, OF
    OUT eax, 0x0a0a0001
    OUT ebx, 0x0b0b0001
    setl al
    setge ah
    setle bl
    setg bh
DONE
CASE "setcc: zero and parity, to memory"
    IN flags, ZF|PF
    MEM 0x00004008, 0x00000101
    setz [field]
    setp [field+1]
    setnz [field+2]
    setnp [field+3]
DONE
CASE "setcc: overflow and sign"
    IN flags, OF|SF
    OUT ecx, 0x0c0c0001
    OUT edx, 0x0d0d0001
    seto dl
    setno dh
    sets cl
    setns ch
DONE
CASE "the reg field of setcc is ignored"
    IN flags, CF
    OUT eax, 0x0a0a0a01
    db 0x0f, 0x92, 0xf8 ; setc al with reg = 7
DONE
CASE "cmov moves"
    IN flags, CF
    IN ecx, 0x12345678
    OUT eax, 0x12345678
    cmovc eax, ecx
DONE
CASE "cmov that does not move leaves the register"
    IN ecx, 0x12345678
    cmovc eax, ecx
DONE
CASE "cmov r16"
    IN eax, 0xaaaaaaaa
    IN flags, ZF
    OUT eax, 0xaaaa0100
    cmovz ax, [field]
DONE
CASE "cmov reads memory even when it does not move"
    FAULT 14, 4, cmov_read, HOLE
cmov_read:
    cmovc eax, [HOLE]
DONE
CASE "cmovs of all signed kinds"
    IN eax, 0
    IN ebx, 1
    IN ecx, 2
    IN edx, 3
    IN flags, SF
    OUT eax, 0x00000001
    OUT edx, 0x00000001
    OUT ebp, 0x00000001
    OUT edi, 0x00000001
    cmovl eax, ebx
    cmovge ecx, ebx
    cmovle edx, ebx
    cmovg esi, ebx
    cmovs edi, ebx
    cmovno ebp, ebx
DONE
