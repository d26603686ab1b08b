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
;; soft block 00001000, 38 bytes to 2009
;; 00001000  mov al, byte ptr [bx + si]         IDENT    (touches only guest registers, flags and memory)
;;     lea r8d, [rbx + rsi]
;;     movzx r8d, r8w
;;     mov r11, rcx
;;     mov r9d, dword ptr [r14 + 0x50]
;;     lea r8d, [r8 + r9]
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 - 0x16]
;;     lea r10d, [r10 + r8]
;;     shrx ecx, r10d, r14d
;;     jrcxz +0x33
;;     jmp +0x510
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     mov al, byte ptr [r8 + r9]
;; 00001002  mov word ptr [bp + 4], ax          IDENT    (touches only guest registers, flags and memory)
;;     lea r8d, [rbp + 4]
;;     movzx r8d, r8w
;;     mov r11, rcx
;;     lea ecx, [r8 + 1]
;;     rorx ecx, ecx, 0x10
;;     movzx ecx, cx
;;     mov r9d, dword ptr [r14 + 0x44]
;;     lea r8d, [r8 + r9]
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 + 0xfea]
;;     lea r10d, [r10 + r8 + 1]
;;     shrx r10d, r10d, r14d
;;     lea ecx, [rcx + r10]
;;     jrcxz +0x8b
;;     jmp +0x522
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     mov word ptr [r8 + r9], ax
;; 00001005  mov eax, dword ptr es:[ebx]        IDENT    (touches only guest registers, flags and memory)
;;     lea r8d, [rbx]
;;     mov r11, rcx
;;     mov rcx, qword ptr [r14 + 0x46c]
;;     lea rcx, [rcx + r8 + 3]
;;     rorx rcx, rcx, 0x20
;;     mov r9d, dword ptr [r14 + 0x2c]
;;     lea r8d, [r8 + r9]
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 - 0x16]
;;     lea r10d, [r10 + r8 + 3]
;;     shrx r10d, r10d, r14d
;;     lea ecx, [rcx + r10]
;;     jrcxz +0xe0
;;     jmp +0x563
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     mov eax, dword ptr [r8 + r9]
;; 0000100a  lea dx, [bx + di + 2]              IDENT    (touches only guest registers; never loads)
;;     lea r8d, [rbx + rdi + 2]
;;     movzx r8d, r8w
;;     mov dx, r8w
;; 0000100d  push cx                            SIMULATE (the host's stack is the monitor's)
;;     lea r8d, [r12 - 2]
;;     movzx r8d, r8w
;;     mov r11, rcx
;;     lea ecx, [r8 + 1]
;;     rorx ecx, ecx, 0x10
;;     movzx ecx, cx
;;     mov r9d, dword ptr [r14 + 0x44]
;;     lea r8d, [r8 + r9]
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 + 0xfea]
;;     lea r10d, [r10 + r8 + 1]
;;     shrx r10d, r10d, r14d
;;     lea ecx, [rcx + r10]
;;     jrcxz +0x145
;;     jmp +0x5a9
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     mov word ptr [r8 + r9], cx
;;     lea r9d, [r12 - 2]
;;     mov r12w, r9w
;; 0000100e  pop ds                             SIMULATE (segment registers are the guest's own)
;;     lea r8d, [r12]
;;     movzx r8d, r8w
;;     mov r11, rcx
;;     lea ecx, [r8 + 1]
;;     rorx ecx, ecx, 0x10
;;     movzx ecx, cx
;;     mov r9d, dword ptr [r14 + 0x44]
;;     lea r8d, [r8 + r9]
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 - 0x16]
;;     lea r10d, [r10 + r8 + 1]
;;     shrx r10d, r10d, r14d
;;     lea ecx, [rcx + r10]
;;     jrcxz +0x1a3
;;     jmp +0x5ea
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     movzx r8d, word ptr [r8 + r9]
;;     mov word ptr [r14 + 0x4c], r8w
;;     rorx r9d, r8d, 0x1c
;;     mov dword ptr [r14 + 0x50], r9d
;;     lea r9d, [r12 + 2]
;;     mov r12w, r9w
;; 0000100f  mov es, ax                         SIMULATE (segment registers are the guest's own)
;;     movzx r8d, ax
;;     mov word ptr [r14 + 0x28], r8w
;;     rorx r9d, r8d, 0x1c
;;     mov dword ptr [r14 + 0x2c], r9d
;; 00001011  les di, ptr [0x4000]               SIMULATE (segment registers are the guest's own)
;;     mov r8d, 0x4000
;;     mov r11, rcx
;;     lea ecx, [r8 + 3]
;;     rorx ecx, ecx, 0x10
;;     movzx ecx, cx
;;     mov r9d, dword ptr [r14 + 0x50]
;;     lea r8d, [r8 + r9]
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 - 0x16]
;;     lea r10d, [r10 + r8 + 3]
;;     shrx r10d, r10d, r14d
;;     lea ecx, [rcx + r10]
;;     jrcxz +0x221
;;     jmp +0x62b
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     movzx r10d, word ptr [r8 + r9]
;;     mov dword ptr [r14 + 0x4dc], r10d
;;     movzx r8d, word ptr [r8 + r9 + 2]
;;     mov word ptr [r14 + 0x28], r8w
;;     rorx r9d, r8d, 0x1c
;;     mov dword ptr [r14 + 0x2c], r9d
;;     mov di, word ptr [r14 + 0x4dc]
;; 00001015  lodsb al, byte ptr [si]            SIMULATE (its memory operands are implicit: cannot be redirected)
;;     mov r11, rcx
;;     movzx ecx, byte ptr [r14 + 0x21]
;;     jrcxz +0x264
;;     jmp +0x66c
;;     mov rcx, r11
;;     movzx r8d, si
;;     mov r11, rcx
;;     mov r9d, dword ptr [r14 + 0x50]
;;     lea r8d, [r8 + r9]
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 - 0x16]
;;     lea r10d, [r10 + r8]
;;     shrx ecx, r10d, r14d
;;     jrcxz +0x296
;;     jmp +0x67e
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     mov al, byte ptr [r8 + r9]
;;     lea r9d, [rsi + 1]
;;     mov si, r9w
;; 00001016  rep movsw word ptr es:[di], word ptr [si] SIMULATE (its memory operands are implicit: cannot be redirected)
;;     lea r10, [rip + 0xf]
;;     movabs r9, HOST
;;     jmp HOST
;; 00001018  xchg word ptr [bx], cx             IDENT    (touches only guest registers, flags and memory)
;;     lea r8d, [rbx]
;;     movzx r8d, r8w
;;     mov r11, rcx
;;     lea ecx, [r8 + 1]
;;     rorx ecx, ecx, 0x10
;;     movzx ecx, cx
;;     mov r9d, dword ptr [r14 + 0x50]
;;     lea r8d, [r8 + r9]
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 + 0xfea]
;;     lea r10d, [r10 + r8 + 1]
;;     shrx r10d, r10d, r14d
;;     lea ecx, [rcx + r10]
;;     jrcxz +0x30a
;;     jmp +0x690
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     mov r10w, word ptr [r8 + r9]
;;     mov word ptr [r8 + r9], cx
;;     mov cx, r10w
;; 0000101a  loop 0x101c                        SIMULATE (control flow)
;;     lea r9d, [rcx - 1]
;;     mov cx, r9w
;;     mov r11, rcx
;;     movzx ecx, cx
;;     jrcxz +0x33b
;;     mov rcx, r11
;;     jmp +0x6d1
;;     mov rcx, r11
;; 0000101c  call 0x1026                        SIMULATE (control flow)
;;     mov r8d, dword ptr [r13]
;;     lea r8d, [r12 - 2]
;;     movzx r8d, r8w
;;     mov r11, rcx
;;     lea ecx, [r8 + 1]
;;     rorx ecx, ecx, 0x10
;;     movzx ecx, cx
;;     mov r9d, dword ptr [r14 + 0x44]
;;     lea r8d, [r8 + r9]
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 + 0xfea]
;;     lea r10d, [r10 + r8 + 1]
;;     shrx r10d, r10d, r14d
;;     lea ecx, [rcx + r10]
;;     jrcxz +0x38b
;;     jmp +0x6e0
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     mov word ptr [r8 + r9], 0x101f
;;     lea r9d, [r12 - 2]
;;     mov r12w, r9w
;;     call +0x721
;;     rorx r10, r9, 0x20
;;     lea r10, [r10 + r8]
;;     mov r11, rcx
;;     movabs rcx, 0xbff8ffffffffefe1
;;     lea rcx, [rcx + r10]
;;     jrcxz +0x3cd
;;     jmp +0x730
;;     mov rcx, r11
;; 0000101f  lcall 0:0x1026                     SIMULATE (control flow; changes CS)
;;     mov r8d, dword ptr [r13]
;;     lea r8d, [r12 - 4]
;;     movzx r8d, r8w
;;     mov r11, rcx
;;     lea ecx, [r8 + 3]
;;     rorx ecx, ecx, 0x10
;;     movzx ecx, cx
;;     mov r9d, dword ptr [r14 + 0x44]
;;     lea r8d, [r8 + r9]
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 + 0xfea]
;;     lea r10d, [r10 + r8 + 3]
;;     shrx r10d, r10d, r14d
;;     lea ecx, [rcx + r10]
;;     jrcxz +0x41d
;;     jmp +0x738
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     mov dword ptr [r8 + r9], 0x1024
;;     lea r9d, [r12 - 4]
;;     mov r12w, r9w
;;     mov word ptr [r14 + 0x34], 0
;;     mov dword ptr [r14 + 0x38], 0
;;     call +0x779
;;     rorx r10, r9, 0x20
;;     lea r10, [r10 + r8]
;;     mov r11, rcx
;;     movabs rcx, 0xbff8ffffffffefdc
;;     lea rcx, [rcx + r10]
;;     jrcxz +0x46f
;;     jmp +0x788
;;     mov rcx, r11
;; 00001024  jmp word ptr [bx]                  SIMULATE (control flow)
;;     mov r8d, dword ptr [r13]
;;     lea r8d, [rbx]
;;     movzx r8d, r8w
;;     mov r11, rcx
;;     lea ecx, [r8 + 1]
;;     rorx ecx, ecx, 0x10
;;     movzx ecx, cx
;;     mov r9d, dword ptr [r14 + 0x50]
;;     lea r8d, [r8 + r9]
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 - 0x16]
;;     lea r10d, [r10 + r8 + 1]
;;     shrx r10d, r10d, r14d
;;     lea ecx, [rcx + r10]
;;     jrcxz +0x4ba
;;     jmp +0x790
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     movzx r8d, word ptr [r8 + r9]
;;     lea r10d, [r8*4 + 0x1c00010]
;;     rorx r9d, r10d, 0xe
;;     lea r10d, [r9 + r10*8]
;;     shrx r10d, r10d, r13d
;;     movabs r9, 0x4007000000000000
;;     lea r9, [r9 + r8]
;;     mov r11, rcx
;;     mov rcx, qword ptr [r15 + r10*8 + 0x34fea]
;;     lea rcx, [rcx + r9]
;;     jrcxz +0x505
;;     jmp +0x7d1
;;     mov rcx, r11
;;     jmp qword ptr [r15 + r10*8 + 0x54fea]
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;;     mov r10d, dword ptr [r14 + 0x44]
;;     not r10d
;;     lea r10d, [r10 + r8 + 1]
;;     lea ecx, [r10 + 1]
;;     rorx ecx, ecx, 0x10
;;     movzx ecx, cx
;;     mov ecx, ecx
;;     jrcxz +0x551
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;;     mov r10d, dword ptr [r14 + 0x2c]
;;     not r10d
;;     lea r10d, [r10 + r8 + 1]
;;     mov rcx, qword ptr [r14 + 0x46c]
;;     lea rcx, [rcx + r10 + 3]
;;     rorx rcx, rcx, 0x20
;;     mov ecx, ecx
;;     jrcxz +0x597
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;;     mov r10d, dword ptr [r14 + 0x44]
;;     not r10d
;;     lea r10d, [r10 + r8 + 1]
;;     lea ecx, [r10 + 1]
;;     rorx ecx, ecx, 0x10
;;     movzx ecx, cx
;;     mov ecx, ecx
;;     jrcxz +0x5d8
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;;     mov r10d, dword ptr [r14 + 0x44]
;;     not r10d
;;     lea r10d, [r10 + r8 + 1]
;;     lea ecx, [r10 + 1]
;;     rorx ecx, ecx, 0x10
;;     movzx ecx, cx
;;     mov ecx, ecx
;;     jrcxz +0x619
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;;     mov r10d, dword ptr [r14 + 0x50]
;;     not r10d
;;     lea r10d, [r10 + r8 + 1]
;;     lea ecx, [r10 + 3]
;;     rorx ecx, ecx, 0x10
;;     movzx ecx, cx
;;     mov ecx, ecx
;;     jrcxz +0x65a
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;;     mov r10d, dword ptr [r14 + 0x50]
;;     not r10d
;;     lea r10d, [r10 + r8 + 1]
;;     lea ecx, [r10 + 1]
;;     rorx ecx, ecx, 0x10
;;     movzx ecx, cx
;;     mov ecx, ecx
;;     jrcxz +0x6bf
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;;     movabs r9, HOST
;;     jmp HOST
;;     mov r10d, dword ptr [r14 + 0x44]
;;     not r10d
;;     lea r10d, [r10 + r8 + 1]
;;     lea ecx, [r10 + 1]
;;     rorx ecx, ecx, 0x10
;;     movzx ecx, cx
;;     mov ecx, ecx
;;     jrcxz +0x70f
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;;     movabs r9, HOST
;;     jmp HOST
;;     mov rcx, r11
;;     jmp HOST
;;     mov r10d, dword ptr [r14 + 0x44]
;;     not r10d
;;     lea r10d, [r10 + r8 + 1]
;;     lea ecx, [r10 + 3]
;;     rorx ecx, ecx, 0x10
;;     movzx ecx, cx
;;     mov ecx, ecx
;;     jrcxz +0x767
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;;     movabs r9, HOST
;;     jmp HOST
;;     mov rcx, r11
;;     jmp HOST
;;     mov r10d, dword ptr [r14 + 0x50]
;;     not r10d
;;     lea r10d, [r10 + r8 + 1]
;;     lea ecx, [r10 + 1]
;;     rorx ecx, ecx, 0x10
;;     movzx ecx, cx
;;     mov ecx, ecx
;;     jrcxz +0x7bf
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;;     mov rcx, r11
;;     jmp HOST
