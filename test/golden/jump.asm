; Direct jumps chain; indirect ones are looked up.
bits 32
org 0x1000
    test eax, eax
    jz over
    dec eax
over:
    jmp [ebx]
    hlt
;; soft block 00001000, 7 bytes to 171
;; 00001000  test eax, eax                      IDENT    (touches only guest registers, flags and memory)
;;     test eax, eax
;; 00001002  je 0x1005                          SIMULATE (control flow)
;;     je +0x74
;; 00001004  dec eax                            IDENT    (touches only guest registers, flags and memory; 40-4F are REX there, so FF)
;;     dec eax
;; 00001005  jmp dword ptr [ebx]                SIMULATE (control flow)
;;     mov r8d, dword ptr [r13]
;;     lea r8d, [rbx]
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 - 0x16]
;;     lea r10d, [r10 + r8 + 3]
;;     mov r11, rcx
;;     shrx ecx, r10d, r14d
;;     jrcxz +0x35
;;     jmp +0x8f
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     mov r8d, dword ptr [r8 + r9]
;;     rorx r9d, r8d, 0xe
;;     lea r9d, [r9 + r8*8]
;;     shrx r9d, r9d, r13d
;;     mov r11, rcx
;;     mov ecx, dword ptr [r15 + r9*4 + 0x4fea]
;;     lea ecx, [rcx + r8]
;;     jrcxz +0x69
;;     jmp +0x87
;;     mov rcx, r11
;;     jmp qword ptr [r15 + r9*8 + 0x14fea]
;;     movabs r9, HOST
;;     jmp HOST
;;     nop 
;;     nop 
;;     nop 
;;     nop 
;;     mov rcx, r11
;;     jmp HOST
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;; direct block 00001000, 7 bytes to 71
;; 00001000  test eax, eax                      IDENT    (touches only guest registers, flags and memory)
;;     test eax, eax
;; 00001002  je 0x1005                          SIMULATE (control flow)
;;     je +0x38
;; 00001004  dec eax                            IDENT    (touches only guest registers, flags and memory; 40-4F are REX there, so FF)
;;     dec eax
;; 00001005  jmp dword ptr [ebx]                SIMULATE (control flow)
;;     mov r8d, dword ptr gs:[ebx]
;;     rorx r9d, r8d, 0xe
;;     lea r9d, [r9 + r8*8]
;;     shrx r9d, r9d, r13d
;;     mov r10d, dword ptr [r15 + r9*4 + 0x4fea]
;;     lea r10d, [r10 + r8]
;;     movzx r10d, byte ptr [r13 + r10 + 0xd]
;;     jmp qword ptr [r15 + r9*8 + 0x14fea]
;;     movabs r9, HOST
;;     jmp HOST
