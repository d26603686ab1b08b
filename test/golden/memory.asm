; Loads, stores and read-modify-writes.
bits 32
org 0x1000
    mov eax, [ebx+8]
    mov [ecx+edx*4], eax
    add dword [esi], 5
    lock xadd [edi], ecx
    hlt
;; soft block 00001000, 14 bytes to 323
;; 00001000  mov eax, dword ptr [ebx + 8]       IDENT    (touches only guest registers, flags and memory)
;;     lea r8d, [rbx + 8]
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 - 0x16]
;;     lea r10d, [r10 + r8 + 3]
;;     mov r11, rcx
;;     shrx ecx, r10d, r14d
;;     jrcxz +0x28
;;     jmp +0xfb
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     mov eax, dword ptr [r8 + r9]
;; 00001003  mov dword ptr [ecx + edx*4], eax   IDENT    (touches only guest registers, flags and memory)
;;     lea r8d, [rcx + rdx*4]
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 + 0xfea]
;;     lea r10d, [r10 + r8 + 3]
;;     mov r11, rcx
;;     shrx ecx, r10d, r14d
;;     jrcxz +0x62
;;     jmp +0x10d
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     mov dword ptr [r8 + r9], eax
;; 00001006  add dword ptr [esi], 5             IDENT    (touches only guest registers, flags and memory)
;;     lea r8d, [rsi]
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 + 0xfea]
;;     lea r10d, [r10 + r8 + 3]
;;     mov r11, rcx
;;     shrx ecx, r10d, r14d
;;     jrcxz +0x9b
;;     jmp +0x11f
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     add dword ptr [r8 + r9], 5
;; 00001009  lock xadd dword ptr [edi], ecx     IDENT    (touches only guest registers, flags and memory)
;;     lea r8d, [rdi]
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 + 0xfea]
;;     lea r10d, [r10 + r8 + 3]
;;     mov r11, rcx
;;     shrx ecx, r10d, r14d
;;     jrcxz +0xd5
;;     jmp +0x131
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     lock xadd dword ptr [r8 + r9], ecx
;; 0000100d  hlt                                SIMULATE (privileged; waits for an interrupt)
;;     mov r8d, 0xd
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
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;; direct block 00001000, 14 bytes to 42
;; 00001000  mov eax, dword ptr [ebx + 8]       IDENT    (touches only guest registers, flags and memory)
;;     mov eax, dword ptr gs:[ebx + 8]
;; 00001003  mov dword ptr [ecx + edx*4], eax   IDENT    (touches only guest registers, flags and memory)
;;     mov dword ptr gs:[ecx + edx*4], eax
;; 00001006  add dword ptr [esi], 5             IDENT    (touches only guest registers, flags and memory)
;;     add dword ptr gs:[esi], 5
;; 00001009  lock xadd dword ptr [edi], ecx     IDENT    (touches only guest registers, flags and memory)
;;     lock xadd dword ptr gs:[edi], ecx
;; 0000100d  hlt                                SIMULATE (privileged; waits for an interrupt)
;;     mov r8d, 0xd
;;     movabs r9, HOST
;;     jmp HOST
