; A backward jump polls for events.
bits 32
org 0x1000
again:
    dec ecx
    jnz again
    hlt
;; soft block 00001000, 4 bytes to 62
;; 00001000  dec ecx                            IDENT    (touches only guest registers, flags and memory; 40-4F are REX there, so FF)
;;     dec ecx
;; 00001001  jne 0x1000                         SIMULATE (control flow)
;;     mov r8d, dword ptr [r13]
;;     jne +0x21
;; 00001003  hlt                                SIMULATE (privileged; waits for an interrupt)
;;     mov r8d, 0xd
;;     movabs r9, HOST
;;     jmp HOST
;;     movabs r9, HOST
;;     jmp HOST
;;     nop 
;;     nop 
;;     nop 
;;     nop 
;; direct block 00001000, 4 bytes to 48
;; 00001000  dec ecx                            IDENT    (touches only guest registers, flags and memory; 40-4F are REX there, so FF)
;;     dec ecx
;; 00001001  jne 0x1000                         SIMULATE (control flow)
;;     mov r8d, dword ptr [r13]
;;     jne +0x21
;; 00001003  hlt                                SIMULATE (privileged; waits for an interrupt)
;;     mov r8d, 0xd
;;     movabs r9, HOST
;;     jmp HOST
;;     movabs r9, HOST
;;     jmp HOST
