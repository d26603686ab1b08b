; Flags as data: nothing may show or change the host's.
bits 32
org 0x1000
    pushf
    popf
    cld
    lahf
    hlt
;; soft block 00001000, 5 bytes to 327
;; 00001000  pushfd                             SIMULATE (would show the host's IF and IOPL)
;;     lea r8d, [r12 - 4]
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 + 0xfea]
;;     lea r10d, [r10 + r8 + 3]
;;     mov r11, rcx
;;     shrx ecx, r10d, r14d
;;     jrcxz +0x2c
;;     jmp +0x119
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     lea r8, [r8 + r9]
;;     pushfq 
;;     pop r10
;;     pext r10d, r10d, dword ptr [r14 + 0x4e0]
;;     pdep r10d, r10d, dword ptr [r14 + 0x4e0]
;;     movzx r9d, byte ptr [r14 + 0x20]
;;     rorx r9d, r9d, 0x17
;;     lea r10d, [r10 + r9]
;;     movzx r9d, byte ptr [r14 + 0x21]
;;     rorx r9d, r9d, 0x16
;;     lea r10d, [r10 + r9]
;;     mov r9d, dword ptr [r14 + 0x1c]
;;     lea r10d, [r10 + r9 + 2]
;;     mov dword ptr [r8], r10d
;;     lea r12d, [r12 - 4]
;; 00001001  popfd                              SIMULATE (the host drops IF and IOPL without a fault)
;;     mov r8d, r12d
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 - 0x16]
;;     lea r10d, [r10 + r8 + 3]
;;     mov r11, rcx
;;     shrx ecx, r10d, r14d
;;     jrcxz +0xa6
;;     jmp +0x12b
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     mov r10d, dword ptr [r8 + r9]
;;     mov r9d, r10d
;;     and r9d, 0x244100
;;     cmp r9d, dword ptr [r14 + 0x1c]
;;     jne +0x10a
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
;; 00001002  cld                                SIMULATE (the guest's DF lives in the vCPU; the host's stays clear)
;;     mov byte ptr [r14 + 0x21], 0
;; 00001003  lahf                               IDENT    (touches only guest flags and AH)
;;     lahf 
;; 00001004  hlt                                SIMULATE (privileged; waits for an interrupt)
;;     mov r8d, 0xd
;;     movabs r9, HOST
;;     jmp HOST
;;     movabs r9, HOST
;;     jmp HOST
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;; direct block 00001000, 5 bytes to 184
;; 00001000  pushfd                             SIMULATE (would show the host's IF and IOPL)
;;     lea r8, gs:[r12d - 4]
;;     pushfq 
;;     pop r10
;;     pext r10d, r10d, dword ptr [r14 + 0x4e0]
;;     pdep r10d, r10d, dword ptr [r14 + 0x4e0]
;;     movzx r9d, byte ptr [r14 + 0x20]
;;     rorx r9d, r9d, 0x17
;;     lea r10d, [r10 + r9]
;;     movzx r9d, byte ptr [r14 + 0x21]
;;     rorx r9d, r9d, 0x16
;;     lea r10d, [r10 + r9]
;;     mov r9d, dword ptr [r14 + 0x1c]
;;     lea r10d, [r10 + r9 + 2]
;;     mov dword ptr gs:[r8], r10d
;;     lea r12d, [r12 - 4]
;; 00001001  popfd                              SIMULATE (the host drops IF and IOPL without a fault)
;;     mov r8d, r12d
;;     mov r10d, dword ptr gs:[r8d]
;;     mov r9d, r10d
;;     and r9d, 0x244100
;;     cmp r9d, dword ptr [r14 + 0x1c]
;;     jne +0xa9
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
;; 00001002  cld                                SIMULATE (the guest's DF lives in the vCPU; the host's stays clear)
;;     mov byte ptr [r14 + 0x21], 0
;; 00001003  lahf                               IDENT    (touches only guest flags and AH)
;;     lahf 
;; 00001004  hlt                                SIMULATE (privileged; waits for an interrupt)
;;     mov r8d, 0xd
;;     movabs r9, HOST
;;     jmp HOST
;;     movabs r9, HOST
;;     jmp HOST
