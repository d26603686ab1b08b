; An option ROM that says on port E9 what is in fw_cfg's file opt/org.ringfold/said, found by the directory. Its sum is
; put right by the test.
bits 16
org 0
    db 0x55, 0xaa, 2        ; in units of 512 bytes
init:
    pushad
    push ds
    push cs
    pop ds
    mov si, hello
    call say
    mov ax, 0x19            ; the directory
    mov dx, 0x510
    out dx, ax
    inc dx
    call number
    mov ebp, eax            ; files
next:
    test ebp, ebp
    jz done
    dec ebp
    call number
    mov edi, eax            ; length
    call number
    shr eax, 16
    mov bx, ax              ; key
    mov si, name
    mov cx, 56
    xor ah, ah              ; differs
letter:
    in al, dx
    cmp si, name.end
    ja skip
    cmp al, [si]
    je same
    inc ah
same:
    inc si
skip:
    loop letter
    test ah, ah
    jnz next
    dec dx
    mov ax, bx
    out dx, ax
    inc dx
    mov cx, di
read:
    in al, dx
    out 0xe9, al
    loop read
done:
    mov al, 10
    out 0xe9, al
    pop ds
    popad
    retf
number:                       ; a big-endian number
    push cx
    mov cx, 4
.byte:
    shl eax, 8
    in al, dx
    loop .byte
    pop cx
    ret
say:
    lodsb
    test al, al
    jz .end
    out 0xe9, al
    jmp say
.end:
    ret
hello: db "ROM: ", 0
name: db "opt/org.ringfold/said"
.end: db 0
times 1024 - ($ - $$) db 0
