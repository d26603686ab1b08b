; Pushes and pops; the faulting access comes before the change of esp.
bits 32
org 0x1000
    push eax
    push dword [ebx]
    pop ecx
    pop dword [edx]
    leave
    hlt
;; soft block 00001000, 8 bytes to 452
;; 00001000  push eax                           SIMULATE (the host's stack is the monitor's)
;;     lea r8d, [r12 - 4]
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 + 0xfea]
;;     lea r10d, [r10 + r8 + 3]
;;     mov r11, rcx
;;     shrx ecx, r10d, r14d
;;     jrcxz +0x2c
;;     jmp +0x160
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     mov dword ptr [r8 + r9], eax
;;     lea r12d, [r12 - 4]
;; 00001001  push dword ptr [ebx]               SIMULATE (the host's stack is the monitor's)
;;     lea r8d, [rbx]
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 - 0x16]
;;     lea r10d, [r10 + r8 + 3]
;;     mov r11, rcx
;;     shrx ecx, r10d, r14d
;;     jrcxz +0x67
;;     jmp +0x172
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     mov r10d, dword ptr [r8 + r9]
;;     mov dword ptr [r14 + 0x4dc], r10d
;;     lea r8d, [r12 - 4]
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 + 0xfea]
;;     lea r10d, [r10 + r8 + 3]
;;     mov r11, rcx
;;     shrx ecx, r10d, r14d
;;     jrcxz +0xa9
;;     jmp +0x184
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     mov r10d, dword ptr [r14 + 0x4dc]
;;     mov dword ptr [r8 + r9], r10d
;;     lea r12d, [r12 - 4]
;; 00001003  pop ecx                            SIMULATE (the host's stack is the monitor's)
;;     mov r8d, r12d
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 - 0x16]
;;     lea r10d, [r10 + r8 + 3]
;;     mov r11, rcx
;;     shrx ecx, r10d, r14d
;;     jrcxz +0xeb
;;     jmp +0x196
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     mov ecx, dword ptr [r8 + r9]
;;     lea r12d, [r12 + 4]
;; 00001004  pop dword ptr [edx]                SIMULATE (the host's stack is the monitor's)
;;     movabs r9, HOST
;;     jmp HOST
;; 00001006  leave                              SIMULATE (the host's stack is the monitor's)
;;     mov r8d, ebp
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 - 0x16]
;;     lea r10d, [r10 + r8 + 3]
;;     mov r11, rcx
;;     shrx ecx, r10d, r14d
;;     jrcxz +0x135
;;     jmp +0x1a8
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     mov r10d, dword ptr [r8 + r9]
;;     lea r12d, [rbp + 4]
;;     mov ebp, r10d
;; 00001007  hlt                                SIMULATE (privileged; waits for an interrupt)
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
;; direct block 00001000, 8 bytes to 82
;; 00001000  push eax                           SIMULATE (the host's stack is the monitor's)
;;     mov dword ptr gs:[r12d - 4], eax
;;     lea r12d, [r12 - 4]
;; 00001001  push dword ptr [ebx]               SIMULATE (the host's stack is the monitor's)
;;     mov r10d, dword ptr gs:[ebx]
;;     mov dword ptr gs:[r12d - 4], r10d
;; 00001003  pop ecx                            SIMULATE (the host's stack is the monitor's)
;;     mov ecx, dword ptr gs:[r12d - 4]
;; 00001004  pop dword ptr [edx]                SIMULATE (the host's stack is the monitor's)
;;     movabs r9, HOST
;;     jmp HOST
;; 00001006  leave                              SIMULATE (the host's stack is the monitor's)
;;     mov r8d, ebp
;;     mov r10d, dword ptr gs:[r8d]
;;     lea r12d, [rbp + 4]
;;     mov ebp, r10d
;; 00001007  hlt                                SIMULATE (privileged; waits for an interrupt)
;;     mov r8d, 0xd
;;     movabs r9, HOST
;;     jmp HOST
