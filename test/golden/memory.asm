; Loads, stores and read-modify-writes.
bits 32
org 0x1000
    mov eax, [ebx+8]
    mov [ecx+edx*4], eax
    add dword [esi], 5
    lock xadd [edi], ecx
    bt [ebx], eax
    lock bts [ebx+4], esp
    hlt
;; soft block 00001000, 22 bytes to 522
;; 00001000  mov eax, dword ptr [ebx + 8]       IDENT    (touches only guest registers, flags and memory)
;;     lea r8d, [rbx + 8]
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 - 0x16]
;;     lea r10d, [r10 + r8 + 3]
;;     mov r11, rcx
;;     shrx ecx, r10d, r14d
;;     jrcxz +0x28
;;     jmp +0x194
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
;;     jmp +0x1a6
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
;;     jmp +0x1b8
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
;;     jmp +0x1ca
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     lock xadd dword ptr [r8 + r9], ecx
;; 0000100d  bt dword ptr [ebx], eax            SIMULATE (the bit offset reaches beyond the memory operand)
;;     lea r8d, [rbx]
;;     movsxd r9, eax
;;     rorx r9, r9, 5
;;     lea r8d, [r8 + r9*4]
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 - 0x16]
;;     lea r10d, [r10 + r8 + 3]
;;     mov r11, rcx
;;     shrx ecx, r10d, r14d
;;     jrcxz +0x11a
;;     jmp +0x1dc
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     mov r10d, dword ptr [r8 + r9]
;;     bt r10d, eax
;; 00001010  lock bts dword ptr [ebx + 4], esp  SIMULATE (the bit offset reaches beyond the memory operand)
;;     lea r8d, [rbx + 4]
;;     movsxd r9, r12d
;;     rorx r9, r9, 5
;;     lea r8d, [r8 + r9*4]
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 + 0xfea]
;;     lea r10d, [r10 + r8 + 3]
;;     mov r11, rcx
;;     shrx ecx, r10d, r14d
;;     jrcxz +0x165
;;     jmp +0x1ee
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     pext r10d, r12d, dword ptr [r14 + 0x2abc]
;;     lock bts dword ptr [r8 + r9], r10d
;; 00001015  hlt                                SIMULATE (privileged; waits for an interrupt)
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
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;; direct block 00001000, 22 bytes to 100
;; 00001000  mov eax, dword ptr [ebx + 8]       IDENT    (touches only guest registers, flags and memory)
;;     mov eax, dword ptr gs:[ebx + 8]
;; 00001003  mov dword ptr [ecx + edx*4], eax   IDENT    (touches only guest registers, flags and memory)
;;     mov dword ptr gs:[ecx + edx*4], eax
;; 00001006  add dword ptr [esi], 5             IDENT    (touches only guest registers, flags and memory)
;;     add dword ptr gs:[esi], 5
;; 00001009  lock xadd dword ptr [edi], ecx     IDENT    (touches only guest registers, flags and memory)
;;     lock xadd dword ptr gs:[edi], ecx
;; 0000100d  bt dword ptr [ebx], eax            SIMULATE (the bit offset reaches beyond the memory operand)
;;     lea r8d, [rbx]
;;     movsxd r9, eax
;;     rorx r9, r9, 5
;;     lea r8d, [r8 + r9*4]
;;     mov r10d, dword ptr gs:[r8d]
;;     bt r10d, eax
;; 00001010  lock bts dword ptr [ebx + 4], esp  SIMULATE (the bit offset reaches beyond the memory operand)
;;     lea r8d, [rbx + 4]
;;     movsxd r9, r12d
;;     rorx r9, r9, 5
;;     lea r8d, [r8 + r9*4]
;;     pext r10d, r12d, dword ptr [r14 + 0x2abc]
;;     lock bts dword ptr gs:[r8d], r10d
;; 00001015  hlt                                SIMULATE (privileged; waits for an interrupt)
;;     mov r8d, 0xd
;;     movabs r9, HOST
;;     jmp HOST
