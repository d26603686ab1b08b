; Says on port E9 from which drive the firmware booted it, reads sector 2 through the firmware and says what it holds,
; then ends the machine through port F4. With AGAIN it resets it.
        org 0x7c00
        bits 16
start:  xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7c00
        jmp 0:.go
.go:    mov [drive], dl
        mov si, hello
        call say
        mov al, [drive]
        shr al, 4
        call digit
        mov al, [drive]
        and al, 15
        call digit
        cmp byte [drive], 0xe0          ; a CD-ROM brings both sectors at once
        jae .said
        mov ax, 0x0201                  ; read one sector: cylinder 0, head 0, sector 2
        mov cx, 2
        mov dh, 0
        mov dl, [drive]
        mov bx, 0x7e00
        int 0x13
        jc .bad
.said:  mov si, 0x7e00
        call say
%ifdef AGAIN
        mov dx, 0xcf9                   ; a reset instead
        mov al, 6
        out dx, al
%endif
        mov al, 0x10
        out 0xf4, al
.bad:   mov si, failed
        call say
        mov al, 0x11
        out 0xf4, al
        hlt
say:    lodsb
        test al, al
        jz .done
        out 0xe9, al
        jmp say
.done:  ret
digit:  cmp al, 10
        jb .low
        add al, 'a' - '0' - 10
.low:   add al, '0'
        out 0xe9, al
        ret
hello:  db 'drive ', 0
failed: db ' cannot be read', 0
drive:  db 0
        times 510 - ($ - $$) db 0
        dw 0xaa55
        db ': second sector', 10, 0
        times 2048 - ($ - $$) db 0
