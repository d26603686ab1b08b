# From the Multiboot entry point to main(): a stack, our own descriptor tables, then the checks.
    .section .multiboot, "a"
    .balign 4
    .long 0x1badb002, 0, -0x1badb002        # magic, flags, checksum

    .text
    .globl start
start:
    cli
    cld
    mov $main_stack_top, %esp
    mov %ebx, multiboot_information
    mov $0xff, %al                      # until a test asks for them, no interrupts
    out %al, $0x21
    out %al, $0xa1
    push $0
    popfl
    call setup_descriptors
    call main
    call finish

    .bss
    .balign 4096
    .space 16384
main_stack_top:
