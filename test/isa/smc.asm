; Code that rewrites itself: in the next instruction, the running loop, the same block, another page, by rep movs.
%include "case.inc"

section .data
    times 0x100 db 0
code_bytes:
    mov ebx, 0x5555
    ret
section .text

CASE "the very next instruction"
    OUT eax, 0x00000007
    MEM 0x00001008, 0x00000007
    mov byte [next_target+1], 7
next_target:
    mov eax, 0
DONE
CASE "an opcode in the running block"
    OUT ebx, 0x0b0b0b0c
    OUT flags, PF
    MEM 0x00001014, 0xf4439090
    mov byte [opcode_target], 0x43 ; inc ebx
    nop
    nop
opcode_target:
    inc eax
DONE
CASE "each turn of a loop changes its own immediate"
    IN ecx, 5
    IN eax, 0
    OUT eax, 0x0000000f
    OUT ecx, 0x00000000
    OUT flags, PF|ZF
    MEM 0x00001018, 0xfe06c083
smc_loop:
    add eax, 1
smc_imm equ $-1
    inc byte [smc_imm]
    dec ecx
    jnz smc_loop
DONE
CASE "a function is written, called, rewritten and called"
    OUT eax, 0x0a0a0a03
    OUT ebx, 0x0b0b0201
    MEM 0x00001054, 0xc303b008
    MEM 0x00001058, 0xcccccc90
    MEM 0x000097fc, 0x00001053
    mov dword [function], 0xc301b0 ; mov al, 1; ret
    call function
    mov bl, al
    mov byte [function+1], 2
    call function
    mov bh, al
    mov dword [function], 0x90c303b0
    call function
    jmp function_done
function: times 8 db 0xcc
function_done:
DONE
CASE "code in the data page, called twice"
    OUT ecx, 0x00005555
    OUT ebx, 0x00001234
    MEM 0x00004100, 0x001234bb
    MEM 0x000097fc, 0x00001074
    call code_bytes
    mov ecx, ebx
    mov dword [code_bytes+1], 0x1234
    call code_bytes
DONE
CASE "code copied by rep movsb, then overwritten by another copy"
    OUT eax, 0x00005000
    OUT ecx, 0x00000000
    OUT edx, 0x00005000
    OUT ebx, 0x11111111
    OUT ebp, 0x22222222
    OUT esi, 0x000010b3
    OUT edi, 0x00005006
    MEM 0x00005000, 0x222222bd
    MEM 0x00005004, 0x0000c322
    MEM 0x000097fc, 0x000010a5
    mov esi, copy_1
    mov edi, 0x5000
    mov ecx, 6
    rep movsb
    mov eax, 0x5000
    call eax
    mov esi, copy_2
    mov edi, 0x5000
    mov ecx, 6
    rep movsb
    mov edx, 0x5000
    call edx
    jmp copy_done
copy_1:
    mov ebx, 0x11111111
    ret
copy_2:
    mov ebp, 0x22222222
    ret
copy_done:
DONE
CASE "rep stosb over the instructions behind it"
    OUT eax, 0x00000044
    OUT ecx, 0x00000000
    OUT edi, 0x000010c9
    OUT flags, PF
    MEM 0x000010c4, 0x404040aa
    MEM 0x000010c8, 0x4268f440
    mov edi, stos_target
    mov eax, 0x40 ; inc eax
    mov ecx, 4
    rep stosb
stos_target:
    times 4 dec edx
DONE
CASE "code on the stack"
    IN esp, 0x9800
    OUT edx, 0x0d0d0d10
    OUT esp, 0x000097fc
    OUT flags, AF
    MEM 0x000097f8, 0x000010d1
    MEM 0x000097fc, 0xc3424242
    push 0xc3424242 ; inc edx three times; ret
    call esp
DONE
CASE "code on the stack at the same place, again with other bytes"
    IN ecx, 3
    IN edx, 0
    OUT eax, 0xc3909042
    OUT ecx, 0x00000000
    OUT edx, 0x00000004
    OUT flags, CF|PF|ZF
    MEM 0x000097f8, 0x000010e9
    MEM 0x000097fc, 0xc3909042
stack_again:
    mov eax, 0xc3004283     ; 83 42 00 c3: add dword [edx], ... not run: replaced below
    mov eax, 0xc3909042     ; inc edx; nop; nop; ret
    cmp ecx, 2
    jne stack_push
    mov eax, 0xc3904242     ; inc edx; inc edx; nop; ret
stack_push:
    push eax
    call esp
    pop eax
    dec ecx
    jnz stack_again
DONE
CASE "an instruction that overwrites itself"
    OUT eax, 0x90909090
    OUT ebx, 0x0b0b0b0c
    OUT flags, PF
    MEM 0x000010f0, 0x90909090
    MEM 0x000010f4, 0x00909090
    mov eax, 0x90909090
self:
    mov [self], eax
    times 4 nop
    inc ebx
DONE
CASE "a write astride the end of the running instruction"
    OUT ebx, 0x0b0b0b0d
    MEM 0x00001108, 0x43439090
    mov dword [astride_target-2], 0x43439090
    nop
    nop
astride_target:
    inc eax
    inc eax
DONE
CASE "a write of the same bytes"
    OUT eax, 0x43434343
    OUT ebx, 0x0b0b0b0f
    OUT flags, PF
    mov eax, [same]
    mov [same], eax
same:
    inc ebx
    inc ebx
    inc ebx
    inc ebx
DONE
CASE "data beside code"
    IN ecx, 100
    OUT ecx, 0x00000000
    OUT flags, PF|ZF
    MEM 0x0000111c, 0x006404eb
    jmp beside
counter: dd 0
beside:
    inc dword [counter]
    dec ecx
    jnz beside
DONE
CASE "a push overwrites the code that runs"
    OUT ebx, 0x0b0b0b0f
    OUT flags, PF
    MEM 0x00001134, 0x43434343
    MEM 0x00001138, 0xbc434343
    lea esp, [push_target+4]
    push 0x43434343
push_target:
    times 4 inc eax
    mov esp, 0x9800
DONE
CASE "a call's return address overwrites code"
    OUT eax, 0x00000000
    OUT flags, PF|ZF
    MEM 0x00001150, 0x4c04eb00
    MEM 0x00001154, 0xa1000011
    lea esp, [call_target+4]
    call call_next
call_next:
    mov esp, 0x9800
    jmp call_over
call_target: times 4 db 0xcc
call_over:
    mov eax, [call_target]
    sub eax, call_next
DONE
CASE "locked and read-modify-write changes of code"
    OUT eax, 0x0a0a0a09
    OUT ebx, 0x0b0b0b0c
    OUT flags, PF
    MEM 0x00001170, 0xf4484308
    lock or byte [rmw_target], 3     ; 40 -> 43: inc eax -> inc ebx
    xor byte [rmw_target+1], 0x48-0x40 ; inc eax -> dec eax
rmw_target:
    inc eax
    inc eax
DONE
CASE "a jump target is changed"
    OUT ebx, 0x00000022
    MEM 0x0000117c, 0x0011b805
    mov byte [jump_site+1], 5
jump_site:
    jmp short jump_site_0
jump_site_0:
    mov eax, 0x11
    mov ebx, 0x22
DONE
CASE "a conditional jump becomes its opposite"
    IN ecx, 2
    IN eax, 0
    OUT eax, 0x00000102
    OUT ecx, 0x00000000
    OUT flags, PF|ZF
invert_again:
    cmp ecx, 100
invert_site:
    jb invert_taken
    add eax, 0x100
invert_taken:
    add eax, 1
    xor byte [invert_site], 1
    dec ecx
    jnz invert_again
DONE
CASE "a change through an alias of the operand size: one byte of a call's target"
    OUT eax, 0x0000000b
    MEM 0x000011a8, 0x00000008
    MEM 0x000097fc, 0x000011ac
    mov byte [call_site+1], call_b - call_site - 5
call_site:
    call call_a
    jmp call_ab_done
call_a:
    mov eax, 0xa
    ret
call_b:
    mov eax, 0xb
    ret
call_ab_done:
DONE
CASE "xchg and cmpxchg change code"
    OUT eax, 0x00000042
    OUT ecx, 0x0000004b
    MEM 0x000011d4, 0x43000011
    MEM 0x000011d8, 0x3dd9f44b
    mov eax, 0x43
    xchg al, [xchg_target]
    mov ecx, 0x4b
    mov eax, 0x42
    cmpxchg [cmpxchg_target], cl
xchg_target:
    inc eax
cmpxchg_target:
    inc edx
DONE
CASE "fnstcw writes code"
    OUT eax, 0x0000037f
    MEM 0x000011e0, 0x00037fb8
    fnstcw [fp_target+1]
fp_target:
    mov eax, 0
DONE
CASE "movups writes code"
    OUT ebx, 0x0b0b0b1a
    MEM 0x00001204, 0x43439043
    MEM 0x00001208, 0x43434343
    MEM 0x0000120c, 0x43434343
    MEM 0x00001210, 0x43434343
    MEM 0x00001214, 0x00f49043
    movups xmm0, [sse_source]
    movups [sse_target], xmm0
    jmp sse_target
sse_source: times 15 inc ebx
    nop
sse_target: times 16 inc eax
DONE
