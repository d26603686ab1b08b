; A call and its return are paired on the host's stack.
bits 32
org 0x1000
    call function
    hlt
function:
    ret 4
    hlt
;; soft block 00001000, 6 bytes to 204
;; 00001000  call 0x1006                        SIMULATE (control flow)
;;     mov r8d, dword ptr [r13]
;;     lea r8d, [r12 - 4]
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 + 0xfea]
;;     lea r10d, [r10 + r8 + 3]
;;     mov r11, rcx
;;     shrx ecx, r10d, r14d
;;     jrcxz +0x30
;;     jmp +0xb0
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     mov r10d, dword ptr [r14 + 0x4d4]
;;     lea r10d, [r10 + 5]
;;     mov dword ptr [r8 + r9], r10d
;;     lea r12d, [r12 - 4]
;;     push qword ptr [r14 + 0x4d4]
;;     call +0x91
;;     lea r8d, [r8 - 5]
;;     mov dword ptr [r14 + 0x4d4], r8d
;;     mov r11, rcx
;;     pop rcx
;;     not rcx
;;     lea rcx, [rcx + r8 + 1]
;;     jrcxz +0x79
;;     jmp +0xa4
;;     mov rcx, r11
;; 00001005  hlt                                SIMULATE (privileged; waits for an interrupt)
;;     mov r8d, 0xd
;;     movabs r9, HOST
;;     jmp HOST
;;     movabs r9, HOST
;;     jmp HOST
;;     nop 
;;     nop 
;;     nop 
;;     nop 
;;     mov rcx, r11
;;     lea r8d, [r8 + 5]
;;     jmp HOST
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;; soft block 00001006, 3 bytes to 89
;; 00001006  ret 4                              SIMULATE (control flow)
;;     mov r8d, r12d
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 - 0x16]
;;     lea r10d, [r10 + r8 + 3]
;;     mov r11, rcx
;;     shrx ecx, r10d, r14d
;;     jrcxz +0x27
;;     jmp +0x3c
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     mov r8d, dword ptr [r8 + r9]
;;     lea r12d, [r12 + 8]
;;     ret 
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;; direct block 00001000, 6 bytes to 74
;; 00001000  call 0x1006                        SIMULATE (control flow)
;;     mov r8d, dword ptr [r13]
;;     mov dword ptr gs:[r12d - 4], 0x1005
;;     lea r12d, [r12 - 4]
;;     call +0x3b
;;     lea r9d, [r8 - 0x1005]
;;     movzx r9d, byte ptr [r13 + r9 + 0xd]
;; 00001005  hlt                                SIMULATE (privileged; waits for an interrupt)
;;     mov r8d, 0xd
;;     movabs r9, HOST
;;     jmp HOST
;;     movabs r9, HOST
;;     jmp HOST
;; direct block 00001006, 3 bytes to 12
;; 00001006  ret 4                              SIMULATE (control flow)
;;     mov r8d, dword ptr gs:[r12d]
;;     lea r12d, [r12 + 8]
;;     ret 
