; System instructions of ring 0 that only reach the guest's own registers.
; ring 0
bits 32
org 0x1000
    mov eax, cr0
    mov cr0, eax
    mov cr2, esp
    clts
    rdtsc
    out 0x80, al
    popf
    hlt
;; soft block 00001000, 17 bytes to 403
;; 00001000  mov eax, cr0                       SIMULATE (control registers are the guest's own; may change the mode)
;;     mov eax, dword ptr [r14 + 0xa4]
;; 00001003  mov cr0, eax                       SIMULATE (control registers are the guest's own; may change the mode)
;;     mov r11d, eax
;;     lahf 
;;     seto al
;;     mov r10d, eax
;;     mov eax, r11d
;;     mov r8d, eax
;;     xor r8d, dword ptr [r14 + 0xa4]
;;     test r8d, 0xfffffff7
;;     jne +0x157
;;     test eax, 8
;;     je +0x44
;;     cmp byte ptr [r14 + 0x441], 0
;;     je +0x157
;;     mov dword ptr [r14 + 0xa4], eax
;;     mov r11d, eax
;;     mov eax, r10d
;;     add al, 0x7f
;;     sahf 
;;     mov eax, r11d
;; 00001006  mov cr2, esp                       SIMULATE (control registers are the guest's own; may change the mode)
;;     mov dword ptr [r14 + 0xa8], r12d
;; 00001009  clts                               SIMULATE (CR0 is the guest's own; the FPU may be used from here on)
;;     mov r11, rcx
;;     mov r8d, dword ptr [r14 + 0xa4]
;;     pext ecx, r8d, dword ptr [r14 + 0x2ac0]
;;     jrcxz +0x7e
;;     lea r8d, [r8 - 8]
;;     mov dword ptr [r14 + 0xa4], r8d
;;     mov rcx, r11
;; 0000100b  rdtsc                              SIMULATE (the guest's clock has an offset, and CR4.TSD is its own)
;;     rdtsc 
;;     mov r8, qword ptr [r14 + 0x1e4]
;;     rorx rdx, rdx, 0x20
;;     lea rax, [rax + r8]
;;     lea rax, [rax + rdx]
;;     rorx rdx, rax, 0x20
;;     mov edx, edx
;;     mov eax, eax
;; 0000100d  out 0x80, al                       SIMULATE (ports are the machine's)
;;     mov r8d, 0x10080
;;     lea r10, [rip + 0xf]
;;     movabs r9, HOST
;;     jmp HOST
;; 0000100f  popfd                              SIMULATE (the host drops IF and IOPL without a fault)
;;     mov r8d, r12d
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 - 0x16]
;;     lea r10d, [r10 + r8 + 3]
;;     mov r11, rcx
;;     shrx ecx, r10d, r14d
;;     jrcxz +0xe5
;;     jmp +0x181
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     mov r10d, dword ptr [r8 + r9]
;;     mov r9d, r10d
;;     and r9d, 0x3f7100
;;     cmp r9d, dword ptr [r14 + 0x1c]
;;     jne +0x172
;;     bt r10d, 9
;;     setb r9b
;;     test byte ptr [r14 + 0x440], r9b
;;     jne +0x172
;;     mov byte ptr [r14 + 0x20], r9b
;;     bt r10d, 0xa
;;     setb byte ptr [r14 + 0x21]
;;     mov r11d, eax
;;     mov eax, r10d
;;     mov ah, al
;;     shr r10d, 0xb
;;     mov al, r10b
;;     and al, 1
;;     add al, 0x7f
;;     sahf 
;;     mov eax, r11d
;;     lea r12d, [r12 + 4]
;; 00001010  hlt                                SIMULATE (privileged; waits for an interrupt)
;;     movabs r9, HOST
;;     jmp HOST
;;     mov r11d, eax
;;     mov eax, r10d
;;     add al, 0x7f
;;     sahf 
;;     mov eax, r11d
;;     movabs r9, HOST
;;     jmp HOST
;;     movabs r9, HOST
;;     jmp HOST
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;; direct block 00001000, 17 bytes to 403
;; 00001000  mov eax, cr0                       SIMULATE (control registers are the guest's own; may change the mode)
;;     mov eax, dword ptr [r14 + 0xa4]
;; 00001003  mov cr0, eax                       SIMULATE (control registers are the guest's own; may change the mode)
;;     mov r11d, eax
;;     lahf 
;;     seto al
;;     mov r10d, eax
;;     mov eax, r11d
;;     mov r8d, eax
;;     xor r8d, dword ptr [r14 + 0xa4]
;;     test r8d, 0xfffffff7
;;     jne +0x157
;;     test eax, 8
;;     je +0x44
;;     cmp byte ptr [r14 + 0x441], 0
;;     je +0x157
;;     mov dword ptr [r14 + 0xa4], eax
;;     mov r11d, eax
;;     mov eax, r10d
;;     add al, 0x7f
;;     sahf 
;;     mov eax, r11d
;; 00001006  mov cr2, esp                       SIMULATE (control registers are the guest's own; may change the mode)
;;     mov dword ptr [r14 + 0xa8], r12d
;; 00001009  clts                               SIMULATE (CR0 is the guest's own; the FPU may be used from here on)
;;     mov r11, rcx
;;     mov r8d, dword ptr [r14 + 0xa4]
;;     pext ecx, r8d, dword ptr [r14 + 0x2ac0]
;;     jrcxz +0x7e
;;     lea r8d, [r8 - 8]
;;     mov dword ptr [r14 + 0xa4], r8d
;;     mov rcx, r11
;; 0000100b  rdtsc                              SIMULATE (the guest's clock has an offset, and CR4.TSD is its own)
;;     rdtsc 
;;     mov r8, qword ptr [r14 + 0x1e4]
;;     rorx rdx, rdx, 0x20
;;     lea rax, [rax + r8]
;;     lea rax, [rax + rdx]
;;     rorx rdx, rax, 0x20
;;     mov edx, edx
;;     mov eax, eax
;; 0000100d  out 0x80, al                       SIMULATE (ports are the machine's)
;;     mov r8d, 0x10080
;;     lea r10, [rip + 0xf]
;;     movabs r9, HOST
;;     jmp HOST
;; 0000100f  popfd                              SIMULATE (the host drops IF and IOPL without a fault)
;;     mov r8d, r12d
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 - 0x16]
;;     lea r10d, [r10 + r8 + 3]
;;     mov r11, rcx
;;     shrx ecx, r10d, r14d
;;     jrcxz +0xe5
;;     jmp +0x181
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     mov r10d, dword ptr [r8 + r9]
;;     mov r9d, r10d
;;     and r9d, 0x3f7100
;;     cmp r9d, dword ptr [r14 + 0x1c]
;;     jne +0x172
;;     bt r10d, 9
;;     setb r9b
;;     test byte ptr [r14 + 0x440], r9b
;;     jne +0x172
;;     mov byte ptr [r14 + 0x20], r9b
;;     bt r10d, 0xa
;;     setb byte ptr [r14 + 0x21]
;;     mov r11d, eax
;;     mov eax, r10d
;;     mov ah, al
;;     shr r10d, 0xb
;;     mov al, r10b
;;     and al, 1
;;     add al, 0x7f
;;     sahf 
;;     mov eax, r11d
;;     lea r12d, [r12 + 4]
;; 00001010  hlt                                SIMULATE (privileged; waits for an interrupt)
;;     movabs r9, HOST
;;     jmp HOST
;;     mov r11d, eax
;;     mov eax, r10d
;;     add al, 0x7f
;;     sahf 
;;     mov eax, r11d
;;     movabs r9, HOST
;;     jmp HOST
;;     movabs r9, HOST
;;     jmp HOST
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
