// Each exception with its vector, its error code and the instruction that it points at.
#include "trap.h"

SNIPPET(de_zero, "mov $1, %eax\n xor %edx, %edx\n xor %ecx, %ecx", "div %ecx");
SNIPPET(de_overflow, "mov $1, %edx\n mov $1, %ecx", "div %ecx");
SNIPPET(de_idiv, "mov $0x80000000, %eax\n cltd\n mov $-1, %ecx", "idiv %ecx");
SNIPPET(de_byte, "mov $0x200, %eax\n mov $2, %cl", "div %cl");
SNIPPET(de_aam, "nop", "aam $0");
SNIPPET(bp, "nop", "int3");
SNIPPET(int_3, "nop", ".byte 0xcd, 3");
SNIPPET(of, "mov $0x7fffffff, %eax\n inc %eax", "into");
SNIPPET(of_not, "xor %eax, %eax", "into");
SNIPPET(br, "mov $10, %eax", "bound %eax, bounds");
SNIPPET(br_low, "mov $-6, %eax", "bound %eax, bounds");
SNIPPET(br_not, "mov $9, %eax", "bound %eax, bounds\n mov $-5, %eax\n bound %eax, bounds");
asm(".data\n .balign 8\nbounds: .long -5, 9\n .text");

SNIPPET(ud2, "nop", "ud2");
SNIPPET(ud_mov_cs, "nop", ".byte 0x8e, 0xc8");
SNIPPET(ud_lea_reg, "nop", ".byte 0x8d, 0xc0");
SNIPPET(ud_lock, "nop", ".byte 0xf0, 0x90");
SNIPPET(ud_lock_reg, "nop", ".byte 0xf0, 0x01, 0xc0");
SNIPPET(ud_lock_mov, "nop", ".byte 0xf0, 0x89, 0x06");
SNIPPET(ud_lds_reg, "nop", ".byte 0xc5, 0xc0");
SNIPPET(ud_les_reg, "nop", ".byte 0xc4, 0xc0");
SNIPPET(ud_fe7, "nop", ".byte 0xfe, 0xf8");
SNIPPET(ud_ff7, "nop", ".byte 0xff, 0xf8");
SNIPPET(ud_far_jmp_reg, "nop", ".byte 0xff, 0xe8");
SNIPPET(ud_mov_cr1, "nop", ".byte 0x0f, 0x20, 0xc8");
SNIPPET(ud_mov_seg6, "nop", ".byte 0x8e, 0xf0");
SNIPPET(ud_cmpxchg8b_reg, "nop", ".byte 0x0f, 0xc7, 0xc8");
SNIPPET(ud_bt_group, "nop", ".byte 0x0f, 0xba, 0xc0, 0x00");
SNIPPET(ud_rsm, "nop", ".byte 0x0f, 0xaa");
SNIPPET(gp_long, "nop", ".byte 0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x90");
SNIPPET(long_15, "nop", ".byte 0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x90");

static void divide_errors(void) {
    struct trap t = run_kernel(de_zero);
    expect(&t, VEC_DE, 0, de_zero_at, "#DE: div by zero");
    check(t.at.eax == 1 && t.at.edx == 0 && t.at.ecx == 0, "#DE: registers stay");
    t = run_kernel(de_overflow);
    expect(&t, VEC_DE, 0, de_overflow_at, "#DE: quotient too large");
    t = run_kernel(de_idiv);
    expect(&t, VEC_DE, 0, de_idiv_at, "#DE: smallest number by -1");
    t = run_kernel(de_byte);
    expect(&t, VEC_DE, 0, de_byte_at, "#DE: byte quotient too large");
    t = run_kernel(de_aam);
    expect(&t, VEC_DE, 0, de_aam_at, "#DE: aam 0");
    t = run_user(de_zero);
    expect(&t, VEC_DE, 0, de_zero_at, "#DE: in user mode");
    check_equal(t.at.cs, SEL_UCODE, "#DE: in user mode: pushed cs");
    check_equal(t.at.esp, (u32)user_snippet_stack + SNIPPET_STACK_BYTES, "#DE: in user mode: pushed esp");
}

static void traps(void) {
    struct trap t = run_kernel(bp);
    expect(&t, VEC_BP, 0, bp_end, "#BP: int3 points behind itself");
    t = run_user(bp);
    expect(&t, VEC_BP, 0, bp_end, "#BP: in user mode");
    t = run_user(int_3);
    expect(&t, VEC_BP, 0, int_3_end, "#BP: the long form of int 3");
    t = run_kernel(of);
    expect(&t, VEC_OF, 0, of_end, "#OF: into points behind itself");
    t = run_user(of);
    expect(&t, VEC_OF, 0, of_end, "#OF: in user mode");
    t = run_kernel(of_not);
    expect_done(&t, "#OF: not without OF");
    t = run_kernel(br);
    expect(&t, VEC_BR, 0, br_at, "#BR: above");
    t = run_kernel(br_low);
    expect(&t, VEC_BR, 0, br_low_at, "#BR: below");
    t = run_kernel(br_not);
    expect_done(&t, "#BR: the bounds themselves are inside");
}

static void undefined_opcodes(void) {
    static const struct {
        const u8 *code, *at;
        const char* name;
    } cases[] = {
#define CASE(n) {n, n##_at, #n}
        CASE(ud2), CASE(ud_mov_cs), CASE(ud_lea_reg), CASE(ud_lock), CASE(ud_lock_reg), CASE(ud_lock_mov),
        CASE(ud_lds_reg), CASE(ud_les_reg), CASE(ud_fe7), CASE(ud_ff7), CASE(ud_far_jmp_reg), CASE(ud_mov_cr1),
        CASE(ud_mov_seg6), CASE(ud_cmpxchg8b_reg), CASE(ud_bt_group), CASE(ud_rsm),
    };
    for (u32 i = 0; i < sizeof cases / sizeof *cases; ++i) {
        struct trap t = run_kernel(cases[i].code);
        expect(&t, VEC_UD, 0, cases[i].at, named("#UD: %s", cases[i].name));
    }
    struct trap t = run_user(ud2);
    expect(&t, VEC_UD, 0, ud2_at, "#UD: in user mode");
    t = run_kernel(gp_long);
    expect(&t, VEC_GP, 0, gp_long_at, "#GP: 16 bytes are too long");
    t = run_kernel(long_15);
    expect_done(&t, "15 bytes are not");
}

// Privileged instructions, all #GP(0) in user mode with IOPL 0.
SNIPPET(p_hlt, "", "hlt");
SNIPPET(p_cli, "", "cli");
SNIPPET(p_sti, "", "sti");
SNIPPET(p_in, "", "in $0x80, %al");
SNIPPET(p_out, "mov $0x80, %edx", "out %al, %dx");
SNIPPET(p_insb, "mov $0x80, %edx\n mov $buffer, %edi", "insb");
SNIPPET(p_outsb, "mov $0x80, %edx\n mov $buffer, %esi", "outsb");
SNIPPET(p_lgdt, "", "lgdt buffer");
SNIPPET(p_lidt, "", "lidt buffer");
SNIPPET(p_lldt, "xor %eax, %eax", "lldt %ax");
SNIPPET(p_ltr, "xor %eax, %eax", "ltr %ax");
SNIPPET(p_lmsw, "mov $1, %eax", "lmsw %ax");
SNIPPET(p_clts, "", "clts");
SNIPPET(p_mov_from_cr0, "", "mov %cr0, %eax");
SNIPPET(p_mov_to_cr3, "xor %eax, %eax", "mov %eax, %cr3");
SNIPPET(p_mov_from_dr7, "", "mov %dr7, %eax");
SNIPPET(p_invlpg, "", "invlpg buffer");
SNIPPET(p_invd, "", "invd");
SNIPPET(p_wbinvd, "", "wbinvd");
SNIPPET(p_rdmsr, "mov $0x174, %ecx", "rdmsr");
SNIPPET(p_wrmsr, "mov $0x174, %ecx\n xor %eax, %eax\n xor %edx, %edx", "wrmsr");
SNIPPET(p_sysexit, "", "sysexit");
asm(".data\n .balign 8\nbuffer: .space 16\n .text");
// Sensitive, yet open to everyone.
SNIPPET(open_to_all, "", "sgdt buffer\n sidt buffer\n sldt %ax\n str %ax\n smsw %ax\n pushfl\n popfl\n lar %ax, %ax\n lsl %ax, %ax\n verr %ax\n verw %ax\n");

static void privileged_instructions(void) {
    static const struct {
        const u8 *code, *at;
        const char* name;
    } cases[] = {
        CASE(p_hlt), CASE(p_cli), CASE(p_sti), CASE(p_in), CASE(p_out), CASE(p_insb), CASE(p_outsb), CASE(p_lgdt),
        CASE(p_lidt), CASE(p_lldt), CASE(p_ltr), CASE(p_lmsw), CASE(p_clts), CASE(p_mov_from_cr0), CASE(p_mov_to_cr3),
        CASE(p_mov_from_dr7), CASE(p_invlpg), CASE(p_invd), CASE(p_wbinvd), CASE(p_rdmsr), CASE(p_wrmsr), CASE(p_sysexit),
#undef CASE
    };
    for (u32 i = 0; i < sizeof cases / sizeof *cases; ++i) {
        struct trap t = run_user(cases[i].code);
        expect(&t, VEC_GP, 0, cases[i].at, named("#GP: user mode %s", cases[i].name));
    }
    struct trap t = run_user(open_to_all);
    expect_done(&t, "sgdt, smsw, lar and their like need no privilege");
}

SNIPPET(int_n, "nop", "int $0x70");
SNIPPET(int_past_limit, "nop", "int $0xf0");
SNIPPET(load_ds, "nop", "mov %eax, %ds");
SNIPPET(load_ss, "nop", "mov %eax, %ss");
SNIPPET(load_es_pop, "push %eax", "pop %es");
SNIPPET(load_table, "nop", "lldt %ax");
SNIPPET(load_task, "nop", "ltr %ax");
SNIPPET(far_jump, "mov %eax, far_pointer + 4", "ljmp *far_pointer");
SNIPPET(far_call, "mov %eax, far_pointer + 4", "lcall *far_pointer");
SNIPPET(far_return, "push %eax\n push $0x1000", "lret");
SNIPPET(interrupt_return, "pushfl\n push %eax\n push $0x1000", "iretl");
asm(".data\n .balign 8\nfar_pointer: .long 0x1000, 0\n .text");

// Runs code with `selector` in EAX.
static struct trap with_selector(struct context c, u32 selector) {
    c.eax = selector;
    return run(&c);
}
#define KERNEL(code, selector) with_selector(kernel_context(code), selector)
#define USER(code, selector) with_selector(user_context(code), selector)

#define ERR_EXT 1u
#define ERR_IDT 2u
#define IN_IDT(vector) ((vector) * 8u + ERR_IDT)

static void gates_in_the_idt(void) {
    struct trap t = run_user(int_n);
    expect(&t, VEC_GP, IN_IDT(0x70), int_n_at, "int n: gate DPL below CPL");
    t = run_kernel(int_n);
    expect(&t, 0x70, 0, int_n_end, "int n: ring 0 may");
    idt[0x70] &= ~((u64)ATTR_PRESENT << 40);
    t = run_kernel(int_n);
    expect(&t, VEC_NP, IN_IDT(0x70), int_n_at, "int n: gate not present");
    t = run_user(int_n);
    expect(&t, VEC_GP, IN_IDT(0x70), int_n_at, "int n: DPL is looked at before presence");
    idt[0x70] = 0;
    t = run_kernel(int_n);
    expect(&t, VEC_GP, IN_IDT(0x70), int_n_at, "int n: not a gate");
    set_call_gate(SEL_TEST, SEL_KCODE, int_n, ATTR_CALL32, 0);
    idt[0x70] = *descriptor(SEL_TEST);
    t = run_kernel(int_n);
    expect(&t, VEC_GP, IN_IDT(0x70), int_n_at, "int n: a call gate in the IDT");
    set_idt_gate(0x70, SEL_NULL, int_n, ATTR_INT32);
    t = run_kernel(int_n);
    expect(&t, VEC_GP, 0, int_n_at, "int n: gate to the null selector");
    set_idt_gate(0x70, SEL_KDATA, int_n, ATTR_INT32);
    t = run_kernel(int_n);
    expect(&t, VEC_GP, SEL_KDATA, int_n_at, "int n: gate to data");
    set_idt_gate(0x70, SEL_UCODE & ~3, int_n, ATTR_INT32);
    t = run_kernel(int_n);
    expect(&t, VEC_GP, SEL_UCODE & ~3, int_n_at, "int n: gate to an outer level");
    set_idt_gate(0x70, 0x400, int_n, ATTR_INT32);
    t = run_kernel(int_n);
    expect(&t, VEC_GP, 0x400, int_n_at, "int n: gate to a selector past the GDT");
    set_segment(SEL_TEST, 0, 0xfffff, (ATTR_CODE & ~ATTR_PRESENT) | ATTR_32 | ATTR_PAGES);
    set_idt_gate(0x70, SEL_TEST, int_n, ATTR_INT32);
    t = run_kernel(int_n);
    expect(&t, VEC_NP, SEL_TEST, int_n_at, "int n: gate to absent code");
    set_idt_gate(0x70, SEL_KCODE | 3, trap_stub(0x70), ATTR_INT32);
    t = run_kernel(int_n);
    expect(&t, 0x70, 0, int_n_end, "int n: the RPL of the gate's selector does not matter");
    reset_idt_gate(0x70);

    load_idt(idt, 0xf0 * 8 - 1);
    t = run_kernel(int_past_limit);
    expect(&t, VEC_GP, IN_IDT(0xf0), int_past_limit_at, "int n: past the IDT's limit");
    load_idt(idt, 0xf0 * 8 + 6);
    t = run_kernel(int_past_limit);
    expect(&t, VEC_GP, IN_IDT(0xf0), int_past_limit_at, "int n: a gate with its last byte past the limit");
    load_idt(idt, 0xf0 * 8 + 7);
    t = run_kernel(int_past_limit);
    expect(&t, 0xf0, 0, int_past_limit_end, "int n: a gate that ends at the limit");
    load_idt(idt, sizeof idt - 1);
}

// EXT: set when what went wrong was the delivery of something that the program did not ask for.
static void external_bit(void) {
    idt[VEC_UD] &= ~((u64)ATTR_PRESENT << 40);
    struct trap t = run_kernel(ud2);
    expect(&t, VEC_NP, IN_IDT(VEC_UD) | ERR_EXT, ud2_at, "EXT: #UD through an absent gate");
    set_idt_gate(VEC_UD, SEL_KDATA, 0, ATTR_INT32);
    t = run_kernel(ud2);
    expect(&t, VEC_GP, SEL_KDATA | ERR_EXT, ud2_at, "EXT: #UD through a gate to data");
    reset_idt_gate(VEC_UD);
    idt[VEC_BP] &= ~((u64)ATTR_PRESENT << 40);
    t = run_kernel(bp);
    expect(&t, VEC_NP, IN_IDT(VEC_BP), bp_at, "EXT: not for int3");
    reset_idt_gate(VEC_BP);
    set_idt_gate(VEC_BP, SEL_KCODE, trap_stub(VEC_BP), ATTR_INT32);
    t = run_user(bp);
    expect(&t, VEC_GP, IN_IDT(VEC_BP), bp_at, "int3 needs the gate's DPL");
    reset_idt_gate(VEC_BP);
    set_idt_gate(VEC_OF, SEL_KCODE, trap_stub(VEC_OF), ATTR_INT32);
    t = run_user(of);
    expect(&t, VEC_GP, IN_IDT(VEC_OF), of_at, "into needs the gate's DPL");
    reset_idt_gate(VEC_OF);
}

static void segment_loads(void) {
    const u32 absent_data = SEL_TEST, code_xo = SEL_TEST + 8, user_copy = SEL_TEST + 16, down = SEL_TEST + 24, ro = SEL_TEST + 32,
              conforming = SEL_TEST + 40, system = SEL_LDT;
    const u32 flat = ATTR_32 | ATTR_PAGES;
    set_segment(absent_data, 0, 0xfffff, (ATTR_DATA & ~ATTR_PRESENT) | flat);
    set_segment(code_xo, 0, 0xfffff, ATTR_CODE_XO | flat);
    set_segment(user_copy, 0, 0xfffff, ATTR_DATA | ATTR_DPL(3) | flat);
    set_segment(down, 0, 0xfffff, ATTR_DATA_DOWN | ATTR_DPL(1) | flat);
    set_segment(ro, 0, 0xfffff, ATTR_DATA_RO | flat);
    set_segment(conforming, 0, 0xfffff, ATTR_CONFORMING | flat);
    struct trap t = KERNEL(load_ds, absent_data);
    expect(&t, VEC_NP, absent_data, load_ds_at, "mov ds: not present is #NP");
    t = KERNEL(load_ds, absent_data | 3);
    expect(&t, VEC_GP, absent_data, load_ds_at, "mov ds: privilege before presence; RPL is not in the error code");
    t = KERNEL(load_ds, code_xo);
    expect(&t, VEC_GP, code_xo, load_ds_at, "mov ds: execute-only code");
    t = KERNEL(load_ds, system);
    expect(&t, VEC_GP, system, load_ds_at, "mov ds: a system segment");
    t = KERNEL(load_ds, 0x400);
    expect(&t, VEC_GP, 0x400, load_ds_at, "mov ds: past the GDT");
    t = KERNEL(load_ds, 0x400 | 4);
    expect(&t, VEC_GP, 0x404, load_ds_at, "mov ds: past the LDT, TI in the error code");
    t = KERNEL(load_ds, SEL_KDATA | 1);
    expect(&t, VEC_GP, SEL_KDATA, load_ds_at, "mov ds: RPL above DPL");
    t = KERNEL(load_ds, 0);
    expect_done(&t, "mov ds: null is welcome");
    t = KERNEL(load_ds, 3);
    expect_done(&t, "mov ds: null with an RPL too");
    t = USER(load_ds, SEL_KDATA);
    expect(&t, VEC_GP, SEL_KDATA, load_ds_at, "mov ds: CPL above DPL");
    t = USER(load_ds, user_copy);
    expect_done(&t, "mov ds: RPL below CPL is fine");
    check(*descriptor((u16)user_copy) & (u64)ATTR_ACCESSED << 40, "mov ds: sets the accessed bit");
    t = USER(load_ds, conforming | 3);
    expect_done(&t, "mov ds: conforming code has no privilege to check");
    t = KERNEL(load_es_pop, SEL_UCODE);
    expect_done(&t, "pop es: readable code");
    t = KERNEL(load_es_pop, absent_data);
    expect(&t, VEC_NP, absent_data, load_es_pop_at, "pop es: not present is #NP");
    check_equal(t.at.esp, (u32)kernel_snippet_stack + SNIPPET_STACK_BYTES - 4, "pop es: a fault leaves esp alone");
    check_equal(t.at.es, SEL_KDATA, "pop es: a fault leaves es alone");

    t = KERNEL(load_ss, 0);
    expect(&t, VEC_GP, 0, load_ss_at, "mov ss: null");
    t = KERNEL(load_ss, ro);
    expect(&t, VEC_GP, ro, load_ss_at, "mov ss: read-only");
    t = KERNEL(load_ss, SEL_KCODE);
    expect(&t, VEC_GP, SEL_KCODE, load_ss_at, "mov ss: code");
    t = KERNEL(load_ss, user_copy);
    expect(&t, VEC_GP, user_copy, load_ss_at, "mov ss: DPL other than CPL");
    t = KERNEL(load_ss, SEL_KDATA | 1);
    expect(&t, VEC_GP, SEL_KDATA, load_ss_at, "mov ss: RPL other than CPL");
    t = KERNEL(load_ss, absent_data);
    expect(&t, VEC_SS, absent_data, load_ss_at, "mov ss: not present is #SS");
    t = USER(load_ss, user_copy);
    expect(&t, VEC_GP, user_copy, load_ss_at, "mov ss: user mode, RPL 0");
    t = USER(load_ss, user_copy | 3);
    expect_done(&t, "mov ss: user mode, RPL 3");
    t = KERNEL(load_ds, down | 1);
    expect_done(&t, "mov ds: expand-down data of ring 1 from ring 0");
}

static void system_loads(void) {
    set_segment(SEL_TEST, (u32)&main_tss, 103, ATTR_TSS32_BUSY);
    set_segment(SEL_TEST + 8, (u32)&main_tss, 103, ATTR_TSS32 & ~ATTR_PRESENT);
    set_segment(SEL_TEST + 16, (u32)ldt, 255, ATTR_LDT & ~ATTR_PRESENT);
    struct trap t = KERNEL(load_task, 0);
    expect(&t, VEC_GP, 0, load_task_at, "ltr: null");
    t = KERNEL(load_task, SEL_TEST);
    expect(&t, VEC_GP, SEL_TEST, load_task_at, "ltr: busy");
    t = KERNEL(load_task, SEL_TEST + 8);
    expect(&t, VEC_NP, SEL_TEST + 8, load_task_at, "ltr: not present");
    t = KERNEL(load_task, SEL_KDATA);
    expect(&t, VEC_GP, SEL_KDATA, load_task_at, "ltr: data");
    t = KERNEL(load_task, 4);
    expect(&t, VEC_GP, 4, load_task_at, "ltr: in the LDT");
    t = KERNEL(load_table, SEL_TEST + 16);
    expect(&t, VEC_NP, SEL_TEST + 16, load_table_at, "lldt: not present");
    t = KERNEL(load_table, SEL_TSS);
    expect(&t, VEC_GP, SEL_TSS, load_table_at, "lldt: a TSS");
    t = KERNEL(load_table, 0);
    expect_done(&t, "lldt: null is welcome");
    t = KERNEL(load_ds, 4);
    expect(&t, VEC_GP, 4, load_ds_at, "mov ds: from the LDT that is not there");
    load_ldt(SEL_LDT);
    reload_task();
}

static void far_transfers(void) {
    const u32 flat = ATTR_32 | ATTR_PAGES, absent = SEL_TEST, outer_conforming = SEL_TEST + 8;
    set_segment(absent, 0, 0xfffff, (ATTR_CODE & ~ATTR_PRESENT) | flat);
    set_segment(outer_conforming, 0, 0xfffff, ATTR_CONFORMING | ATTR_DPL(3) | flat);
    static const struct {
        const u8 *code, *at;
        const char* name;
    } ways[] = {{far_jump, far_jump_at, "far jmp"}, {far_call, far_call_at, "far call"}, {far_return, far_return_at, "far ret"},
                {interrupt_return, interrupt_return_at, "iret"}};
    for (u32 i = 0; i < 4; ++i) {
        const bool back = i >= 2;
        const u8 *code = ways[i].code, *at = ways[i].at;
        const char* n = ways[i].name;
        struct trap t = KERNEL(code, 0);
        expect(&t, VEC_GP, 0, at, named("%s: null", n));
        t = KERNEL(code, 0x400);
        expect(&t, VEC_GP, 0x400, at, named("%s: past the GDT", n));
        t = KERNEL(code, SEL_KDATA);
        expect(&t, VEC_GP, SEL_KDATA, at, named("%s: data", n));
        t = KERNEL(code, absent);
        expect(&t, VEC_NP, absent, at, named("%s: not present", n));
        t = USER(code, SEL_KCODE | (back ? 3 : 0));
        expect(&t, VEC_GP, SEL_KCODE, at, named("%s: to an inner level", n));
        if (back) {
            t = USER(code, SEL_KCODE);
            expect(&t, VEC_GP, SEL_KCODE, at, named("%s: RPL below CPL", n));
        } else {
            t = KERNEL(code, SEL_UCODE & ~3);
            expect(&t, VEC_GP, SEL_UCODE & ~3, at, named("%s: to an outer level", n));
            t = KERNEL(code, outer_conforming);
            expect(&t, VEC_GP, outer_conforming, at, named("%s: to outer conforming code", n));
        }
    }
}

SNIPPET(int_n_user, "nop", "int $0x80");
SNIPPET(bad_stack, "mov $0x10000, %esp\n mov %eax, %ss", "push %eax");

static void double_faults(void) {
    // A #GP whose gate is not there ends in #DF(0).
    idt[VEC_GP] &= ~((u64)ATTR_PRESENT << 40);
    struct trap t = KERNEL(load_ds, 0x400);
    expect(&t, VEC_DF, 0, load_ds_at, "#DF: #GP through an absent gate");
    idt[VEC_NP] &= ~((u64)ATTR_PRESENT << 40);
    reset_idt_gate(VEC_GP);
    idt[VEC_UD] &= ~((u64)ATTR_PRESENT << 40);
    t = run_kernel(ud2);
    expect(&t, VEC_DF, 0, ud2_at, "#DF: #UD is benign, but the #NP and its absent gate are not");
    reset_idt_gate(VEC_NP);
    reset_idt_gate(VEC_UD);
    // #UD, benign, then #GP: no double fault.
    set_idt_gate(VEC_UD, SEL_NULL, 0, ATTR_INT32);
    t = run_kernel(ud2);
    expect(&t, VEC_GP, ERR_EXT, ud2_at, "no #DF: #GP while #UD is delivered");
    reset_idt_gate(VEC_UD);
    set_idt_gate(VEC_DE, SEL_NULL, 0, ATTR_INT32);
    t = run_kernel(de_zero);
    expect(&t, VEC_DF, 0, de_zero_at, "#DF: #DE contributes");
    reset_idt_gate(VEC_DE);
    // A stack that cannot take the frame.
    set_segment(SEL_TEST, 0, 0xfff, ATTR_DATA | ATTR_32);
    t = KERNEL(bad_stack, SEL_TEST);
    expect(&t, VEC_DF, 0, bad_stack_at, "#DF: no stack for #SS");
    check_equal(t.at.esp, 0x10000, "#DF: push left esp alone");
}

// Delivery to ring 0 looks for a stack in the TSS.
static void stacks_from_the_tss(void) {
    const struct tss kept = main_tss;
    set_segment(SEL_TEST, 0, 0xfffff, (ATTR_DATA & ~ATTR_PRESENT) | ATTR_32 | ATTR_PAGES);
    struct {
        u32 ss0, vector, error;
        const char* name;
    } cases[] = {
        {0, VEC_TS, 0, "null"}, {SEL_KCODE, VEC_TS, SEL_KCODE, "code"}, {SEL_UDATA, VEC_TS, SEL_UDATA & ~3, "an outer level"},
        {SEL_KDATA | 1, VEC_TS, SEL_KDATA, "RPL 1"}, {0x400, VEC_TS, 0x400, "past the GDT"}, {SEL_TEST, VEC_SS, SEL_TEST, "not present"},
    };
    for (u32 i = 0; i < sizeof cases / sizeof *cases; ++i) {
        // What the bad stack leads to is delivered by a task gate, with a stack of its own.
        idt[cases[i].vector] = idt[VEC_DF];
        main_tss.ss0 = cases[i].ss0;
        struct trap t = run_user(int_n_user);
        expect(&t, VEC_DF, cases[i].error, int_n_user_at, named("stack in the TSS: %s (as vector %u)", cases[i].name, cases[i].vector));
        reset_idt_gate((u8)cases[i].vector);
        main_tss = kept;
    }
}

int main(void) {
    divide_errors();
    traps();
    undefined_opcodes();
    privileged_instructions();
    gates_in_the_idt();
    external_bit();
    segment_loads();
    system_loads();
    far_transfers();
    double_faults();
    stacks_from_the_tss();
    return 0;
}
