; 16-bit code of virtual-8086 mode, as of real mode: bases are added, and what lies astride 64 KiB is the interpreter's.
; virtual-8086 mode
bits 16
org 0x1000
    mov al, [bx+si]
    mov [bp+4], ax
    mov eax, [es:ebx]
    lea dx, [bx+di+2]
    push cx
    pop ds
    mov es, ax
    les di, [0x4000]
    lodsb
    rep movsw
    xchg [bx], cx
    loop .next
.next:
    call .near
    call 0:.near
    jmp [bx]
.near:
    ret
