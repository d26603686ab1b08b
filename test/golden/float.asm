; x87 and SSE run with the guest's state in the host's registers.
bits 32
org 0x1000
    fld dword [ebx]
    fadd st1
    fstp qword [ecx]
    movups xmm0, [edx]
    addps xmm0, xmm1
    hlt
;; soft block 00001000, 13 bytes to 295
;; 00001000  fld dword ptr [ebx]                IDENT    (touches only the FPU's state, which is the guest's while translated code uses it)
;;     mov r11, rcx
;;     movzx ecx, byte ptr [r14 + 0x441]
;;     jrcxz +0x12
;;     jmp +0xd5
;;     mov rcx, r11
;;     lea r8d, [rbx]
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 - 0x16]
;;     lea r10d, [r10 + r8 + 3]
;;     mov r11, rcx
;;     shrx ecx, r10d, r14d
;;     jrcxz +0x3c
;;     jmp +0xe7
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     fld dword ptr [r8 + r9]
;; 00001002  fadd st(1)                         IDENT    (touches only the FPU's state, which is the guest's while translated code uses it)
;;     fadd st(1)
;; 00001004  fstp qword ptr [ecx]               IDENT    (touches only the FPU's state, which is the guest's while translated code uses it)
;;     lea r8d, [rcx]
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 + 0xfea]
;;     lea r10d, [r10 + r8 + 7]
;;     mov r11, rcx
;;     shrx ecx, r10d, r14d
;;     jrcxz +0x77
;;     jmp +0xf9
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     fstp qword ptr [r8 + r9]
;; 00001006  movups xmm0, xmmword ptr [edx]     IDENT    (touches only the FPU's state, which is the guest's while translated code uses it)
;;     lea r8d, [rdx]
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 - 0x16]
;;     lea r10d, [r10 + r8 + 0xf]
;;     mov r11, rcx
;;     shrx ecx, r10d, r14d
;;     jrcxz +0xad
;;     jmp +0x10b
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     movups xmm0, xmmword ptr [r8 + r9]
;; 00001009  addps xmm0, xmm1                   IDENT    (touches only the FPU's state, which is the guest's while translated code uses it)
;;     addps xmm0, xmm1
;; 0000100c  hlt                                SIMULATE (privileged; waits for an interrupt)
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
;; direct block 00001000, 13 bytes to 78
;; 00001000  fld dword ptr [ebx]                IDENT    (touches only the FPU's state, which is the guest's while translated code uses it)
;;     mov r11, rcx
;;     movzx ecx, byte ptr [r14 + 0x441]
;;     jrcxz +0x12
;;     jmp +0x3c
;;     mov rcx, r11
;;     fld dword ptr gs:[ebx]
;; 00001002  fadd st(1)                         IDENT    (touches only the FPU's state, which is the guest's while translated code uses it)
;;     fadd st(1)
;; 00001004  fstp qword ptr [ecx]               IDENT    (touches only the FPU's state, which is the guest's while translated code uses it)
;;     fstp qword ptr gs:[ecx]
;; 00001006  movups xmm0, xmmword ptr [edx]     IDENT    (touches only the FPU's state, which is the guest's while translated code uses it)
;;     movups xmm0, xmmword ptr gs:[edx]
;; 00001009  addps xmm0, xmm1                   IDENT    (touches only the FPU's state, which is the guest's while translated code uses it)
;;     addps xmm0, xmm1
;; 0000100c  hlt                                SIMULATE (privileged; waits for an interrupt)
;;     mov r8d, 0xd
;;     movabs r9, HOST
;;     jmp HOST
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
