; 16-bit code of protected mode: limits and types are checked by a number beside each segment register.
; 16-bit protected mode
bits 16
org 0x1000
    mov al, [bx+si]
    mov [ss:bx], ax
    mov al, [cs:bx]
    mov es, ax
    pusha
    leave
    retf
