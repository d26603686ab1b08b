; Prefixes: LOCK where it is not allowed, redundant and repeated ones, the limit of 15 bytes, undefined opcodes.
%include "case.inc"

section .data
d: dd 0x11111111
section .text

CASE "lock add"
    OUT flags, PF
    MEM 0x00004000, 0x11111112
    lock add dword [d], 1
DONE
CASE "lock not, neg, inc, dec, and, or, xor, sub, sbb, adc"
    IN eax, 3
    OUT flags, CF|AF
    MEM 0x00004000, 0x00000ffe
    lock not dword [d]
    lock neg dword [d]
    lock inc byte [d]
    lock dec word [d+2]
    lock and [d], esp
    lock or [d], eax
    lock xor [d], al
    lock sub [d], ah
    lock sbb dword [d], 1
    lock adc dword [d], -1
DONE
CASE "lock btc, btr, bts, xadd, cmpxchg, xchg"
    IN ecx, 6
    OUT eax, 0x0b0b0b0b
    OUT edx, 0x11111149
    OUT ebx, 0x1e1e1e56
    OUT flags, CF|PF|AF|SF
    MEM 0x00004000, 0x0b0b0b0b
    lock btc dword [d], 3
    lock btr dword [d], 4
    lock bts [d], ecx
    lock xadd [d], edx
    lock xchg [d], ebx
    lock cmpxchg [d], ebx
DONE
CASE "lock with a register destination"
    FAULT 6, 0, lock_reg
lock_reg:
    db 0xf0, 0x01, 0xc0
DONE
CASE "lock with an instruction that never writes"
    FAULT 6, 0, lock_cmp
lock_cmp:
    db 0xf0, 0x3b, 0x05
    dd d
DONE
CASE "lock mov"
    FAULT 6, 0, lock_mov
lock_mov:
    db 0xf0, 0x89, 0x05
    dd d
DONE
CASE "lock with a load form"
    FAULT 6, 0, lock_load
lock_load:
    db 0xf0, 0x03, 0x05
    dd d
DONE
CASE "rep before an instruction that it means nothing to"
    IN ecx, 0
    OUT eax, 0x0a0a0a0b
    OUT ecx, 0x0a0a0a0b
    db 0xf3, 0x40           ; inc eax
    db 0xf2, 0x01, 0xc1     ; add ecx, eax
DONE
CASE "rep ret"
    MEM 0x000097fc, 0x000010b3
    push rep_ret
    db 0xf3, 0xc3
    mov eax, 1
rep_ret:
DONE
CASE "both rep prefixes: the last counts"
    IN edi, d
    IN eax, 0x11
    IN ecx, 10
    OUT ecx, 0x00000005
    OUT edi, 0x00004005
    OUT flags, PF
    db 0xf2, 0xf3, 0xae     ; repe scasb
DONE
CASE "operand and address prefixes twice"
    IN ebx, d
    OUT eax, 0x0a0a1111
    db 0x66, 0x66, 0x67, 0x67, 0xa1
    dw d
DONE
CASE "15 bytes are the limit: exactly 15"
    OUT eax, 0x1c3e6082
    OUT flags, PF|AF
    times 10 db 0x3e
    add eax, 0x12345678
DONE
CASE "16 bytes are #GP(0)"
    FAULT 13, 0, too_long
too_long:
    times 11 db 0x3e
    add eax, 0x12345678
DONE
CASE "15 prefixes are #GP(0)"
    FAULT 13, 0, prefixes
prefixes:
    times 15 db 0x66
    nop
DONE
CASE "ud2"
    FAULT 6, 0, ud2_here
ud2_here:
    ud2
DONE
CASE "the undefined opcode 0f 0b's brother, ud1"
    FAULT 6, 0, ud1_here
ud1_here:
    db 0x0f, 0xb9, 0xc0
DONE
CASE "long nop with a memory operand does not access it"
    db 0x0f, 0x1f, 0x05
    dd HOLE
DONE
CASE "nop with an operand prefix, and xchg ax, ax"
    db 0x66, 0x90
    db 0x87, 0xc0
DONE
CASE "a prefix between 0f and nothing: the operand size of movzx"
    IN ecx, 0xffff8080
    OUT eax, 0x0a0a0080
    db 0x66, 0x0f, 0xb6, 0xc1   ; movzx ax, cl
DONE
CASE "group FE /2 is undefined"
    FAULT 6, 0, fe_2
fe_2:
    db 0xfe, 0xd0
DONE
CASE "group FF /7 is undefined"
    FAULT 6, 0, ff_7
ff_7:
    db 0xff, 0xf8
DONE
CASE "group C6 /1 is undefined"
    FAULT 6, 0, c6_1
c6_1:
    db 0xc6, 0xc8, 0x00
DONE
CASE "group 8F /1 is undefined"
    FAULT 6, 0, f8_1
f8_1:
    db 0x8f, 0xc9
    db 0x00, 0x00
DONE
CASE "far call by register is undefined"
    FAULT 6, 0, far_reg
far_reg:
    db 0xff, 0xd8
DONE
CASE "bound inside"
    IN eax, 5
    MEM 0x00004000, 0x00000005
    MEM 0x00004004, 0x00000005
    mov dword [d], 5
    mov dword [d+4], 5
    bound eax, [d]
DONE
CASE "bound outside"
    IN eax, -6
    MEM 0x00004000, 0xfffffffb
    MEM 0x00004004, 0x00000005
    mov dword [d], -5
    mov dword [d+4], 5
    FAULT 5, 0, bound_fault
bound_fault:
    bound eax, [d]
DONE
CASE "bound of words"
    IN eax, 0x10006
    MEM 0x00004000, 0x0005fffb
    mov dword [d], 0x0005fffb
    FAULT 5, 0, bound_word
bound_word:
    bound ax, [d]
DONE
CASE "hlt, in, out, lgdt and mov cr are #GP(0) in user mode"
    FAULT 13, 0, priv_in
priv_in:
    in al, 0x80
DONE
CASE "out dx, al"
    FAULT 13, 0, priv_out
priv_out:
    out dx, al
DONE
CASE "rep insb"
    FAULT 13, 0, priv_ins
priv_ins:
    rep insb
DONE
CASE "rep outsd with nothing to repeat"
    IN ecx, 0
    FAULT 13, 0, priv_outs
priv_outs:
    rep outsd
DONE
CASE "mov eax, cr0"
    FAULT 13, 0, priv_cr
priv_cr:
    mov eax, cr0
DONE
CASE "mov dr7, eax"
    FAULT 13, 0, priv_dr
priv_dr:
    mov dr7, eax
DONE
CASE "lgdt"
    FAULT 13, 0, priv_lgdt
priv_lgdt:
    lgdt [d]
DONE
CASE "invlpg"
    FAULT 13, 0, priv_invlpg
priv_invlpg:
    invlpg [d]
DONE
CASE "rdmsr"
    FAULT 13, 0, priv_rdmsr
priv_rdmsr:
    rdmsr
DONE
CASE "clts"
    FAULT 13, 0, priv_clts
priv_clts:
    clts
DONE
CASE "lldt and ltr"
    FAULT 13, 0, priv_lldt
priv_lldt:
    lldt ax
DONE
CASE "wbinvd"
    FAULT 13, 0, priv_wbinvd
priv_wbinvd:
    wbinvd
DONE
CASE "lmsw"
    FAULT 13, 0, priv_lmsw
priv_lmsw:
    lmsw ax
DONE
