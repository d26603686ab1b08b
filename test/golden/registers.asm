; What touches no memory is copied; esp is r12, and 40 to 4F are REX.
bits 32
org 0x1000
    add eax, ecx
    inc edx
    sub esp, 16
    mov ebp, esp
    imul eax, ecx, 100
    shld eax, edx, cl
    hlt
;; soft block 00001000, 15 bytes to 48
;; 00001000  add eax, ecx                       IDENT    (touches only guest registers, flags and memory)
;;     add eax, ecx
;; 00001002  inc edx                            IDENT    (touches only guest registers, flags and memory; 40-4F are REX there, so FF)
;;     inc edx
;; 00001003  sub esp, 0x10                      IDENT    (touches only guest registers, flags and memory)
;;     sub r12d, 0x10
;; 00001006  mov ebp, esp                       IDENT    (touches only guest registers, flags and memory)
;;     mov ebp, r12d
;; 00001008  imul eax, ecx, 0x64                IDENT    (touches only guest registers, flags and memory)
;;     imul eax, ecx, 0x64
;; 0000100b  shld eax, edx, cl                  IDENT    (touches only guest registers, flags and memory)
;;     shld eax, edx, cl
;; 0000100e  hlt                                SIMULATE (privileged; waits for an interrupt)
;;     mov r8d, 0xd
;;     movabs r9, HOST
;;     jmp HOST
;; direct block 00001000, 15 bytes to 38
;; 00001000  add eax, ecx                       IDENT    (touches only guest registers, flags and memory)
;;     add eax, ecx
;; 00001002  inc edx                            IDENT    (touches only guest registers, flags and memory; 40-4F are REX there, so FF)
;;     inc edx
;; 00001003  sub esp, 0x10                      IDENT    (touches only guest registers, flags and memory)
;;     sub r12d, 0x10
;; 00001006  mov ebp, esp                       IDENT    (touches only guest registers, flags and memory)
;;     mov ebp, r12d
;; 00001008  imul eax, ecx, 0x64                IDENT    (touches only guest registers, flags and memory)
;;     imul eax, ecx, 0x64
;; 0000100b  shld eax, edx, cl                  IDENT    (touches only guest registers, flags and memory)
;;     shld eax, edx, cl
;; 0000100e  hlt                                SIMULATE (privileged; waits for an interrupt)
;;     mov r8d, 0xd
;;     movabs r9, HOST
;;     jmp HOST
