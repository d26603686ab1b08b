; MOV in all its forms, MOVZX, MOVSX, XCHG, XADD, CMPXCHG, CMPXCHG8B, BSWAP, LEA, XLAT, CBW and its family.
%include "case.inc"

section .data
d0: dd 0x89abcdef
d1: dd 0x01234567
table: db 0x10, 0x20, 0x30, 0x40
section .text

CASE "mov eax, moffs32"
    OUT eax, 0x89abcdef
    mov eax, [d0]
DONE
CASE "mov al, moffs8 keeps the rest"
    OUT eax, 0x0a0a0a89
    mov al, [d0+3]
DONE
CASE "mov moffs16, ax"
    IN eax, 0x1234
    MEM 0x00004004, 0x01231234
    mov [d1], ax
DONE
CASE "mov m8, imm8"
    MEM 0x00004004, 0x0123ee67
    mov byte [d1+1], 0xee
DONE
CASE "mov m16, imm16"
    MEM 0x00004004, 0x01eeff67
    mov word [d1+1], 0xeeff
DONE
CASE "mov m32, imm32"
    MEM 0x00004004, 0xfeedface
    mov dword [d1], 0xfeedface
DONE
CASE "mov r32, imm32 by the long form"
    OUT ebx, 0x12345678
    db 0xc7, 0xc3, 0x78, 0x56, 0x34, 0x12
DONE
CASE "mov r8, imm8 to each high byte"
    OUT eax, 0x0a0a010a
    OUT ecx, 0x0c0c020c
    OUT edx, 0x0d0d030d
    OUT ebx, 0x0b0b040b
    mov ah, 1
    mov ch, 2
    mov dh, 3
    mov bh, 4
DONE
CASE "mov esp, reg"
    IN ecx, 0x12345678
    OUT esp, 0x12345678
    mov esp, ecx
DONE
CASE "mov reg, esp"
    OUT ebp, 0x00009800
    mov ebp, esp
DONE
CASE "mov [esp], esp"
    MEM 0x00009800, 0x00009800
    mov [esp], esp
DONE
CASE "mov sp, imm16"
    OUT esp, 0x00009100
    mov sp, 0x9100
DONE
CASE "movzx r32, r8 high"
    IN ebx, 0x1234ff56
    OUT eax, 0x000000ff
    movzx eax, bh
DONE
CASE "movzx r32, m16"
    OUT eax, 0x0000cdef
    movzx eax, word [d0]
DONE
CASE "movzx r16, m8"
    OUT eax, 0x0a0a00ef
    movzx ax, byte [d0]
DONE
CASE "movzx esp, m8"
    OUT esp, 0x000000ef
    movzx esp, byte [d0]
DONE
CASE "movsx r32, r8"
    IN ecx, 0x80
    OUT eax, 0xffffff80
    movsx eax, cl
DONE
CASE "movsx r32, dh"
    IN edx, 0x8000
    OUT ebx, 0xffffff80
    movsx ebx, dh
DONE
CASE "movsx r32, m16"
    OUT edi, 0xffffcdef
    movsx edi, word [d0]
DONE
CASE "movsx r16, m8"
    OUT ecx, 0x0c0cffef
    movsx cx, byte [d0]
DONE
CASE "movzx with a 16-bit operand prefix and a 16-bit source"
    OUT eax, 0x0a0a0c0c
    db 0x66, 0x0f, 0xb7, 0xc1 ; movzx ax, cx
DONE
CASE "xchg eax, reg"
    OUT eax, 0xd1d1d1d1
    OUT edi, 0x0a0a0a0a
    xchg eax, edi
DONE
CASE "xchg ax, bp"
    OUT eax, 0x0a0abdbd
    OUT ebp, 0xbdbd0a0a
    xchg ax, bp
DONE
CASE "xchg eax, esp"
    OUT eax, 0x00009800
    OUT esp, 0x0a0a0a0a
    xchg eax, esp
DONE
CASE "xchg with memory"
    IN ecx, 0x55aa55aa
    OUT ecx, 0x89abcdef
    MEM 0x00004000, 0x55aa55aa
    xchg ecx, [d0]
DONE
CASE "xchg bh, m8"
    IN ebx, 0x55aa
    OUT ebx, 0x0000cdaa
    MEM 0x00004000, 0x89ab55ef
    xchg bh, [d0+1]
DONE
CASE "xchg ah, al"
    IN eax, 0x12345678
    OUT eax, 0x12347856
    xchg ah, al
DONE
CASE "xchg esp, m32"
    OUT esp, 0x89abcdef
    MEM 0x00004000, 0x00009800
    xchg esp, [d0]
DONE
CASE "xchg m32 whose address uses the register"
    IN ecx, d0
    OUT ecx, 0x89abcdef
    MEM 0x00004000, 0x00004000
    xchg ecx, [ecx]
DONE
CASE "xchg with a read-only page changes nothing"
    FAULT 14, 7, xchg_ro, RODATA
xchg_ro:
    xchg eax, [RODATA]
DONE
CASE "xadd reg, reg"
    IN eax, 0x7fffffff
    IN ecx, 1
    OUT eax, 0x80000000
    OUT ecx, 0x7fffffff
    OUT flags, PF|AF|SF|OF
    xadd eax, ecx
DONE
CASE "xadd of a register with itself"
    IN eax, 0x12345678
    OUT eax, 0x2468acf0
    OUT flags, PF|AF
    xadd eax, eax
DONE
CASE "xadd m32"
    IN ecx, 0x76543211
    OUT ecx, 0x89abcdef
    OUT flags, CF|PF|AF|ZF
    MEM 0x00004000, 0x00000000
    xadd [d0], ecx
DONE
CASE "lock xadd m8, ch"
    IN ecx, 0x1100
    OUT ecx, 0x0000ef00
    OUT flags, CF|PF|AF|ZF
    MEM 0x00004000, 0x89abcd00
    lock xadd [d0], ch
DONE
CASE "xadd m16"
    IN ecx, 0x11110001
    OUT ecx, 0x111189ab
    OUT flags, PF|SF
    MEM 0x00004000, 0x89accdef
    xadd [d0+2], cx
DONE
CASE "cmpxchg m32 equal"
    IN eax, 0x89abcdef
    IN ecx, 0x11223344
    OUT flags, PF|ZF
    MEM 0x00004000, 0x11223344
    cmpxchg [d0], ecx
DONE
CASE "cmpxchg m32 unequal"
    IN eax, 0x89abcdee
    IN ecx, 0x11223344
    OUT eax, 0x89abcdef
    OUT flags, CF|PF|AF|SF
    lock cmpxchg [d0], ecx
DONE
CASE "cmpxchg m8"
    IN eax, 0xef
    IN edx, 0x4400
    OUT flags, PF|ZF
    MEM 0x00004000, 0x89abcd44
    cmpxchg [d0], dh
DONE
CASE "cmpxchg m16 unequal keeps the top of eax"
    IN eax, 0xaaaa0000
    OUT eax, 0xaaaacdef
    OUT flags, CF|PF|AF
    cmpxchg [d0], bx
DONE
CASE "cmpxchg reg, reg equal"
    IN eax, 5
    IN ebx, 5
    IN ecx, 9
    OUT ebx, 0x00000009
    OUT flags, PF|ZF
    cmpxchg ebx, ecx
DONE
CASE "cmpxchg reg, reg unequal"
    IN eax, 4
    IN ebx, 5
    IN ecx, 9
    OUT eax, 0x00000005
    OUT flags, CF|PF|AF|SF
    cmpxchg ebx, ecx
DONE
CASE "cmpxchg with esp"
    IN eax, STACK
    IN ecx, 0x9700
    OUT esp, 0x00009700
    OUT flags, PF|ZF
    cmpxchg esp, ecx
DONE
CASE "an unequal cmpxchg on a read-only page faults on the write"
    IN eax, 1
    FAULT 14, 7, cmpxchg_ro, RODATA
cmpxchg_ro:
    cmpxchg [RODATA], ecx
DONE
CASE "cmpxchg8b equal"
    IN eax, 0x89abcdef
    IN edx, 0x01234567
    IN ebx, 0x11111111
    IN ecx, 0x22222222
    OUT flags, ZF
    MEM 0x00004000, 0x11111111
    MEM 0x00004004, 0x22222222
    cmpxchg8b [d0]
DONE
CASE "cmpxchg8b unequal leaves all flags but ZF"
    IN flags, CF|PF|AF|ZF|SF|OF
    OUT eax, 0x89abcdef
    OUT edx, 0x01234567
    OUT flags, CF|PF|AF|SF|OF
    lock cmpxchg8b [d0]
DONE
CASE "cmpxchg8b of a register is undefined"
    FAULT 6, 0, cmpxchg8b_reg
cmpxchg8b_reg:
    db 0x0f, 0xc7, 0xc8
DONE
CASE "cmpxchg8b astride into an unmapped page"
    FAULT 14, 6, cmpxchg8b_pf, HOLE
cmpxchg8b_pf:
    cmpxchg8b [HOLE-4]
DONE
CASE "bswap"
    IN ecx, 0x12345678
    OUT ecx, 0x78563412
    bswap ecx
DONE
CASE "bswap esp"
    OUT esp, 0x00980000
    bswap esp
DONE
CASE "lea with all parts"
    IN ebx, 0x80000000
    IN ecx, 0x40000001
    OUT eax, 0x92345680
    lea eax, [ebx+ecx*8+0x12345678]
DONE
CASE "lea r16"
    IN ebx, 0x12345678
    OUT eax, 0x0a0a5679
    lea ax, [ebx+1]
DONE
CASE "lea with 16-bit addressing zero-extends"
    IN ebx, 0x1234ffff
    IN esi, 0xffff0002
    OUT eax, 0x00000001
    a16 lea eax, [bx+si]
DONE
CASE "lea with a 16-bit address and a 16-bit result"
    IN ebx, 0x1234ffff
    IN edi, 0xffff0002
    OUT ecx, 0x0c0c0004
    a16 lea cx, [bx+di+3]
DONE
CASE "lea [esp+esp?]: base esp"
    OUT eax, 0x00009804
    lea eax, [esp+4]
DONE
CASE "lea esp, [esp-0x20]"
    OUT esp, 0x000097e0
    lea esp, [esp-0x20]
DONE
CASE "lea ignores the segment prefix"
    IN ebx, 77
    OUT eax, 0x0000004d
    fs lea eax, [ebx]
DONE
CASE "lea of a register is undefined"
    FAULT 6, 0, lea_reg
lea_reg:
    db 0x8d, 0xc0
DONE
CASE "xlat"
    IN ebx, table
    IN eax, 0xffffff02
    OUT eax, 0xffffff30
    xlatb
DONE
CASE "xlat with a 16-bit address"
    IN ebx, 0xffff0000 + table
    IN eax, 0x03
    OUT eax, 0x00000040
    a16 xlatb
DONE
CASE "cbw, cwde, cwd, cdq"
    IN eax, 0x12345680
    IN edx, 0x11111111
    OUT eax, 0xffffff80
    OUT ecx, 0xffffff80
    OUT edx, 0xffffffff
    OUT ebx, 0x1234ff80
    OUT esi, 0x1111ffff
    cbw
    mov ebx, eax
    cwde
    mov ecx, eax
    cwd
    mov esi, edx
    cdq
DONE
CASE "cdq of a positive number"
    IN eax, 0x7fffffff
    OUT edx, 0x00000000
    cdq
DONE
