; ah, ch, dh and bh cannot be named beside a REX prefix.
bits 32
org 0x1000
    mov ah, bl
    add bh, ah
    mov ah, [esp+4]
    mov [ebx+ecx], dh
    hlt
;; soft block 00001000, 12 bytes to 191
;; 00001000  mov ah, bl                         IDENT    (touches only guest registers, flags and memory)
;;     mov ah, bl
;; 00001002  add bh, ah                         IDENT    (touches only guest registers, flags and memory)
;;     add bh, ah
;; 00001004  mov ah, byte ptr [esp + 4]         IDENT    (touches only guest registers, flags and memory)
;;     lea r8d, [r12 + 4]
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 - 0x16]
;;     lea r10d, [r10 + r8]
;;     mov r11, rcx
;;     shrx ecx, r10d, r14d
;;     jrcxz +0x2c
;;     jmp +0x91
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     xchg al, ah
;;     mov al, byte ptr [r8 + r9]
;;     xchg al, ah
;; 00001008  mov byte ptr [ebx + ecx], dh       IDENT    (touches only guest registers, flags and memory)
;;     lea r8d, [rbx + rcx]
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 + 0xfea]
;;     lea r10d, [r10 + r8]
;;     mov r11, rcx
;;     shrx ecx, r10d, r14d
;;     jrcxz +0x69
;;     jmp +0xa3
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     xchg dl, dh
;;     mov byte ptr [r8 + r9], dl
;;     xchg dl, dh
;; 0000100b  hlt                                SIMULATE (privileged; waits for an interrupt)
;;     mov r8d, 0xd
;;     movabs r9, HOST
;;     jmp HOST
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;; direct block 00001000, 12 bytes to 44
;; 00001000  mov ah, bl                         IDENT    (touches only guest registers, flags and memory)
;;     mov ah, bl
;; 00001002  add bh, ah                         IDENT    (touches only guest registers, flags and memory)
;;     add bh, ah
;; 00001004  mov ah, byte ptr [esp + 4]         IDENT    (touches only guest registers, flags and memory)
;;     lea r8d, [r12 + 4]
;;     xchg al, ah
;;     mov al, byte ptr gs:[r8d]
;;     xchg al, ah
;; 00001008  mov byte ptr [ebx + ecx], dh       IDENT    (touches only guest registers, flags and memory)
;;     mov byte ptr gs:[ebx + ecx], dh
;; 0000100b  hlt                                SIMULATE (privileged; waits for an interrupt)
;;     mov r8d, 0xd
;;     movabs r9, HOST
;;     jmp HOST
