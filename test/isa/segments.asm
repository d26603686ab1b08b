; Segment registers in user mode: loads, null selectors, far pointers, LAR, LSL, VERR, VERW, ARPL.
%include "case.inc"

section .data
pointer: dd 0x12345678
         dw 0x2b
null_pointer: dd 0x9abcdef0
         dw 0
words: dw 0x2b, 0
section .text

CASE "mov r32, sreg zero-extends"
    OUT eax, 0x0000002b
    OUT ecx, 0x00000023
    OUT edx, 0x0000002b
    mov eax, ds
    mov ecx, cs
    mov edx, ss
DONE
CASE "mov r16, sreg"
    OUT eax, 0x0a0a002b
    mov ax, es
DONE
CASE "mov m16, sreg writes two bytes"
    MEM 0x00004100, 0x00000023
    MEM 0x00004104, 0xffff002b
    mov [0x4100], cs
    mov dword [0x4104], -1
    mov [0x4104], ds
DONE
CASE "mov sreg, r32"
    IN eax, 0xffff002b
    mov es, eax
    mov fs, ax
DONE
CASE "mov sreg, m16"
    mov es, [words]
    mov gs, [words]
DONE
CASE "a null selector in es, then a use of it"
    IN eax, 0
    IN edi, 0x4000
    OUT es, 0x0
    mov es, ax
    FAULT 13, 0, null_es
null_es:
    es mov ecx, [edi]
DONE
CASE "a string store through a null es"
    IN eax, 0
    IN edi, 0x4000
    OUT es, 0x0
    mov es, ax
    FAULT 13, 0, null_stos
null_stos:
    stosb
DONE
CASE "a null ds: every data access faults, the stack does not"
    IN eax, 0
    IN ebx, 0x4000
    OUT ecx, 0x00000000
    OUT edx, 0x00000000
    OUT ds, 0x0
    mov ds, ax
    push eax
    pop ecx
    mov edx, [esp]
    FAULT 13, 0, null_ds
null_ds:
    mov eax, [ebx]
DONE
CASE "null selectors with ds restored"
    IN ecx, 0x2b
    IN ebx, 0x4000
    OUT eax, 0x12345678
    OUT flags, PF|ZF
    xor eax, eax
    mov ds, ax
    mov ds, cx
    mov eax, [ebx]
DONE
CASE "null in ss is #GP(0)"
    IN eax, 0
    FAULT 13, 0, null_ss
null_ss:
    mov ss, ax
DONE
CASE "cs in ss is #GP(selector)"
    IN eax, 0x23
    FAULT 13, 0x20, cs_in_ss
cs_in_ss:
    mov ss, ax
DONE
CASE "a selector beyond the table"
    IN eax, 0xfff3
    FAULT 13, 0xfff0, beyond
beyond:
    mov es, ax
DONE
CASE "an LDT selector without an LDT"
    IN eax, 0x0f
    FAULT 13, 0x0c, no_ldt
no_ldt:
    mov es, ax
DONE
CASE "the kernel's data segment"
    IN eax, 0x18
    FAULT 13, 0x18, kernel_ds
kernel_ds:
    mov ds, ax
DONE
CASE "code is readable through ds"
    IN eax, 0x23
    OUT ecx, 0x0000002b
    OUT ds, 0x23
    mov ds, ax
    mov ecx, [words]
DONE
CASE "... and not writable"
    IN eax, 0x23
    OUT ds, 0x23
    mov ds, ax
    FAULT 13, 0, code_write
code_write:
    mov [words], eax
DONE
CASE "a write through cs"
    FAULT 13, 0, cs_write
cs_write:
    cs mov [words], eax
DONE
CASE "mov cs is undefined"
    FAULT 6, 0, mov_cs
mov_cs:
    mov cs, ax
DONE
CASE "sreg 6 and 7 are undefined"
    FAULT 6, 0, sreg_6
sreg_6:
    db 0x8e, 0xf0
DONE
CASE "pop ds from memory"
    OUT es, 0x0
    push 0x2b
    pop ds
    push 0
    pop es
DONE
CASE "les, lds, lss, lfs, lgs"
    OUT eax, 0x12345678
    OUT ecx, 0x9abcdef0
    OUT edx, 0x12345678
    OUT ebx, 0x12345678
    OUT fs, 0x0
    les eax, [pointer]
    lds ebx, [pointer]
    lfs ecx, [null_pointer]
    lgs edx, [pointer]
DONE
CASE "lss loads esp"
    OUT esp, 0x000096fc
    MEM 0x00004200, 0x00009700
    MEM 0x00004204, 0x0000002b
    MEM 0x000096fc, 0x0a0a0a0a
    mov dword [0x4200], 0x9700
    mov word [0x4204], 0x2b
    lss esp, [0x4200]
    push eax
DONE
CASE "les r16"
    OUT ecx, 0x0c0c0000
    MEM 0x00004200, 0x002b0000
    mov word [0x4202], 0x2b
    les cx, [0x4200]
DONE
CASE "les of a bad selector changes nothing"
    MEM 0x00004204, 0x00000101
    mov word [0x4204], 0x101
    FAULT 13, 0x100, les_bad
les_bad:
    les eax, [0x4200]
DONE
CASE "verr and verw"
    IN eax, 0x2b
    IN ecx, 0x23
    OUT edx, 0x0d0d0001
    OUT ebx, 0x0b0b0101
    verr ax
    setz bl
    verw ax
    setz bh
    verr cx
    setz dl
    verw cx
    setz dh
DONE
CASE "verr of null and of privileged segments"
    IN eax, 0
    IN ecx, 0x18
    OUT ebx, 0x0b0b0000
    verr ax
    setz bl
    verr cx
    setz bh
DONE
CASE "lar and lsl of the data segment"
    IN eax, 0x2b
    OUT ecx, 0xffffffff
    OUT ebx, 0x00cff300
    OUT flags, ZF
    lar ebx, ax
    lsl ecx, ax
DONE
CASE "lar of a bad selector clears ZF and leaves the register"
    IN eax, 0xfff8
    IN flags, ZF|CF
    OUT flags, CF
    lar ebx, eax
DONE
CASE "lar of a segment of the kernel"
    IN eax, 0x18
    IN flags, ZF
    OUT flags, 0
    lar ebx, eax
    lsl ecx, eax
DONE
CASE "arpl raises the RPL"
    IN eax, 0xaaaa0020
    IN ecx, 3
    OUT eax, 0xaaaa0023
    OUT flags, ZF
    arpl ax, cx
DONE
CASE "arpl has nothing to raise"
    IN eax, 0x23
    IN ecx, 2
    IN flags, ZF|CF
    OUT flags, CF
    arpl ax, cx
DONE
CASE "arpl m16"
    IN ecx, 3
    OUT flags, ZF
    MEM 0x00004300, 0x00000003
    arpl [0x4300], cx
DONE
