// Ways between privilege levels: call gates with their parameters, far returns, interrupt and trap gates of 16 and
// 32 bits, and what they do to the stack, the flags and the segment registers.
#include "trap.h"

#define FLAT (ATTR_32 | ATTR_PAGES)
#define GATE SEL_TEST
#define CODE (SEL_TEST + 8)
#define STACK (SEL_TEST + 16)
#define ERR_EXT 1u

// A gate's target that only looks around: where it was called from is on its stack.
extern const u8 gate_target[], gate_target_int[], gate_return[], gate_return_8[];
asm(".text\ngate_target: mov %cs, %eax\n mov %ss, %ecx\n mov %esp, %edx\n pushfl\n pop %ebx\ngate_target_int: int $0x51\n"
    "gate_return: mov %cs, %eax\n lret\n"
    "gate_return_8: mov %esp, %edx\n lret $8\n");

SNIPPET(call_gate, "push $0x1111\n push $0x2222\n push $0x3333", "lcall $0x43, $0xbadbad");
SNIPPET(jump_gate, "nop", "ljmp $0x43, $0xbadbad");
SNIPPET(jump_gate_0, "nop", "ljmp $0x40, $0xbadbad");
SNIPPET(call_gate_0, "push $0x1111\n push $0x2222", "lcall $0x40, $0xbadbad");

// Where a 16-bit gate leads, and where it would if its upper half counted.
extern u8 low_code[], high_code[];
asm("low_code = 0x9000\n high_code = 0x2009000");

static void write_low_code(void) {
    static const u8 look[] = {0x89, 0xe2, 0xcd, 0x51};  // mov %esp, %edx; int $0x51
    static const u8 wrong[] = {0xcd, 0x52};
    memcpy(low_code, look, sizeof look);
    memcpy(high_code, wrong, sizeof wrong);
}

static const u32* frame_at(u32 esp) { return (const u32*)esp; }

static void call_gates(void) {
    const u32 top = main_tss.esp0, user_esp = (u32)user_snippet_stack + SNIPPET_STACK_BYTES - 12;
    set_call_gate(GATE, SEL_KCODE, gate_target, ATTR_CALL32 | ATTR_DPL(3), 2);
    struct trap t = run_user(call_gate);
    expect(&t, 0x51, 0, gate_target_int + 2, "call gate: ring 3 to ring 0");
    check((t.at.eax & 0xffff) == SEL_KCODE && (t.at.ecx & 0xffff) == SEL_KDATA, "call gate: cs and ss of ring 0");
    check_equal(t.at.edx, top - 24, "call gate: six words on the new stack");
    const u32* f = frame_at(t.at.edx);
    check(f[0] == (u32)call_gate_end && (f[1] & 0xffff) == SEL_UCODE, "call gate: return address");
    check(f[2] == 0x3333 && f[3] == 0x2222, "call gate: two parameters in order");
    check(f[4] == user_esp && (f[5] & 0xffff) == SEL_UDATA, "call gate: the caller's stack");

    // The RPL of the gate's code selector is not looked at; parameters may be none or many.
    set_call_gate(GATE, SEL_KCODE | 3, gate_target, ATTR_CALL32 | ATTR_DPL(3), 0);
    t = run_user(call_gate);
    check_equal(t.at.edx, top - 16, "call gate: no parameters, RPL 3 in the gate");
    set_call_gate(GATE, SEL_KCODE, gate_target, ATTR_CALL32 | ATTR_DPL(3), 31);
    struct context c = user_context(call_gate);
    c.esp -= 0x200;
    t = run(&c);
    check_equal(t.at.edx, top - 16 - 31 * 4, "call gate: 31 parameters");

    set_call_gate(GATE, SEL_KCODE, gate_return, ATTR_CALL32 | ATTR_DPL(3), 0);
    t = run_user(call_gate);
    expect_done(&t, "call gate: there and back");
    check(t.at.esp == user_esp && t.at.cs == SEL_UCODE && t.at.ss == SEL_UDATA && (t.at.eax & 0xffff) == SEL_KCODE, "call gate: back as it was");
    set_call_gate(GATE, SEL_KCODE, gate_return_8, ATTR_CALL32 | ATTR_DPL(3), 2);
    t = run_user(call_gate);
    expect_done(&t, "call gate: lret 8 drops the parameters");
    check_equal(t.at.esp, user_esp + 8, "call gate: lret 8 drops them from both stacks");

    // Same privilege: no stack switch, no parameters copied.
    set_call_gate(GATE, SEL_KCODE, gate_target, ATTR_CALL32, 5);
    t = run_kernel(call_gate_0);
    check_equal(t.at.edx, (u32)kernel_snippet_stack + SNIPPET_STACK_BYTES - 16, "call gate: within ring 0 pushes two words only");
    t = run_kernel(jump_gate_0);
    expect(&t, 0x51, 0, gate_target_int + 2, "jump through a call gate within ring 0");
    check_equal(t.at.edx, (u32)kernel_snippet_stack + SNIPPET_STACK_BYTES, "jump through a call gate pushes nothing");

    // 16 bits: words of two bytes, offset of 16 bits.
    write_low_code();
    set_call_gate(GATE, SEL_KCODE, high_code, ATTR_CALL16 | ATTR_DPL(3), 2);
    t = run_user(call_gate);
    expect(&t, 0x51, 0, low_code + 4, "16-bit call gate: 16 bits of offset");
    check_equal(t.at.edx, top - 12, "16-bit call gate: six words of two bytes");
    const u16* h = (const u16*)t.at.edx;
    check(h[0] == (u16)(u32)call_gate_end && h[1] == SEL_UCODE && h[2] == 0x3333 && h[3] == 0 && h[4] == (u16)user_esp && h[5] == SEL_UDATA,
          "16-bit call gate: what is in them");
}

static void bad_call_gates(void) {
    static const struct {
        const char* name;
        u16 code;
        u32 attributes, vector, error;
        bool jump;
    } cases[] = {
        {"gate DPL below CPL", SEL_KCODE, ATTR_CALL32, VEC_GP, GATE, false},
        {"gate DPL below RPL", SEL_KCODE, ATTR_CALL32 | ATTR_DPL(2), VEC_GP, GATE, false},
        {"gate absent", SEL_KCODE, (ATTR_CALL32 & ~ATTR_PRESENT) | ATTR_DPL(3), VEC_NP, GATE, false},
        {"privilege before presence", SEL_KCODE, ATTR_CALL32 & ~ATTR_PRESENT, VEC_GP, GATE, false},
        {"null code", 0, ATTR_CALL32 | ATTR_DPL(3), VEC_GP, 0, false},
        {"data", SEL_KDATA, ATTR_CALL32 | ATTR_DPL(3), VEC_GP, SEL_KDATA, false},
        {"past the GDT", 0x400, ATTR_CALL32 | ATTR_DPL(3), VEC_GP, 0x400, false},
        {"code absent", CODE, ATTR_CALL32 | ATTR_DPL(3), VEC_NP, CODE, false},
        {"jump to an inner level", SEL_KCODE, ATTR_CALL32 | ATTR_DPL(3), VEC_GP, SEL_KCODE, true},
        {"an interrupt gate", SEL_KCODE, ATTR_INT32 | ATTR_DPL(3), VEC_GP, GATE, false},
        {"an LDT", 0, ATTR_LDT | ATTR_DPL(3), VEC_GP, GATE, false},
    };
    set_segment(CODE, 0, 0xfffff, (ATTR_CODE & ~ATTR_PRESENT) | FLAT);
    for (u32 i = 0; i < sizeof cases / sizeof *cases; ++i) {
        set_call_gate(GATE, cases[i].code, gate_target, cases[i].attributes, 2);
        const struct trap t = run_user(cases[i].jump ? jump_gate : call_gate);
        expect(&t, cases[i].vector, cases[i].error, cases[i].jump ? jump_gate_at : call_gate_at, named("call gate: %s", cases[i].name));
        if (!cases[i].jump)
            check_equal(t.at.esp, (u32)user_snippet_stack + SNIPPET_STACK_BYTES - 12, "call gate: %s: esp stays", cases[i].name);
    }

    // The stack that the TSS offers. The faults themselves need one too: by way of a task.
    set_segment(STACK, 0, 0xfffff, (ATTR_DATA & ~ATTR_PRESENT) | FLAT);
    set_segment(STACK + 8, 0, 0xfffff, ATTR_DATA_RO | FLAT);
    set_segment(STACK + 16, 0, 0xfff, ATTR_DATA | ATTR_32);
    static const struct {
        const char* name;
        u32 ss0, vector, error;
    } stacks[] = {
        {"null", 0, VEC_TS, 0},
        {"past the GDT", 0x400, VEC_TS, 0x400},
        {"wrong RPL", SEL_KDATA | 3, VEC_TS, SEL_KDATA},
        {"wrong DPL", SEL_UDATA & ~3, VEC_TS, SEL_UDATA & ~3},
        {"read-only", STACK + 8, VEC_TS, STACK + 8},
        {"absent", STACK, VEC_SS, STACK},
        {"too small", STACK + 16, VEC_SS, STACK + 16},
    };
    const struct tss kept = main_tss;
    set_call_gate(GATE, SEL_KCODE, gate_target, ATTR_CALL32 | ATTR_DPL(3), 2);
    for (u32 i = 0; i < sizeof stacks / sizeof *stacks; ++i) {
        main_tss.ss0 = stacks[i].ss0;
        idt[stacks[i].vector] = idt[VEC_DF];
        const struct trap t = run_user(call_gate);
        expect(&t, VEC_DF, stacks[i].error, call_gate_at, named("call gate: new stack %s (as vector %u)", stacks[i].name, stacks[i].vector));
        reset_idt_gate((u8)stacks[i].vector);
        main_tss = kept;
    }
}

SNIPPET(far_ret, "nop", "lret");
SNIPPET(iret_it, "nop", "iretl");
SNIPPET(iret16, "nop", "iretw");

// Runs `code` in ring 0 with these words on its stack.
static struct trap with_words(const u8* code, const u32* words, u32 n) {
    struct context c = kernel_context(code);
    c.esp -= 4 * n;
    memcpy((void*)c.esp, words, 4 * n);
    return run(&c);
}
#define WITH(code, ...) with_words(code, (const u32[]){__VA_ARGS__}, sizeof((const u32[]){__VA_ARGS__}) / 4)

static void outward_returns(void) {
    const u32 esp = (u32)user_snippet_stack + 0x800;
    struct trap t = WITH(far_ret, (u32)far_ret_end, SEL_UCODE, esp, SEL_UDATA);
    expect_done(&t, "lret to ring 3");
    check(t.at.cs == SEL_UCODE && t.at.ss == SEL_UDATA && t.at.esp == esp, "lret to ring 3: cs, ss, esp");
    check(t.at.ds == 0 && t.at.es == 0 && t.at.fs == 0 && t.at.gs == 0, "lret to ring 3: ring 0 segments become null");
    t = WITH(iret_it, (u32)iret_it_end, SEL_UCODE, FLAG_ONE | FLAG_CF | FLAG_IOPL(2) | FLAG_IF, esp, SEL_UDATA);
    expect_done(&t, "iret to ring 3");
    check(t.at.cs == SEL_UCODE && t.at.ss == SEL_UDATA && t.at.esp == esp && t.at.ds == 0, "iret to ring 3: cs, ss, esp, ds");
    check_equal(t.at.eflags, FLAG_ONE | FLAG_CF | FLAG_IOPL(2) | FLAG_IF, "iret to ring 3: flags");
    set_segment(CODE, 0, 0xfffff, (ATTR_DATA & ~ATTR_PRESENT) | ATTR_DPL(3) | FLAT);
    static const struct {
        const char* name;
        u32 ss, vector, error;
    } cases[] = {
        {"null", 0, VEC_GP, 0},
        {"null, RPL 3", 3, VEC_GP, 0},
        {"wrong RPL", SEL_UDATA & ~3, VEC_GP, SEL_UDATA & ~3},
        {"wrong DPL", SEL_KDATA | 3, VEC_GP, SEL_KDATA},
        {"code", SEL_UCODE, VEC_GP, SEL_UCODE & ~3},
        {"absent", CODE | 3, VEC_SS, CODE},
        {"past the GDT", 0x403, VEC_GP, 0x400},
    };
    for (u32 i = 0; i < sizeof cases / sizeof *cases; ++i) {
        t = WITH(far_ret, (u32)far_ret_end, SEL_UCODE, esp, cases[i].ss);
        expect(&t, cases[i].vector, cases[i].error, far_ret_at, named("lret to ring 3: ss %s", cases[i].name));
        t = WITH(iret_it, (u32)iret_it_end, SEL_UCODE, FLAG_ONE, esp, cases[i].ss);
        expect(&t, cases[i].vector, cases[i].error, iret_it_at, named("iret to ring 3: ss %s", cases[i].name));
        check_equal(t.at.esp, (u32)kernel_snippet_stack + SNIPPET_STACK_BYTES - 20, "iret to ring 3: ss %s: esp stays", cases[i].name);
    }
    // Within ring 0.
    t = WITH(iret_it, (u32)iret_it_end, SEL_KCODE, FLAG_ONE | FLAG_ZF | FLAG_AC | FLAG_ID | FLAG_NT);
    check_equal(t.at.eflags, FLAG_ONE | FLAG_ZF | FLAG_AC | FLAG_ID | FLAG_NT, "iret within ring 0: flags");
    check_equal(t.at.esp, (u32)kernel_snippet_stack + SNIPPET_STACK_BYTES, "iret within ring 0: pops three words");
    // 16 bits: the high half of EFLAGS stays, EIP is cut.
    static const u8 done[] = {0xcd, VEC_DONE};
    memcpy(low_code, done, 2);
    struct context c = kernel_context(iret16);
    c.eflags = FLAG_ONE | FLAG_AC | FLAG_ID;
    c.esp -= 6;
    ((u16*)c.esp)[0] = (u16)(u32)low_code;
    ((u16*)c.esp)[1] = SEL_KCODE;
    ((u16*)c.esp)[2] = FLAG_ONE | FLAG_CF;
    t = run(&c);
    expect(&t, VEC_DONE, 0, low_code + 2, "iretw: 16 bits of EIP");
    check_equal(t.at.eflags, FLAG_ONE | FLAG_CF | FLAG_AC | FLAG_ID, "iretw: keeps the high half of EFLAGS");
}

SNIPPET(int_70, "nop", "int $0x70");
SNIPPET(int_70_sti, "sti\n nop", "int $0x70");

static void interrupt_gates(void) {
    const u32 top = main_tss.esp0, user_esp = (u32)user_snippet_stack + SNIPPET_STACK_BYTES;
    struct context c = user_context(int_70);
    c.eflags |= FLAG_IF | FLAG_IOPL(3) | FLAG_NT | FLAG_CF | FLAG_AC;
    set_idt_gate(0x70, SEL_KCODE, gate_target, ATTR_INT32 | ATTR_DPL(3));
    struct trap t = run(&c);
    expect(&t, 0x51, 0, gate_target_int + 2, "interrupt gate: ring 3 to ring 0");
    check_equal(t.at.edx, top - 20, "interrupt gate: five words");
    const u32* f = frame_at(t.at.edx);
    check(f[0] == (u32)int_70_end && (f[1] & 0xffff) == SEL_UCODE && f[3] == user_esp && (f[4] & 0xffff) == SEL_UDATA, "interrupt gate: addresses in the frame");
    check_equal(f[2], c.eflags, "interrupt gate: flags in the frame");
    check_equal(t.at.ebx & (FLAG_IF | FLAG_TF | FLAG_NT | FLAG_RF | FLAG_VM), 0, "interrupt gate: clears IF and NT");
    check((t.at.ebx & FLAG_AC) && (t.at.ebx & FLAG_IOPL(3)) == FLAG_IOPL(3) && (t.at.ebx & FLAG_CF), "interrupt gate: keeps the rest");
    set_idt_gate(0x70, SEL_KCODE, gate_target, ATTR_TRAP32 | ATTR_DPL(3));
    t = run(&c);
    check((t.at.ebx & (FLAG_IF | FLAG_NT)) == FLAG_IF, "trap gate: keeps IF, clears NT");
    c = kernel_context(int_70);
    t = run(&c);
    check_equal(t.at.edx, (u32)kernel_snippet_stack + SNIPPET_STACK_BYTES - 12, "trap gate: three words within ring 0");

    // Sixteen bits.
    write_low_code();
    set_idt_gate(0x70, SEL_KCODE, high_code, ATTR_INT16 | ATTR_DPL(3));
    c = user_context(int_70);
    c.eflags |= FLAG_CF;
    t = run(&c);
    expect(&t, 0x51, 0, low_code + 4, "16-bit interrupt gate: 16 bits of offset");
    check_equal(t.at.edx, top - 10, "16-bit interrupt gate: five words of two bytes");
    const u16* h = (const u16*)t.at.edx;
    check(h[0] == (u16)(u32)int_70_end && h[1] == SEL_UCODE && h[2] == (FLAG_ONE | FLAG_CF) && h[3] == (u16)user_esp && h[4] == SEL_UDATA,
          "16-bit interrupt gate: what is in them");
    set_idt_gate(0x70, SEL_KCODE, high_code, ATTR_TRAP16);
    t = run_kernel(int_70);
    expect(&t, 0x51, 0, low_code + 4, "16-bit trap gate: 16 bits of offset");
    check_equal(t.at.edx, (u32)kernel_snippet_stack + SNIPPET_STACK_BYTES - 6, "16-bit trap gate: three words of two bytes");

    // Conforming ring 0 code as the handler runs at the level that was interrupted.
    set_segment(CODE, 0, 0xfffff, ATTR_CONFORMING | FLAT);
    set_idt_gate(0x70, CODE, gate_target, ATTR_INT32 | ATTR_DPL(3));
    idt[0x51] = make_gate(SEL_KCODE, (u32)trap_stub(0x51), ATTR_INT32 | ATTR_DPL(3), 0);
    t = run_user(int_70);
    expect(&t, 0x51, 0, gate_target_int + 2, "conforming handler");
    check_equal(t.at.eax & 0xffff, CODE | 3, "conforming handler: runs with the old CPL");
    check_equal(t.at.edx, user_esp - 12, "conforming handler: on the old stack");
    reset_idt_gate(0x51);
    reset_idt_gate(0x70);
}

// Rings 1 and 2.
static void middle_rings(void) {
    set_segment(CODE, 0, 0xfffff, ATTR_CODE | ATTR_DPL(1) | FLAT);
    set_segment(STACK, 0, 0xfffff, ATTR_DATA | ATTR_DPL(1) | FLAT);
    static u8 stack1[1024];
    main_tss.ss1 = STACK | 1;
    main_tss.esp1 = (u32)stack1 + sizeof stack1;
    idt[0x51] = make_gate(SEL_KCODE, (u32)trap_stub(0x51), ATTR_INT32 | ATTR_DPL(1), 0);
    set_call_gate(GATE, CODE, gate_target, ATTR_CALL32 | ATTR_DPL(3), 1);
    struct trap t = run_user(call_gate);
    expect(&t, 0x51, 0, gate_target_int + 2, "call gate to ring 1");
    check((t.at.eax & 0xffff) == (CODE | 1) && (t.at.ecx & 0xffff) == (STACK | 1) && t.at.edx == main_tss.esp1 - 20, "call gate to ring 1: cs, ss, esp");
    check(t.at.cs == (CODE | 1) && t.at.ss == (STACK | 1), "from ring 1 to ring 0");
    reset_idt_gate(0x51);
    // Ring 1 is a supervisor to the MMU, and not privileged to the CPU.
    extern const u8 cli_here[], cli_done[];
    struct context c = kernel_context(cli_here);
    c.cs = CODE | 1;
    c.ss = c.ds = c.es = STACK | 1;
    t = run(&c);
    expect(&t, VEC_GP, 0, cli_here, "cli in ring 1 with IOPL 0");
    c.eflags |= FLAG_IOPL(1);
    t = run(&c);
    expect(&t, VEC_GP, 0, cli_done, "cli in ring 1 with IOPL 1, then hlt");
}
asm(".text\ncli_here: cli\ncli_done: hlt\n");

int main(void) {
    call_gates();
    bad_call_gates();
    outward_returns();
    interrupt_gates();
    middle_rings();
    return 0;
}
