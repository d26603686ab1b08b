; String instructions use es:edi, which cannot be overridden.
bits 32
org 0x1000
    movsd
    stosb
    rep movsb
    hlt
;; soft block 00001000, 5 bytes to 370
;; 00001000  movsd dword ptr es:[edi], dword ptr [esi] SIMULATE (its memory operands are implicit: cannot be redirected)
;;     mov r11, rcx
;;     movzx ecx, byte ptr [r14 + 0x21]
;;     jrcxz +0xf
;;     jmp +0x10e
;;     mov rcx, r11
;;     mov r8d, esi
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 - 0x16]
;;     lea r10d, [r10 + r8 + 3]
;;     mov r11, rcx
;;     shrx ecx, r10d, r14d
;;     jrcxz +0x39
;;     jmp +0x132
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     mov r10d, dword ptr [r8 + r9]
;;     mov dword ptr [r14 + 0x4dc], r10d
;;     mov r8d, edi
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 + 0xfea]
;;     lea r10d, [r10 + r8 + 3]
;;     mov r11, rcx
;;     shrx ecx, r10d, r14d
;;     jrcxz +0x79
;;     jmp +0x144
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     mov r10d, dword ptr [r14 + 0x4dc]
;;     mov dword ptr [r8 + r9], r10d
;;     lea edi, [rdi + 4]
;;     lea esi, [rsi + 4]
;; 00001001  stosb byte ptr es:[edi], al        SIMULATE (its memory operands are implicit: cannot be redirected)
;;     mov r11, rcx
;;     movzx ecx, byte ptr [r14 + 0x21]
;;     jrcxz +0xa4
;;     jmp +0x120
;;     mov rcx, r11
;;     mov r8d, edi
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 + 0xfea]
;;     lea r10d, [r10 + r8]
;;     mov r11, rcx
;;     shrx ecx, r10d, r14d
;;     jrcxz +0xd0
;;     jmp +0x156
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     mov byte ptr [r8 + r9], al
;;     lea edi, [rdi + 1]
;; 00001002  rep movsb byte ptr es:[edi], byte ptr [esi] SIMULATE (its memory operands are implicit: cannot be redirected)
;;     movabs r9, HOST
;;     movabs r10, HOST
;;     call r10
;; 00001004  hlt                                SIMULATE (privileged; waits for an interrupt)
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
;; direct block 00001000, 5 bytes to 297
;; 00001000  movsd dword ptr es:[edi], dword ptr [esi] SIMULATE (its memory operands are implicit: cannot be redirected)
;;     mov r11, rcx
;;     movzx ecx, byte ptr [r14 + 0x21]
;;     jrcxz +0xf
;;     jmp +0xad
;;     mov rcx, r11
;;     mov r8d, esi
;;     mov r10d, dword ptr gs:[r8d]
;;     mov r8d, edi
;;     mov dword ptr gs:[r8d], r10d
;;     lea edi, [rdi + 4]
;;     lea esi, [rsi + 4]
;; 00001001  stosb byte ptr es:[edi], al        SIMULATE (its memory operands are implicit: cannot be redirected)
;;     mov r11, rcx
;;     movzx ecx, byte ptr [r14 + 0x21]
;;     jrcxz +0x37
;;     jmp +0xbf
;;     mov rcx, r11
;;     mov r8d, edi
;;     mov byte ptr gs:[r8d], al
;;     lea edi, [rdi + 1]
;; 00001002  rep movsb byte ptr es:[edi], byte ptr [esi] SIMULATE (its memory operands are implicit: cannot be redirected)
;;     rorx r9d, ecx, 0x10
;;     movzx r9d, r9w
;;     movzx r8d, byte ptr [r14 + 0x21]
;;     mov r10, qword ptr [r14 + 0x2a94]
;;     mov r11, rcx
;;     lea rcx, [r8 + r9]
;;     jrcxz +0x69
;;     jmp +0xd1
;;     mov rcx, r11
;;     mov dword ptr [r14 + 0x4dc], r8d
;;     lea rsi, [rsi + r10]
;;     lea rdi, [rdi + r10]
;;     rep movsb byte ptr [rdi], byte ptr [rsi]
;;     not r10
;;     lea esi, [rsi + r10 + 1]
;;     lea edi, [rdi + r10 + 1]
;;     mov ecx, dword ptr [r14 + 0x4dc]
;;     jrcxz +0x98
;;     jmp +0x103
;; 00001004  hlt                                SIMULATE (privileged; waits for an interrupt)
;;     mov r8d, 0xd
;;     movabs r9, HOST
;;     jmp HOST
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;;     mov rcx, r8
;;     jrcxz +0xf2
;;     mov rcx, r11
;;     movabs r9, HOST
;;     movabs r10, HOST
;;     call r10
;;     jmp +0x98
;;     lea r8d, [r11 - 0x8000]
;;     mov ecx, 0x8000
;;     jmp +0x6c
;;     mov r11, rcx
;;     mov ecx, dword ptr [r14 + 0x43c]
;;     jrcxz +0x121
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;;     mov rcx, r11
;;     jmp +0x45
