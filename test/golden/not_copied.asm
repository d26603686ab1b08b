; What 64-bit mode does not have, or must not do.
bits 32
org 0x1000
    daa
    push es
    cpuid
    bound eax, [ebx]
    hlt
;; soft block 00001000, 7 bytes to 170
;; 00001000  daa                                SIMULATE (no 64-bit encoding)
;;     movabs r9, HOST
;;     jmp HOST
;; 00001001  push es                            SIMULATE (would show the host's selectors)
;;     lea r8d, [r12 - 4]
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 + 0xfea]
;;     lea r10d, [r10 + r8 + 3]
;;     mov r11, rcx
;;     shrx ecx, r10d, r14d
;;     jrcxz +0x3b
;;     jmp +0x8e
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     movzx r10d, word ptr [r14 + 0x28]
;;     mov dword ptr [r8 + r9], r10d
;;     lea r12d, [r12 - 4]
;; 00001002  cpuid                              SIMULATE (would show the host's CPU)
;;     lea r10, [rip + 0xf]
;;     movabs r9, HOST
;;     jmp HOST
;; 00001004  bound eax, qword ptr [ebx]         SIMULATE (no 64-bit encoding)
;;     movabs r9, HOST
;;     jmp HOST
;; 00001006  hlt                                SIMULATE (privileged; waits for an interrupt)
;;     mov r8d, 0xd
;;     movabs r9, HOST
;;     jmp HOST
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;; direct block 00001000, 7 bytes to 90
;; 00001000  daa                                SIMULATE (no 64-bit encoding)
;;     movabs r9, HOST
;;     jmp HOST
;; 00001001  push es                            SIMULATE (would show the host's selectors)
;;     movzx r10d, word ptr [r14 + 0x28]
;;     mov dword ptr gs:[r12d - 4], r10d
;;     lea r12d, [r12 - 4]
;; 00001002  cpuid                              SIMULATE (would show the host's CPU)
;;     lea r10, [rip + 0xf]
;;     movabs r9, HOST
;;     jmp HOST
;; 00001004  bound eax, qword ptr [ebx]         SIMULATE (no 64-bit encoding)
;;     movabs r9, HOST
;;     jmp HOST
;; 00001006  hlt                                SIMULATE (privileged; waits for an interrupt)
;;     mov r8d, 0xd
;;     movabs r9, HOST
;;     jmp HOST
