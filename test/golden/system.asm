; System instructions of ring 0 that only reach the guest's own registers.
; ring 0
bits 32
org 0x1000
    mov eax, cr0
    mov cr0, eax
    mov cr2, esp
    clts
    rdtsc
    out 0x80, al
    popf
    hlt
