; Jumps, loops and calls; jumps into the middle of an instruction; single steps.
%include "case.inc"

section .data
table: dd jump_table_0, jump_table_1, jump_table_2
word_target: dw jump_word
section .text

%macro TAKEN 1          ; eax = 1 if taken
    mov eax, 1
    %1 %%taken
    mov eax, 0
%%taken:
%endmacro

CASE "jcc rel8 on carry and zero"
    IN flags, CF
    OUT eax, 0x00000000
    OUT ecx, 0x00000000
    OUT edx, 0x00000001
    OUT ebx, 0x00000001
    TAKEN jc
    mov ebx, eax
    TAKEN jz
    mov ecx, eax
    TAKEN jbe
    mov edx, eax
    TAKEN ja
DONE
CASE "jcc on the signed conditions"
    IN flags, OF
    OUT eax, 0x00000001
    OUT ecx, 0x00000000
    OUT edx, 0x00000001
    OUT ebx, 0x00000001
    TAKEN jl
    mov ebx, eax
    TAKEN jge
    mov ecx, eax
    TAKEN jle
    mov edx, eax
    TAKEN jo
DONE
CASE "jcc rel32"
    IN flags, PF
    OUT eax, 0x00000002
    OUT flags, 0
    mov eax, 1
    jp near far_taken
    mov eax, 2
    times 200 nop
far_taken:
    jnp near far_not_taken
    inc eax
far_not_taken:
DONE
CASE "jcc rel16 truncates the target"
    IN flags, ZF
    db 0x66, 0x0f, 0x84
    dw jcc16 - $ - 2
    mov eax, 1
jcc16:
DONE
CASE "a jcc to a 16-bit target that is not taken"
    OUT eax, 0x00000001
    db 0x66, 0x0f, 0x84, 0x00, 0x10
    mov eax, 1
DONE
CASE "branch hints do nothing"
    IN flags, ZF
    OUT eax, 0x00000003
    OUT flags, PF
    mov eax, 1
    db 0x3e, 0x74, 0x02
    db 0x31, 0xc0
    db 0x2e, 0x75, 0x02
    inc eax
    inc eax
DONE
CASE "backward loop"
    IN ecx, 5
    IN eax, 0
    OUT eax, 0x0000000f
    OUT ecx, 0x00000000
    OUT flags, PF
again:
    add eax, ecx
    loop again
DONE
CASE "loop leaves the flags"
    IN ecx, 1
    IN flags, CF|ZF|OF
    OUT ecx, 0x00000000
    loop $
DONE
CASE "loop with ecx zero goes round"
    IN ecx, 0
    OUT ecx, 0xffffffff
    loop loop_taken
    mov eax, 1
loop_taken:
DONE
CASE "loop by cx"
    IN ecx, 0x10001
    OUT eax, 0x00000001
    OUT ecx, 0x00010000
    a16 loop loopw
    mov eax, 1
loopw:
DONE
CASE "loope and loopne"
    IN ecx, 3
    IN flags, ZF
    OUT ecx, 0x00000001
    OUT ebx, 0x00000001
    loope loope_taken
    mov eax, 1
loope_taken:
    loopne loopne_taken
    mov ebx, 1
loopne_taken:
DONE
CASE "jecxz and jcxz"
    IN ecx, 0x10000
    OUT eax, 0x00000001
    OUT ecx, 0x00000000
    OUT flags, PF|ZF
    jecxz jecxz_taken
    mov eax, 1
jecxz_taken:
    jcxz jcxz_taken
    mov ebx, 1
jcxz_taken:
    xor ecx, ecx
    jecxz jecxz_taken2
    mov edx, 1
jecxz_taken2:
DONE
CASE "jmp through a table"
    IN ecx, 1
    OUT ebx, 0x00000001
    jmp [table+ecx*4]
jump_table_0:
    mov eax, 0
jump_table_1:
    mov ebx, 1
jump_table_2:
DONE
CASE "jmp r32 and call r32"
    OUT edx, 0x000011dc
    OUT ebx, 0x00000002
    MEM 0x000097fc, 0x000011da
    mov edx, jmp_r32
    jmp edx
    mov eax, 1
jmp_r32:
    mov edx, call_r32
    call edx
    jmp jmp_r32_done
call_r32:
    mov ebx, 2
    ret
jmp_r32_done:
DONE
CASE "jmp m16 truncates eip"
    o16 jmp [word_target]
    mov eax, 1
jump_word:
DONE
CASE "jmp r16"
    IN ecx, 0xabcd0000 + jump_r16
    jmp cx
    mov eax, 1
jump_r16:
DONE
CASE "jmp short, near and over many bytes"
    jmp short jmp1
    mov eax, 1
jmp1:
    jmp near jmp2
    times 300 inc ebx
jmp2:
DONE
CASE "a far jump to the same segment"
    jmp 0x23:far_jump
    mov eax, 1
far_jump:
DONE
CASE "a far call and a far return"
    OUT eax, 0x00000007
    MEM 0x000097f8, 0x00001346
    MEM 0x000097fc, 0x00000023
    call 0x23:far_call
    jmp far_call_done
far_call:
    mov eax, 7
    retf
far_call_done:
DONE
CASE "retf n"
    MEM 0x000097f4, 0x00001362
    MEM 0x000097f8, 0x00000023
    MEM 0x000097fc, 0x12345678
    push 0x12345678
    push cs
    push retf_n
    retf 4
    mov eax, 1
retf_n:
DONE
CASE "iret at the same privilege"
    OUT flags, PF|ZF
    MEM 0x000097f4, 0x00001374
    MEM 0x000097f8, 0x00000023
    MEM 0x000097fc, 0x00000246
    push 0x246
    push cs
    push iret_same
    iret
    mov eax, 1
iret_same:
DONE
CASE "iretw"
    MEM 0x000097f8, 0x13860000
    MEM 0x000097fc, 0x00000023
    push word 0x0
    push word 0x23
    push word iret_w
    iretw
    mov eax, 1
iret_w:
DONE
CASE "a far jump through memory"
    OUT esp, 0x000097f8
    MEM 0x000097f8, 0x00001396
    MEM 0x000097fc, 0x00000023
    push 0x23
    push far_memory
    jmp far [esp]
    mov eax, 1
far_memory:
DONE
CASE "a far jump to a data segment"
    FAULT 13, 0x28, far_data
far_data:
    jmp 0x2b:far_data
DONE
CASE "a far jump to a null selector"
    FAULT 13, 0, far_null
far_null:
    jmp 0:far_null
DONE
CASE "into the middle of an instruction"
    OUT eax, 0x0c0c0c0c
    OUT ecx, 0x0b0b0b0b
    jmp middle+1
middle:
    mov eax, 0x90d98991     ; from its second byte: xchg ecx, eax; mov ecx, ebx; nop
DONE
CASE "both readings of the same bytes, in a loop"
    IN ecx, 0
    IN edx, 2
    OUT eax, 0x90904141
    OUT ecx, 0x00000002
    OUT edx, 0x00000000
    OUT flags, PF|ZF
both:
    db 0xb8, 0x41, 0x41, 0x90, 0x90 ; mov eax, 0x90904141, or from its second byte: inc ecx; inc ecx; nop; nop
    dec edx
    jnz both+1
DONE
CASE "a jump into the immediate of the jump's own block"
    IN ecx, 2
    OUT eax, 0x00000000
    OUT ecx, 0x00000001
    OUT edx, 0x00000002
    OUT ebx, 0x00000001
    OUT flags, PF|ZF
overlap:
    mov eax, 0x02ebc031     ; xor eax, eax; jmp +2
    loop overlap+1
    mov ebx, 1
    mov edx, 2
DONE
CASE "an instruction across two pages"
    FAULT 13, 0, across_back
    OUT eax, 0x12345678
    jmp across
DONE
CASE "a jump to itself that memory changes"
    IN ecx, 3
    OUT ecx, 0x00000000
    OUT flags, PF|ZF
spin:
    dec ecx
    jnz spin
DONE
CASE "a single step stops after one instruction"
    IN flags, TF
    FAULT 1, 0, stepped
    OUT eax, 0x0a0a0a0b
    inc eax
stepped:
    inc eax
DONE
CASE "a single step over a taken jump"
    IN flags, TF
    FAULT 1, 0, stepped_jump
    jmp stepped_jump
    nop
stepped_jump:
DONE
CASE "popf that sets TF traps after the next instruction"
    OUT eax, 0x0a0a0a0b
    OUT flags, TF
    MEM 0x000097fc, 0x00000302
    push 0x302
    FAULT 1, 0, popf_trap
    popf
    inc eax
popf_trap:
    inc eax
DONE
CASE "a single step ends each element of rep movsb"
    IN esi, 0x4000
    IN edi, 0x4100
    IN ecx, 3
    IN flags, TF
    FAULT 1, 0, step_rep
    NONATIVE "RF is pushed set between elements by the manual (volume 3, 17.3.1.1), clear by AMD"
    OUT ecx, 0x00000002
    OUT esi, 0x00004001
    OUT edi, 0x00004101
    MEM 0x00004100, 0x000000bc
step_rep:
    rep movsb
DONE
CASE "mov ss holds back the single step for one instruction"
    IN flags, TF
    IN eax, 0x2b
    FAULT 1, 0, step_ss
    OUT ebx, 0x0b0b0b0c
    OUT flags, PF|TF
    mov ss, ax
    inc ebx
step_ss:
    inc ebx
DONE
CASE "int3 reports the address behind it"
    FAULT 3, 0, int3_behind
    int3
int3_behind:
DONE
CASE "int 3 by the long form"
    FAULT 3, 0, int_3_behind
    db 0xcd, 3
int_3_behind:
DONE
CASE "into with OF"
    IN flags, OF
    FAULT 4, 0, into_behind
    into
into_behind:
DONE
CASE "into without OF"
    into
DONE
CASE "a single step over an into that is not taken"
    IN flags, TF
    FAULT 1, 0, step_into
    into
step_into:
    inc eax
DONE
CASE "int 0x21 from user mode"
    FAULT 13, 0x21*8+2, int_21
int_21:
    int 0x21
DONE
CASE "int1 reports the address behind it"
    FAULT 1, 0, int1_behind
    NONATIVE "a hypervisor below us may hand it on as a fault"
    db 0xf1
int1_behind:
DONE
; Here, so that `across` lies over the edge of the first code page.
    times 0x1ffd - 0x1000 - ($ - $$) db 0xcc
across:
    mov eax, 0x12345678
    jmp across_back
    times 32 nop
across_back:
    hlt
