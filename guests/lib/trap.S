# The assembly half of run(): into a context, and back out of it by way of whichever vector it meets.
#define CTX_EAX 0
#define CTX_ECX 4
#define CTX_EDX 8
#define CTX_EBX 12
#define CTX_EBP 16
#define CTX_ESI 20
#define CTX_EDI 24
#define CTX_ES 28
#define CTX_DS 32
#define CTX_FS 36
#define CTX_GS 40
#define CTX_EIP 44
#define CTX_CS 48
#define CTX_EFLAGS 52
#define CTX_ESP 56
#define CTX_SS 60
#define KDATA 0x10

    .text
# void enter_context(const struct context*): comes back when end_of_run() has made its record.
    .globl enter_context
enter_context:
    pushal
    mov 36(%esp), %ebx
    mov %esp, run_stack
    testl $0x20000, CTX_EFLAGS(%ebx)
    jnz to_v86
    testl $3, CTX_CS(%ebx)
    jnz to_outer
    lss CTX_ESP(%ebx), %esp             # the same privilege: IRET does not load the stack
    jmp push_return
to_v86:
    pushl CTX_GS(%ebx)
    pushl CTX_FS(%ebx)
    pushl CTX_DS(%ebx)
    pushl CTX_ES(%ebx)
to_outer:
    pushl CTX_SS(%ebx)
    pushl CTX_ESP(%ebx)
push_return:
    pushl CTX_EFLAGS(%ebx)
    pushl CTX_CS(%ebx)
    pushl CTX_EIP(%ebx)
    testl $0x20000, CTX_EFLAGS(%ebx)
    jnz 1f
    mov CTX_ES(%ebx), %es
    mov CTX_FS(%ebx), %fs
    mov CTX_GS(%ebx), %gs
    mov CTX_DS(%ebx), %ds               # the last: from here on through CS
1:  mov %cs:CTX_EAX(%ebx), %eax
    mov %cs:CTX_ECX(%ebx), %ecx
    mov %cs:CTX_EDX(%ebx), %edx
    mov %cs:CTX_EBP(%ebx), %ebp
    mov %cs:CTX_ESI(%ebx), %esi
    mov %cs:CTX_EDI(%ebx), %edi
    mov %cs:CTX_EBX(%ebx), %ebx
    iretl

# One stub of 16 bytes for each vector; those without an error code push a zero in its place.
    .balign 16
    .globl trap_stubs
trap_stubs:
    .set vector, 0
    .rept 256
    .balign 16
    .if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17)
    pushl $0
    .endif
    pushl $vector
    jmp trap
    .set vector, vector + 1
    .endr
    .balign 16

# Here the stack may be a snippet's own, with a base or of 16 bits, so it is used for nothing but pushes.
trap:
    pushal
    pushl %ds
    pushl %es
    pushl %fs
    pushl %gs
    cld
    mov $KDATA, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %esp, %ebx
    mov %ss, %ecx
    cmp $KDATA, %ecx
    je 1f
    and run_stack_mask, %ebx
    add run_stack_base, %ebx
1:  mov 48(%ebx), %eax                  # frame.vector
    mov handlers(,%eax,4), %eax
    test %eax, %eax
    jz leave_run
    push %ebx
    call *%eax
    add $4, %esp
    popl %gs
    popl %fs
    popl %es
    popl %ds
    popal
    add $8, %esp
    iretl

leave_run:
    mov $KDATA, %eax
    mov %eax, %fs
    mov %eax, %gs
    mov %eax, %ss
    mov run_stack, %esp
    push %ecx
    push %ebx
    call end_of_run
    add $8, %esp
    jmp back_to_run

    .globl double_fault_entry
double_fault_entry:
    call end_by_double_fault            # its argument is the error code that the CPU pushed
    mov run_stack, %esp
back_to_run:
    pushl $2                            # NT, TF, AC and the like are the snippet's
    popfl
    popal
    ret

    .bss
    .balign 4
run_stack: .space 4
