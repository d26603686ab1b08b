; 16-bit code under the segments engine: the same instructions with 32-bit code's prefixes.
; segments engine
; 16-bit protected mode
bits 16
org 0x1000
    mov ax, [bx+4]
    mov [si], eax
    mov ecx, [ebx]
    push ax
    pop edx
    movsw
    hlt
;; segments block 00001000, 15 bytes to 93
;; 00001000  mov ax, word ptr [bx + 4]          IDENT    (touches only guest registers, flags and memory)
;;     mov ax, word ptr [bx + 4]
;; 00001003  mov dword ptr [si], eax            IDENT    (touches only guest registers, flags and memory)
;;     mov dword ptr [si], eax
;; 00001006  mov ecx, dword ptr [ebx]           IDENT    (touches only guest registers, flags and memory)
;;     mov ecx, dword ptr [ebx]
;; 0000100a  push ax                            SIMULATE (the host's stack is the monitor's)
;;     push ax
;; 0000100b  pop edx                            SIMULATE (the host's stack is the monitor's)
;;     pop edx
;; 0000100d  movsw word ptr es:[di], word ptr [si] SIMULATE (its memory operands are implicit: cannot be redirected)
;;     movsw word ptr es:[di], word ptr [si]
;; 0000100e  hlt                                SIMULATE (privileged; waits for an interrupt)
;;     mov dword ptr gs:[0x2b10], SITE
;;     mov dword ptr gs:[0x2b14], SITE
;;     jmp HOST
