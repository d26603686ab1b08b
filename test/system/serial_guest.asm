; A boot sector that answers on all four serial ports, without interrupts: a byte comes back as it is, a break as "B".
; "F" is answered by 4 MiB, byte n being n, and a line "end"; "D" sends as much to the debug console at port E9.
bits 16
org 0x7c00
%define MANY 0x400000
    xor ax, ax
    mov ds, ax
    mov ss, ax
    mov sp, 0x7c00
start:
    mov si, ports
next:
    lodsw
    test ax, ax
    jz start
    mov bx, ax              ; the port's data register
    lea dx, [bx + 5]
    in al, dx
    cmp al, 0xff            ; no such port
    je next
    test al, 1
    jz next
    test al, 0x10
    mov dx, bx
    in al, dx
    jz .byte
    mov al, 'B'
.byte:
    cmp al, 'F'
    je flood
    cmp al, 'D'
    je debug
    call put
    jmp next
flood:
    xor ecx, ecx
.more:
    mov al, cl
    call put
    inc ecx
    cmp ecx, MANY
    jne .more
    mov al, 'e'
    call put
    mov al, 'n'
    call put
    mov al, 'd'
    call put
    jmp next
debug:
    xor ecx, ecx
.more:
    mov al, cl
    out 0xe9, al
    inc ecx
    cmp ecx, MANY
    jne .more
    mov al, 'd'
    call put
    jmp next
put:                        ; AL to the port at BX
    mov ah, al
    lea dx, [bx + 5]
.wait:
    in al, dx
    test al, 0x20
    jz .wait
    mov al, ah
    mov dx, bx
    out dx, al
    ret
ports: dw 0x3f8, 0x2f8, 0x3e8, 0x2e8, 0
times 510 - ($ - $$) db 0
dw 0xaa55
