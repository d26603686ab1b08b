# A trap's number is in eax, its arguments are the caller's, above the return address (mach/syscall_sw.h).
.macro trap name, number
    .globl \name
\name:
    movl $\number, %eax
    lcall $7, $0
    ret
.endm

trap mach_msg, -25
trap mach_reply_port, -26
trap mach_task_self, -28
trap task_create, -68
trap mach_port_allocate, -72
trap mach_port_insert_right, -74

# The kernel leaves argc, then the pointers to the arguments, on the stack.
    .globl _start
_start:
    movl %esp, %eax
    leal 4(%eax), %ecx
    pushl %ecx
    pushl (%eax)
    call serve
    ud2
    .section .note.GNU-stack, "", @progbits
