; What 64-bit mode does not have, or must not do.
bits 32
org 0x1000
    daa
    push es
    cpuid
    bound eax, [ebx]
    hlt
;; soft block 00001000, 7 bytes to 75
;; 00001000  daa                                SIMULATE (no 64-bit encoding)
;;     movabs r9, HOST
;;     jmp HOST
;; 00001001  push es                            SIMULATE (would show the host's selectors)
;;     movabs r9, HOST
;;     jmp HOST
;; 00001002  cpuid                              SIMULATE (would show the host's CPU)
;;     movabs r9, HOST
;;     jmp HOST
;; 00001004  bound eax, qword ptr [ebx]         SIMULATE (no 64-bit encoding)
;;     movabs r9, HOST
;;     jmp HOST
;; 00001006  hlt                                SIMULATE (privileged; waits for an interrupt)
;;     movabs r9, HOST
;;     jmp HOST
;; direct block 00001000, 7 bytes to 75
;; 00001000  daa                                SIMULATE (no 64-bit encoding)
;;     movabs r9, HOST
;;     jmp HOST
;; 00001001  push es                            SIMULATE (would show the host's selectors)
;;     movabs r9, HOST
;;     jmp HOST
;; 00001002  cpuid                              SIMULATE (would show the host's CPU)
;;     movabs r9, HOST
;;     jmp HOST
;; 00001004  bound eax, qword ptr [ebx]         SIMULATE (no 64-bit encoding)
;;     movabs r9, HOST
;;     jmp HOST
;; 00001006  hlt                                SIMULATE (privileged; waits for an interrupt)
;;     movabs r9, HOST
;;     jmp HOST
