; Instructions whose business is EFLAGS: CLC and its family, LAHF, SAHF, PUSHF, POPF, SALC.
%include "case.inc"

CASE "stc, clc, cmc"
    OUT eax, 0x0a0a0001
    OUT flags, CF
    stc
    setc al
    clc
    setc ah
    cmc
DONE
CASE "std and cld"
    OUT esp, 0x000097fc
    MEM 0x000097fc, 0x00000602
    std
    pushf
    cld
DONE
CASE "lahf"
    IN flags, CF|PF|AF|ZF|SF|OF
    OUT eax, 0x0a0ad70a
    lahf
DONE
CASE "lahf of no flags has bit 1 set"
    IN eax, 0xffffffff
    OUT eax, 0xffff02ff
    lahf
DONE
CASE "sahf leaves OF"
    IN eax, 0xd500
    IN flags, OF
    OUT flags, CF|PF|AF|ZF|SF|OF
    sahf
DONE
CASE "sahf ignores bits 1, 3 and 5"
    IN eax, 0x2a00
    IN flags, CF|ZF
    OUT flags, 0
    sahf
DONE
CASE "popf sets what user mode may set"
    OUT eax, 0x00244ed7
    MEM 0x000097fc, 0x00000002
    push 0xffffffff & ~TF
    popf
    pushf
    pop eax
    push 2
    popf
DONE
CASE "popf cannot clear IF nor raise IOPL"
    OUT eax, 0x00000202
    MEM 0x000097fc, 0x00000202
    push 0x3002
    popf
    pushf
    pop eax
DONE
CASE "popf keeps what it popped in the arithmetic flags"
    OUT flags, CF|ZF|DF|OF
    MEM 0x000097fc, 0x00000c43
    push CF|ZF|OF|DF|2
    popf
DONE
CASE "popfw leaves the upper half"
    IN flags, ID
    OUT flags, CF|SF|ID
    MEM 0x000097fc, 0x00810000
    push word CF|SF
    popfw
DONE
CASE "popf toggles ID"
    OUT eax, 0x00200202
    MEM 0x000097fc, 0x00000002
    push ID|2
    popf
    pushf
    pop eax
    push 2
    popf
DONE
CASE "popf sets NT"
    OUT eax, 0x00004202
    MEM 0x000097fc, 0x00000002
    push NT|2
    popf
    pushf
    pop eax
    push 2
    popf
DONE
CASE "popf sets AC: misaligned accesses are #AC"
    OUT eax, 0x00000000
    OUT flags, AC
    MEM 0x000097fc, 0x00040002
    push AC|2
    popf
    FAULT 17, 0, ac_fault
    mov eax, [0x4000]
ac_fault:
    mov eax, [0x4001]
DONE
CASE "bytes and aligned words are never #AC"
    IN flags, AC
    OUT eax, 0x0a0a0a00
    OUT ecx, 0x00000000
    OUT ebx, 0x0b0b0000
    OUT esp, 0x000097fc
    MEM 0x000097fc, 0x0a0a0a00
    mov al, [0x4001]
    mov bx, [0x4002]
    mov ecx, [0x4004]
    push eax
DONE
CASE "popf of VM and RF"
    MEM 0x000097fc, 0x00030002
    push 0x30002
    popf
DONE
CASE "salc"
    IN flags, CF
    OUT eax, 0x0a0a0a00
    OUT ebx, 0x0a0a0aff
    OUT flags, 0
    db 0xd6
    mov ebx, eax
    clc
    db 0xd6
DONE
CASE "cli is #GP in user mode"
    FAULT 13, 0, cli_fault
cli_fault:
    cli
DONE
CASE "sti is #GP in user mode"
    FAULT 13, 0, sti_fault
sti_fault:
    sti
DONE
CASE "flags through a long chain"
    IN eax, 0x7fffffff
    IN ecx, 0xffffffff
    OUT eax, 0x80000000
    OUT edx, 0x00000005
    OUT ebx, 0x00000000
    OUT esi, 0x00000000
    OUT edi, 0xd1d1d1d2
    OUT flags, PF|ZF
    MEM 0x000097fc, 0x00000005
    add eax, 1
    lea ebx, [ecx+1]
    mov edx, 5
    push edx
    pop esi
    adc ecx, 0
    inc edi
    sbb esi, esi
DONE
