; The ways from ring 3 to ring 0, and what may be read there.
bits 32
org 0x1000
    rdtsc
    int 0x80
;; soft block 00001000, 4 bytes to 122
;; 00001000  rdtsc                              SIMULATE (the guest's clock has an offset, and CR4.TSD is its own)
;;     mov r11, rcx
;;     mov ecx, dword ptr [r14 + 0xb0]
;;     pext ecx, ecx, dword ptr [r14 + 0x2ac4]
;;     jrcxz +0x1a
;;     jmp +0x5e
;;     mov rcx, r11
;;     rdtsc 
;;     mov r8, qword ptr [r14 + 0x1e4]
;;     rorx rdx, rdx, 0x20
;;     lea rax, [rax + r8]
;;     lea rax, [rax + rdx]
;;     rorx rdx, rax, 0x20
;;     mov edx, edx
;;     mov eax, eax
;; 00001002  int 0x80                           SIMULATE (enters the guest's handler, not the host's)
;;     mov r8d, 0x80
;;     mov r10d, dword ptr [r14 + 0x4d4]
;;     lea r10d, [r10 + 4]
;;     movabs r9, HOST
;;     jmp HOST
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;; direct block 00001000, 4 bytes to 107
;; 00001000  rdtsc                              SIMULATE (the guest's clock has an offset, and CR4.TSD is its own)
;;     mov r11, rcx
;;     mov ecx, dword ptr [r14 + 0xb0]
;;     pext ecx, ecx, dword ptr [r14 + 0x2ac4]
;;     jrcxz +0x1a
;;     jmp +0x59
;;     mov rcx, r11
;;     rdtsc 
;;     mov r8, qword ptr [r14 + 0x1e4]
;;     rorx rdx, rdx, 0x20
;;     lea rax, [rax + r8]
;;     lea rax, [rax + rdx]
;;     rorx rdx, rax, 0x20
;;     mov edx, edx
;;     mov eax, eax
;; 00001002  int 0x80                           SIMULATE (enters the guest's handler, not the host's)
;;     mov r8d, 0x80
;;     mov r10d, 0x1004
;;     movabs r9, HOST
;;     jmp HOST
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
