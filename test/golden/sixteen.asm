; 16-bit code of protected mode: limits and types are checked by a number beside each segment register.
; 16-bit protected mode
bits 16
org 0x1000
    mov al, [bx+si]
    mov [ss:bx], ax
    mov al, [cs:bx]
    mov es, ax
    pusha
    leave
    retf
;; soft block 00001000, 13 bytes to 975
;; 00001000  mov al, byte ptr [bx + si]         IDENT    (touches only guest registers, flags and memory)
;;     lea r8d, [rbx + rsi]
;;     movzx r8d, r8w
;;     mov r11, rcx
;;     mov rcx, qword ptr [r14 + 0x484]
;;     lea rcx, [rcx + r8]
;;     rorx rcx, rcx, 0x20
;;     mov r9d, dword ptr [r14 + 0x50]
;;     lea r8d, [r8 + r9]
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 - 0x16]
;;     lea r10d, [r10 + r8]
;;     shrx r10d, r10d, r14d
;;     lea ecx, [rcx + r10]
;;     jrcxz +0x48
;;     jmp +0x26a
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     mov al, byte ptr [r8 + r9]
;; 00001002  mov word ptr ss:[bx], ax           IDENT    (touches only guest registers, flags and memory)
;;     lea r8d, [rbx]
;;     movzx r8d, r8w
;;     mov r11, rcx
;;     mov rcx, qword ptr [r14 + 0x4ac]
;;     lea rcx, [rcx + r8 + 1]
;;     rorx rcx, rcx, 0x20
;;     mov r9d, dword ptr [r14 + 0x44]
;;     lea r8d, [r8 + r9]
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 + 0xfea]
;;     lea r10d, [r10 + r8 + 1]
;;     shrx r10d, r10d, r14d
;;     lea ecx, [rcx + r10]
;;     jrcxz +0xa4
;;     jmp +0x2af
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     mov word ptr [r8 + r9], ax
;; 00001005  mov al, byte ptr cs:[bx]           IDENT    (touches only guest registers, flags and memory)
;;     lea r8d, [rbx]
;;     movzx r8d, r8w
;;     mov r11, rcx
;;     mov rcx, qword ptr [r14 + 0x474]
;;     lea rcx, [rcx + r8]
;;     rorx rcx, rcx, 0x20
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 - 0x16]
;;     lea r10d, [r10 + r8]
;;     shrx r10d, r10d, r14d
;;     lea ecx, [rcx + r10]
;;     jrcxz +0xf3
;;     jmp +0x2f5
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     mov al, byte ptr [r8 + r9]
;; 00001008  mov es, ax                         SIMULATE (segment registers are the guest's own)
;;     movzx r8d, ax
;;     rorx r9d, r8d, 3
;;     movzx r9d, r9b
;;     mov r11, rcx
;;     mov ecx, dword ptr [r14 + r9*4 + 0x4e4]
;;     lea ecx, [rcx + r8 + 0x10000]
;;     jrcxz +0x12b
;;     jmp +0x331
;;     mov rcx, r11
;;     mov r10, qword ptr [r14 + r9*8 + 0x19e4]
;;     mov qword ptr [r14 + 0x46c], r10
;;     mov r10, qword ptr [r14 + r9*8 + 0x21e4]
;;     mov qword ptr [r14 + 0x49c], r10
;;     lea r9, [r9 + r9*2]
;;     mov r10, qword ptr [r14 + r9*4 + 0xce4]
;;     mov qword ptr [r14 + 0x28], r10
;;     mov r10d, dword ptr [r14 + r9*4 + 0xcec]
;;     mov dword ptr [r14 + 0x30], r10d
;; 0000100a  pushaw                             SIMULATE (the host's stack is the monitor's)
;;     lea r8d, [r12 - 0x10]
;;     movzx r8d, r8w
;;     mov r11, rcx
;;     mov rcx, qword ptr [r14 + 0x4ac]
;;     lea rcx, [rcx + r8 + 0xf]
;;     rorx rcx, rcx, 0x20
;;     mov r9d, dword ptr [r14 + 0x44]
;;     lea r8d, [r8 + r9]
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 + 0xfea]
;;     lea r10d, [r10 + r8 + 0xf]
;;     shrx r10d, r10d, r14d
;;     lea ecx, [rcx + r10]
;;     jrcxz +0x1b6
;;     jmp +0x343
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     mov word ptr [r8 + r9 + 0xe], ax
;;     mov word ptr [r8 + r9 + 0xc], cx
;;     mov word ptr [r8 + r9 + 0xa], dx
;;     mov word ptr [r8 + r9 + 8], bx
;;     mov word ptr [r8 + r9 + 6], r12w
;;     mov word ptr [r8 + r9 + 4], bp
;;     mov word ptr [r8 + r9 + 2], si
;;     mov word ptr [r8 + r9], di
;;     lea r9d, [r12 - 0x10]
;;     mov r12w, r9w
;; 0000100b  leave                              SIMULATE (the host's stack is the monitor's)
;;     movzx r8d, bp
;;     mov r11, rcx
;;     mov rcx, qword ptr [r14 + 0x47c]
;;     lea rcx, [rcx + r8 + 1]
;;     rorx rcx, rcx, 0x20
;;     mov r9d, dword ptr [r14 + 0x44]
;;     lea r8d, [r8 + r9]
;;     rorx r9d, r8d, 0x16
;;     shrx r9d, r9d, r15d
;;     mov r10d, dword ptr [r15 + r9*4 - 0x16]
;;     lea r10d, [r10 + r8 + 1]
;;     shrx r10d, r10d, r14d
;;     lea ecx, [rcx + r10]
;;     jrcxz +0x23f
;;     jmp +0x389
;;     mov rcx, r11
;;     mov r9, qword ptr [r15 + r9*8 + 0x1fea]
;;     movzx r10d, word ptr [r8 + r9]
;;     lea r9d, [rbp + 2]
;;     mov r12w, r9w
;;     mov bp, r10w
;; 0000100c  retf                               SIMULATE (control flow; changes CS)
;;     movabs r9, HOST
;;     jmp HOST
;;     mov r10d, dword ptr [r14 + 0x50]
;;     not r10d
;;     lea r10d, [r10 + r8 + 1]
;;     mov rcx, qword ptr [r14 + 0x484]
;;     lea rcx, [rcx + r10]
;;     rorx rcx, rcx, 0x20
;;     mov ecx, ecx
;;     jrcxz +0x29d
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;;     mov r10d, dword ptr [r14 + 0x44]
;;     not r10d
;;     lea r10d, [r10 + r8 + 1]
;;     mov rcx, qword ptr [r14 + 0x4ac]
;;     lea rcx, [rcx + r10 + 1]
;;     rorx rcx, rcx, 0x20
;;     mov ecx, ecx
;;     jrcxz +0x2e3
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;;     lea r10d, [r8]
;;     mov rcx, qword ptr [r14 + 0x474]
;;     lea rcx, [rcx + r10]
;;     rorx rcx, rcx, 0x20
;;     mov ecx, ecx
;;     jrcxz +0x31f
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;;     mov r10d, dword ptr [r14 + 0x44]
;;     not r10d
;;     lea r10d, [r10 + r8 + 1]
;;     mov rcx, qword ptr [r14 + 0x4ac]
;;     lea rcx, [rcx + r10 + 0xf]
;;     rorx rcx, rcx, 0x20
;;     mov ecx, ecx
;;     jrcxz +0x377
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;;     mov r10d, dword ptr [r14 + 0x44]
;;     not r10d
;;     lea r10d, [r10 + r8 + 1]
;;     mov rcx, qword ptr [r14 + 0x47c]
;;     lea rcx, [rcx + r10 + 1]
;;     rorx rcx, rcx, 0x20
;;     mov ecx, ecx
;;     jrcxz +0x3bd
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
;;     mov rcx, r11
;;     movabs r9, HOST
;;     jmp HOST
