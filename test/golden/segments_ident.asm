; IDENT under the segments engine: the guest's bytes, stack and string instructions included.
; segments engine
bits 32
org 0x1000
    mov eax, [ebx+8]
    mov [ecx+edx*4], eax
    lock xadd [edi], ecx
    push dword [esi]
    pop ebp
    push esp
    pusha
    popa
    enter 8, 0
    leave
    rep movsd
    repne scasb
    es lodsb
    xlatb
    shld eax, edx, 3
    cmpxchg8b [esi]
    hlt
;; segments block 00001000, 36 bytes to 114
;; 00001000  mov eax, dword ptr [ebx + 8]       IDENT    (touches only guest registers, flags and memory)
;;     mov eax, dword ptr [ebx + 8]
;; 00001003  mov dword ptr [ecx + edx*4], eax   IDENT    (touches only guest registers, flags and memory)
;;     mov dword ptr [ecx + edx*4], eax
;; 00001006  lock xadd dword ptr [edi], ecx     IDENT    (touches only guest registers, flags and memory)
;;     lock xadd dword ptr [edi], ecx
;; 0000100a  push dword ptr [esi]               SIMULATE (the host's stack is the monitor's)
;;     push dword ptr [esi]
;; 0000100c  pop ebp                            SIMULATE (the host's stack is the monitor's)
;;     pop ebp
;; 0000100d  push esp                           SIMULATE (the host's stack is the monitor's)
;;     push esp
;; 0000100e  pushal                             SIMULATE (the host's stack is the monitor's)
;;     pushal 
;; 0000100f  popal                              SIMULATE (the host's stack is the monitor's)
;;     popal 
;; 00001010  enter 8, 0                         SIMULATE (the host's stack is the monitor's)
;;     mov dword ptr gs:[0x2b10], SITE
;;     mov dword ptr gs:[0x2b14], SITE
;;     jmp HOST
;; 00001014  leave                              SIMULATE (the host's stack is the monitor's)
;;     leave 
;; 00001015  rep movsd dword ptr es:[edi], dword ptr [esi] SIMULATE (its memory operands are implicit: cannot be redirected)
;;     rep movsd dword ptr es:[edi], dword ptr [esi]
;; 00001017  repne scasb al, byte ptr es:[edi]  SIMULATE (its memory operands are implicit: cannot be redirected)
;;     repne scasb al, byte ptr es:[edi]
;; 00001019  lodsb al, byte ptr es:[esi]        SIMULATE (its memory operands are implicit: cannot be redirected)
;;     lodsb al, byte ptr es:[esi]
;; 0000101b  xlatb                              SIMULATE (its memory operand is implicit: cannot be redirected)
;;     xlatb 
;; 0000101c  shld eax, edx, 3                   IDENT    (touches only guest registers, flags and memory)
;;     shld eax, edx, 3
;; 00001020  cmpxchg8b qword ptr [esi]          IDENT    (touches only guest registers, flags and memory)
;;     cmpxchg8b qword ptr [esi]
;; 00001023  hlt                                SIMULATE (privileged; waits for an interrupt)
;;     mov dword ptr gs:[0x2b10], SITE
;;     mov dword ptr gs:[0x2b14], SITE
;;     jmp HOST
