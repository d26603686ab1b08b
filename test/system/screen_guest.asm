; A boot sector that sets the video mode MODE (0x100 and up: VBE's, with its linear numbers) through the VGA BIOS, draws
; a pattern through the window at A000, and says what the keyboard and the mouse send, in hexadecimal on port E9.
bits 16
org 0x7c00
    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, 0x7c00
%if MODE < 0x100
    mov ax, MODE
    int 0x10
%else
    mov ax, 0x4f02
    mov bx, MODE
    int 0x10
%endif
%if MODE = 3
    mov ah, 1               ; no cursor
    mov cx, 0x2000
    int 0x10
    mov ax, 0xb800
%else
    mov ax, 0xa000
%endif
    mov es, ax
    xor bp, bp              ; the bank, where there are several
bank:
%if MODE >= 0x100
    mov ax, 0x4f05
    xor bx, bx
    mov dx, bp
    int 0x10
%endif
    xor di, di
fill:
%if MODE = 0x12
    mov dx, 0x3c4           ; planes by turns
    mov ax, di
    shr ax, 5
    mov ah, al
    and ah, 15
    mov al, 2
    out dx, ax
%endif
    mov ax, di
    add ax, bp
    mov cl, ah
    xor al, cl
%if MODE = 3
    and al, 0x7f            ; nothing blinks, as QEMU has it
%endif
    stosb
    test di, di
%if MODE = 3
    cmp di, 4000
%endif
    jnz fill
%if MODE >= 0x100
    inc bp
    cmp bp, 4
    jb bank
%endif
    mov al, 'R'
    out 0xe9, al
; The mouse, as a driver for a wheel sets it up; then all that comes.
    cli
    mov al, 0xa8
    out 0x64, al
    mov al, 0x60
    call command
    mov al, 0x40            ; no interrupts, both ports on, translated
    call data
    mov si, knock
.next:
    lodsb
    test al, al
    jz poll
    push ax
    mov al, 0xd4
    call command
    pop ax
    call data
.answer:
    in al, 0x64
    test al, 1
    jz .answer
    in al, 0x60
    jmp .next
poll:
    in al, 0x64
    test al, 1
    jz poll
    mov bl, al
    in al, 0x60
    mov ah, 'k'
    test bl, 0x20
    jz .say
    mov ah, 'm'
.say:
    mov bl, al
    mov al, ah
    out 0xe9, al
    mov al, bl
    shr al, 4
    call digit
    mov al, bl
    and al, 15
    call digit
    jmp poll
digit:
    add al, '0'
    cmp al, '9'
    jbe .out
    add al, 'a' - '0' - 10
.out:
    out 0xe9, al
    ret
command:
    push ax
    call ready
    pop ax
    out 0x64, al
    ret
data:
    push ax
    call ready
    pop ax
    out 0x60, al
    ret
ready:
    in al, 0x64
    test al, 2
    jnz ready
    ret
knock: db 0xf3, 200, 0xf3, 100, 0xf3, 80, 0xf4, 0
    times 510-($-$$) db 0
    dw 0xaa55
