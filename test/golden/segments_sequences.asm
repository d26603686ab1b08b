; What is no copy under the segments engine: code segment overrides, the guest's FS and GS, control flow.
; segments engine
bits 32
org 0x1000
    mov eax, [cs:ebx]
    mov eax, [gs:0]
    mov [fs:ebx+ecx*4+8], edx
    mov ecx, ds
    test eax, eax
    jz over
    call over
over:
    ret
;; segments block 00001000, 25 bytes to 302
;; 00001000  mov eax, dword ptr cs:[ebx]        IDENT    (touches only guest registers, flags and memory)
;;     mov eax, dword ptr [ebx]
;; 00001003  mov eax, dword ptr gs:[0]          IDENT    (touches only guest registers, flags and memory)
;;     mov dword ptr gs:[0x2adc], ecx
;;     movzx ecx, byte ptr gs:[0x450]
;;     jecxz +0x18
;;     jmp +0x97
;;     mov ecx, dword ptr gs:[0x2adc]
;;     mov dword ptr gs:[0x2af4], edi
;;     mov edi, dword ptr gs:[0x74]
;;     mov eax, dword ptr [edi]
;;     mov edi, dword ptr gs:[0x2af4]
;; 00001009  mov dword ptr fs:[ebx + ecx*4 + 8], edx IDENT    (touches only guest registers, flags and memory)
;;     mov dword ptr gs:[0x2adc], ecx
;;     movzx ecx, byte ptr gs:[0x44f]
;;     jecxz +0x51
;;     jmp +0xb9
;;     mov ecx, dword ptr gs:[0x2adc]
;;     mov dword ptr gs:[0x2af4], edi
;;     mov edi, dword ptr gs:[0x68]
;;     lea edi, [edi + ecx*4 + 8]
;;     mov dword ptr [ebx + edi], edx
;;     mov edi, dword ptr gs:[0x2af4]
;; 0000100e  mov ecx, ds                        SIMULATE (segment registers are the guest's own)
;;     mov ecx, dword ptr gs:[0x2b04]
;; 00001010  test eax, eax                      IDENT    (touches only guest registers, flags and memory)
;;     test eax, eax
;; 00001012  je 0x1019                          SIMULATE (control flow)
;;     je +0xdb
;; 00001014  call 0x1019                        SIMULATE (control flow)
;;     mov dword ptr gs:[0x44000], eax
;;     push 0x1019
;;     jmp +0xf6
;;     mov ecx, dword ptr gs:[0x2adc]
;;     mov dword ptr gs:[0x2b10], SITE
;;     mov dword ptr gs:[0x2b14], SITE
;;     jmp HOST
;;     mov ecx, dword ptr gs:[0x2adc]
;;     mov dword ptr gs:[0x2b10], SITE
;;     mov dword ptr gs:[0x2b14], SITE
;;     jmp HOST
;;     mov dword ptr gs:[0x2b10], SITE
;;     mov dword ptr gs:[0x2b14], SITE
;;     jmp HOST
;;     mov dword ptr gs:[0x2b10], SITE
;;     mov dword ptr gs:[0x2b14], SITE
;;     jmp HOST
