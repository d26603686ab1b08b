// Control flow that a translator might believe instead of checking: returns without calls, calls without returns,
// deep recursion, stacks that are swapped, every odd use of ESP, 16-bit jumps, more code than any cache holds.
#include "paging.h"
#include "trap.h"

#define WINDOW 0x40000000u
static u32* directory;
static u8* const big = (u8*)0x1000000;  // RAM that nothing else uses, to the end of 64 MiB

#define BYTES4(v) (u8)(v), (u8)((v) >> 8), (u8)((v) >> 16), (u8)((v) >> 24)

// --- calls and returns ------------------------------------------------------------------------------------

SNIPPET(deep, "mov $0x3f00000, %esp\n mov $100000, %ecx\n xor %eax, %eax\n call deep_1\n jmp deep_at\n"
              "deep_1: dec %ecx\n jz 1f\n call deep_1\n1: inc %eax\n ret", "nop");
SNIPPET(deep_twice, "mov $0x3f00000, %esp\n mov $30000, %ecx\n xor %eax, %eax\n call deep_2\n call deep_3\n jmp deep_twice_at\n"
                    "deep_2: dec %ecx\n jz 1f\n call deep_2\n1: inc %eax\n ret\n"
                    "deep_3: mov $30000, %ecx\ndeep_4: dec %ecx\n jz 1f\n call deep_4\n inc %eax\n1: ret $0", "nop");
// Calls whose return addresses are thrown away, a hundred thousand times.
SNIPPET(calls_only, "mov $100000, %ecx\n1: call 2f\n2: add $4, %esp\n dec %ecx\n jnz 1b\n mov %esp, %eax", "nop");
// Returns that no call prepared.
SNIPPET(returns_only, "mov $100000, %ecx\n1: push $2f\n ret\n ud2\n2: dec %ecx\n jnz 1b", "nop");
// A callee that returns behind some bytes of its caller, and one that returns to its caller's caller.
SNIPPET(skips, "xor %eax, %eax\n mov $1000, %ecx\n1: call skips_1\n .byte 0x0f, 0x0b\n inc %eax\n dec %ecx\n jnz 1b\n jmp skips_at\n skips_1: addl $2, (%esp)\n ret", "nop");
SNIPPET(two_levels, "xor %eax, %eax\n mov $1000, %ecx\n1: call two_levels_1\n inc %eax\n dec %ecx\n jnz 1b\n jmp two_levels_at\n"
                    "two_levels_1: call two_levels_2\n ud2\n two_levels_2: add $4, %esp\n ret", "nop");
// One return site, reached from two calls in turn; the same function, returning to different places.
SNIPPET(changing, "xor %eax, %eax\n mov $1000, %ecx\n1: call changing_1\n add $1, %eax\n call changing_1\n add $2, %eax\n"
                  "test $1, %ecx\n jz 2f\n call changing_1\n add $4, %eax\n2: dec %ecx\n jnz 1b\n jmp changing_at\n changing_1: ret", "nop");
SNIPPET(ret_n, "push $1\n push $2\n push $3\n call ret_n_1\n pop %eax\n jmp ret_n_at\n ret_n_1: ret $8", "nop");
// Two coroutines that hand each other the CPU.
SNIPPET(coroutines, "mov $0x3e00000, %esi\n movl $coroutine_b, -4(%esi)\n sub $4, %esi\n xor %eax, %eax\n mov $1000, %ecx\n"
                    "1: call coroutine_switch\n add $1, %eax\n dec %ecx\n jnz 1b\n jmp coroutines_at\n"
                    "coroutine_b: add $0x10000, %eax\n call coroutine_switch\n jmp coroutine_b\n"
                    "coroutine_switch: xchg %esp, %esi\n ret", "nop");

// Flags that come back from a callee, to who reads them at once, and by way of an instruction that leaves them alone.
SNIPPET(flags_back, "xor %eax, %eax\n mov $1000, %ecx\n1: call flags_back_1\n adc $0, %eax\n call flags_back_1\n mov %eax, %ebx\n"
                    "adc $0, %eax\n dec %ecx\n jnz 1b\n jmp flags_back_at\n flags_back_1: stc\n ret", "nop");
// The last time, the callee makes SETC AL of the ADD EAX, 1 behind its call, and returns with CF set.
SNIPPET(patches_caller, "xor %eax, %eax\n mov $1000, %ecx\n1: call patches_caller_1\n patched: add $1, %eax\n dec %ecx\n jnz 1b\n"
                        "jmp patches_caller_at\n patches_caller_1: cmp $1, %ecx\n jne 2f\n movw $0x920f, patched\n movb $0xc0, patched + 2\n"
                        "2: stc\n ret", "nop");

static struct trap with_esp(const u8* code, bool user) {
    struct context c = user ? user_context(code) : kernel_context(code);
    return run(&c);
}

static void calls_and_returns(bool user) {
    const char* who = user ? "user" : "kernel";
    struct trap t = with_esp(deep, user);
    check(t.vector == VEC_DONE && t.at.eax == 100000 && t.at.esp == 0x3f00000, "recursion 100000 deep, %s", who);
    t = with_esp(deep_twice, user);
    check(t.vector == VEC_DONE && t.at.eax == 59999 && t.at.esp == 0x3f00000, "two deep recursions, %s", who);
    t = with_esp(calls_only, user);
    check(t.vector == VEC_DONE && t.at.eax == t.at.esp, "calls whose return addresses are thrown away, %s", who);
    t = with_esp(returns_only, user);
    check(t.vector == VEC_DONE && t.at.ecx == 0, "returns that no call prepared, %s", who);
    t = with_esp(skips, user);
    check(t.vector == VEC_DONE && t.at.eax == 1000, "a callee that moves its return address, %s", who);
    t = with_esp(two_levels, user);
    check(t.vector == VEC_DONE && t.at.eax == 1000, "a return over two levels, %s", who);
    t = with_esp(changing, user);
    check(t.vector == VEC_DONE && t.at.eax == 5000, "one function, many return addresses, %s", who);
    t = with_esp(ret_n, user);
    check(t.vector == VEC_DONE && t.at.eax == 1, "ret 8, %s", who);
    t = with_esp(coroutines, user);
    check(t.vector == VEC_DONE && t.at.eax == 1000 * 0x10001, "coroutines, %s", who);
    t = with_esp(flags_back, user);
    check(t.vector == VEC_DONE && t.at.eax == 2000, "a callee's flags, %s", who);
}

// In the lowest pages, which the host keeps from ordinary processes, and elsewhere.
static void low_page(void) {
    SNIPPET(low_and_high, "mov $2000, %ecx\n1: incl 0x5000\n incl 0x3000000\n dec %ecx\n jnz 1b\n mov 0x5000, %eax\n mov 0x3000000, %ebx", "nop");
    u32* low = pte(directory, 0x5000);
    const u32 before = *low;
    *low = 0x2005000 | PTE_USER;
    invlpg(0x5000);
    *(volatile u32*)0x5000 = *(volatile u32*)0x3000000 = 0;
    struct trap t = run_user(low_and_high);
    check(t.vector == VEC_DONE && t.at.eax == 2000 && t.at.ebx == 2000 && *(volatile u32*)0x2005000 == 2000, "a user page at 5000");
    *low = before;
    invlpg(0x5000);
}

static void patched_caller(void) {
    extern u8 patched[];
    static const u8 add[] = {0x83, 0xc0, 1};
    for (u32 n = 0; n < sizeof add; ++n) patched[n] = add[n];
    struct trap t = with_esp(patches_caller, false);
    check(t.vector == VEC_DONE && t.at.eax == ((999 & ~0xffu) | 1), "a callee that patches its caller and returns flags");
}

// A return in user mode must not find what the kernel's calls left, nor the other way round.
static void crossing_levels(void) {
    SNIPPET(user_return, "push $1f\n int $0x70\n ret\n ud2\n1: nop", "nop");
    extern const u8 kernel_calls[];
    set_idt_gate(0x70, SEL_KCODE, kernel_calls, ATTR_INT32 | ATTR_DPL(3));
    u32 wrong = 0;
    for (u32 i = 0; i < 500; ++i) wrong += run_user(user_return).vector != VEC_DONE;
    reset_idt_gate(0x70);
    check(!wrong, "returns on both sides of an interrupt");
}
asm(".text\nkernel_calls: call 1f\n call 1f\n iretl\n1: call 2f\n2: ret");

// --- ESP ----------------------------------------------------------------------------------------------------

SNIPPET(push_esp, "mov %esp, %ebx\n push %esp\n pop %eax", "nop");
SNIPPET(pop_esp, "mov %esp, %ebx\n push $0x3d00000\n pop %esp\n mov %esp, %eax\n mov %ebx, %esp", "nop");
SNIPPET(pop_relative, "mov %esp, %ebx\n push $0x77\n push $0x55\n popl (%esp)\n pop %eax", "nop");
SNIPPET(pop_relative_4, "push $1\n push $2\n push $3\n popl 4(%esp)\n pop %eax\n pop %ebx", "nop");
SNIPPET(push_relative, "push $0x11\n push $0x22\n pushl 4(%esp)\n pop %eax\n pushl (%esp)\n pop %ebx\n add $8, %esp", "nop");
SNIPPET(push_indexed, "push $0x33\n mov $2, %ecx\n push $0x44\n pushl -4(%esp,%ecx,4)\n pop %eax\n add $8, %esp", "nop");
SNIPPET(call_relative, "push $call_relative_1\n push $0x66\n call *4(%esp)\n add $8, %esp\n jmp call_relative_at\ncall_relative_1: mov 4(%esp), %eax\n ret", "nop");
SNIPPET(jump_relative, "push $jump_relative_1\n jmp *(%esp)\n ud2\njump_relative_1: pop %eax", "nop");
SNIPPET(call_esp, "push $0xc3909040\n mov %esp, %ecx\n xor %eax, %eax\n call *%esp\n add $4, %esp", "nop");
SNIPPET(lea_esp, "mov %esp, %ebx\n lea -16(%esp), %esp\n lea 8(%esp,%ecx,2), %eax\n mov %ebx, %esp", "nop");
SNIPPET(pusha_popa, "mov %esp, %ebx\n mov $7, %esi\n pusha\n mov 12(%esp), %eax\n movl $0x99, 12(%esp)\n movl %eax, 28(%esp)\n popa\n sub %ebx, %esp\n mov %esp, %ecx\n add %ebx, %esp", "nop");
SNIPPET(push_ax, "mov %esp, %ebx\n mov $0x12345678, %eax\n push %ax\n push $0x7f\n pop %ecx\n pop %dx\n sub %esp, %ebx", "nop");
SNIPPET(pop_sp, "mov %esp, %ebx\n mov $0xffff1234, %eax\n push %ax\n pop %sp\n mov %esp, %eax\n mov %ebx, %esp", "nop");
SNIPPET(nested_enter, "mov %esp, %ebx\n mov $0x3d00000, %ebp\n movl $0xaaaa, -4(%ebp)\n movl $0xbbbb, -8(%ebp)\n enter $16, $3\n mov %ebp, %eax\n sub %esp, %eax\n mov -4(%ebp), %ecx\n mov -8(%ebp), %edx\n mov -12(%ebp), %esi\n sub %ebp, %esi\n leave\n sub %esp, %ebx", "nop");
SNIPPET(xchg_esp, "mov $0x3d00000, %ebx\n mov %ebx, %eax\n xchg %esp, %eax\n push $0x1234\n xchg %esp, %eax\n mov (%eax), %ecx\n sub %ebx, %eax", "nop");
SNIPPET(byte_registers, "mov $0x11223344, %eax\n mov $0x55667788, %ebx\n mov $0x99aabbcc, %ecx\n mov $0xddeeff00, %edx\n push $0x5a\n"
                        "mov (%esp), %ah\n xchg %bh, (%esp)\n add %ch, %dl\n mov %dh, %cl\n xchg %ah, %al\n movzbl %bh, %esi\n movsbl %dh, %edi\n add $4, %esp", "nop");

static void stack_pointer(bool user) {
    const char* who = user ? "user" : "kernel";
    const u32 esp = user ? user_context(0).esp : kernel_context(0).esp;
    struct trap t = with_esp(push_esp, user);
    check(t.at.eax == t.at.ebx && t.at.esp == esp, "push esp: the old value, %s", who);
    t = with_esp(pop_esp, user);
    check(t.at.eax == 0x3d00000, "pop esp, %s", who);
    t = with_esp(pop_relative, user);
    check(t.at.eax == 0x55 && t.at.esp == esp, "popl (esp): addressed after the pop, %s", who);
    t = with_esp(pop_relative_4, user);
    check(t.at.eax == 2 && t.at.ebx == 3, "popl 4(esp), %s", who);
    t = with_esp(push_relative, user);
    check(t.at.eax == 0x11 && t.at.ebx == 0x22 && t.at.esp == esp, "pushl 4(esp): addressed before the push, %s", who);
    t = with_esp(push_indexed, user);
    check(t.at.eax == 0x33, "pushl -4(esp,ecx,4), %s", who);
    t = with_esp(call_relative, user);
    check(t.at.eax == 0x66 && t.at.esp == esp, "call *4(esp): addressed before the push, %s", who);
    t = with_esp(jump_relative, user);
    check(t.vector == VEC_DONE && t.at.esp == esp, "jmp *(esp), %s", who);
    t = with_esp(call_esp, user);
    check(t.vector == VEC_DONE && t.at.eax == 1 && t.at.esp == esp, "call *esp: to the old value, %s", who);
    t = with_esp(lea_esp, user);
    check(t.at.eax == esp - 8, "lea with esp, %s", who);
    t = with_esp(pusha_popa, user);
    check(t.at.eax == t.at.ebx && t.at.ecx == 0 && t.at.esi == 7, "pusha and popa: esp's slot is written and not read, %s", who);
    t = with_esp(push_ax, user);
    check(t.at.ecx == 0x7f && (t.at.edx & 0xffff) == 0x5678 && t.at.ebx == 0, "16-bit pushes, %s", who);
    t = with_esp(pop_sp, user);
    check_equal(t.at.eax, ((esp & 0xffff0000) | 0x1234), "pop sp, %s", who);
    t = with_esp(nested_enter, user);
    check(t.at.eax == 16 + 12 && t.at.ecx == 0xaaaa && t.at.edx == 0xbbbb && t.at.esi == 0 && t.at.ebx == 0, "enter with three levels, %s", who);
    t = with_esp(xchg_esp, user);
    check(t.at.ecx == 0x1234 && t.at.eax == -4u, "xchg esp, %s", who);
    t = with_esp(byte_registers, user);
    check(t.at.eax == 0x1122445a && t.at.ebx == 0x55665a88 && t.at.ecx == 0x99aabbff && t.at.edx == 0xddeeffbb && t.at.esi == 0x5a && t.at.edi == 0xffffffff,
          "high byte registers beside esp, %s", who);
    if (t.at.eax != 0x1122445a) print("# %x %x %x %x %x %x\n", t.at.eax, t.at.ebx, t.at.ecx, t.at.edx, t.at.esi, t.at.edi);
}

// --- branches ---------------------------------------------------------------------------------------------

SNIPPET(loops, "xor %eax, %eax\n mov $10, %ecx\n1: inc %eax\n loop 1b\n mov $5, %ecx\n2: inc %eax\n cmp $13, %eax\n loopne 2b\n"
               "mov $5, %ecx\n3: inc %eax\n cmp %eax, %eax\n loope 3b\n jecxz 4f\n ud2\n4: mov $0x10000, %ecx\n jcxz 5f\n ud2\n5: jecxz 6f\n inc %eax\n"
               "6: mov $0x20003, %ecx\n7: inc %eax\n addr16 loop 7b", "nop");
SNIPPET(every_condition,
        "xor %ebx, %ebx\n cmp %ecx, %eax\n"
        ".macro try cc, bit\n j\\cc 1f\n jmp 2f\n1: or $\\bit, %ebx\n2: cmp %ecx, %eax\n .endm\n"
        "try o, 1\n try b, 2\n try e, 4\n try be, 8\n try s, 16\n try p, 32\n try l, 64\n try le, 128\n"
        "try no, 256\n try ae, 512\n try ne, 1024\n try a, 2048\n try ns, 4096\n try np, 8192\n try ge, 16384\n try g, 32768\n .purgem try",
        "nop");

static bool parity(u32 v) {
    u32 n = 0;
    for (u32 i = 0; i < 8; ++i) n += v >> i & 1;
    return !(n & 1);
}

static void branches(void) {
    struct trap t = run_kernel(loops);
    check(t.vector == VEC_DONE && t.at.eax == 10 + 3 + 5 + 1 + 3 && t.at.ecx == 0x20000, "loop, loopne, loope, jecxz, jcxz");
    static const u32 values[] = {0, 1, 2, 0x7f, 0x80, 0x7fffffff, 0x80000000, 0x80000001, 0xffffffff, 0x12345678};
    u32 wrong = 0;
    for (u32 i = 0; i < 10; ++i)
        for (u32 k = 0; k < 10; ++k) {
            const u32 a = values[i], b = values[k], d = a - b;
            const bool of = ((a ^ b) & (a ^ d)) >> 31, sf = d >> 31, lt = (int)a < (int)b;
            const u32 low = of | (a < b) << 1 | (a == b) << 2 | (a <= b) << 3 | sf << 4 | parity(d) << 5 | lt << 6 | ((int)a <= (int)b) << 7;
            struct context c = user_context(every_condition);
            c.eax = a;
            c.ecx = b;
            t = run(&c);
            wrong += t.at.ebx != (low | (~low & 0xff) << 8);
        }
    check(!wrong, "every condition");
}

// Jumps with a 16-bit operand cut EIP. Their code must be below 64 KiB.
static void sixteen_bit_jumps(void) {
    u8* const low = (u8*)0x9000;
    static const u8 jump[] = {0x66, 0xe9, 0xfc, 0x01};       // at 0x9100: jmpw 0x9300
    static const u8 calls[] = {0x66, 0xe8, 0xfc, 0x00, 0xcd, VEC_DONE};  // at 0x9300: callw 0x9400
    static const u8 returns[] = {0x66, 0xc3};
    memcpy(low + 0x100, jump, sizeof jump);
    memcpy(low + 0x300, calls, sizeof calls);
    memcpy(low + 0x400, returns, sizeof returns);
    struct trap t = run_user(low + 0x100);
    expect(&t, VEC_DONE, 0, low + 0x306, "16-bit jmp, call and ret");
    check_equal(t.at.esp, user_context(0).esp, "16-bit call and ret: esp");
    static const u8 cut[] = {0x66, 0xeb, 0x7e};  // from a high page: jmp +0x7e, cut to 16 bits
    static const u8 done[] = {0xcd, VEC_DONE};
    u8* const high = big + 0x9000;
    memcpy(high, cut, sizeof cut);
    memcpy(low + 0x81, done, 2);
    t = run_user(high);
    expect(&t, VEC_DONE, 0, low + 0x83, "a 16-bit short jump from above 64 KiB");
    static const u8 jcc[] = {0x39, 0xc0, 0x66, 0x74, 0x7c};  // cmp %eax, %eax; je +0x7c
    memcpy(high, jcc, sizeof jcc);
    t = run_user(high);
    expect(&t, VEC_DONE, 0, low + 0x83, "a 16-bit conditional jump from above 64 KiB");
    static const u8 not_taken[] = {0x39, 0xc0, 0x66, 0x75, 0x7c, 0xcd, VEC_DONE};
    memcpy(high, not_taken, sizeof not_taken);
    t = run_user(high);
    expect(&t, VEC_DONE, 0, high + 7, "one that is not taken stays");
    static const u8 indirect[] = {0xb8, 0x81, 0x90, 0x34, 0x12, 0x66, 0xff, 0xe0};  // mov $0x12349081, %eax; jmp *%ax
    memcpy(high, indirect, sizeof indirect);
    t = run_user(high);
    expect(&t, VEC_DONE, 0, low + 0x83, "a 16-bit indirect jump");
}

// --- addresses --------------------------------------------------------------------------------------------

SNIPPET(copy_word, "nop", "movsl");
SNIPPET(push_memory, "nop", "pushl (%ebx)");
SNIPPET(pop_memory, "nop", "popl (%ebx)");
SNIPPET(call_memory, "nop", "call *(%ebx)");
SNIPPET(forms, "mov $0x1000010, %ebx\n mov $4, %ecx\n mov (%ebx,%ecx,8), %eax\n add 0x10(%ebx,%ecx), %eax\n add -0x10(%ebx), %eax\n add 0x1000000(,%ecx,4), %eax\n"
               "mov $0xfffffff0, %edx\n add 0x10(%ebx,%edx), %eax\n add 0x20(%ebx,%edx,2), %eax\n add 0x1000004, %eax\n"
               "mov $0x11119000, %ebx\n mov $0x22220010, %esi\n addr16 mov 4(%bx,%si), %edi\n addr16 mov -2(%bx), %bp", "nop");

// Runs of pushes and pops, one of which faults in the middle: ESP and the registers are those before it.
SNIPPET(push_run, "push %eax\n push %ebx", "push %ecx\n push %edx\n pop %esi\n pop %edi");
SNIPPET(pop_run, "pop %eax\n pop %ebx", "pop %ecx\n pop %edx\n push %ebx\n call 1f\n1: pop %esi");

static void stack_runs(void) {
    const u32 edge = WINDOW + 0x800000;
    *pte(directory, edge) = *pte(directory, edge - PAGE) = (u32)big | PTE_USER;
    invlpg(edge);
    invlpg(edge - PAGE);
    for (u32 round = 0; round < 4; ++round) {
        *pte(directory, edge - PAGE) = 0;
        invlpg(edge - PAGE);
        struct context c = user_context(push_run);
        c.esp = edge + 8;
        c.eax = 1, c.ebx = 2, c.ecx = 3, c.edx = 4;
        struct trap t = run(&c);
        expect(&t, VEC_PF, ERR_U | ERR_W, push_run_at, "a run of pushes into an absent page");
        check(t.at.esp == edge && t.cr2 == edge - 4, "a run of pushes: ESP %x, CR2 %x", t.at.esp, t.cr2);
        *pte(directory, edge - PAGE) = (u32)big | PTE_USER;
        t = run(&t.at);
        check(t.vector == VEC_DONE && t.at.esp == edge && t.at.esi == 4 && t.at.edi == 3, "a run of pushes goes on");

        for (u32 i = 0; i < 4; ++i) ((u32*)(edge - 8))[i] = 11 * (i + 1);
        const u32 words[2] = {((u32*)edge)[0], ((u32*)edge)[1]};
        *pte(directory, edge) = 0;
        invlpg(edge);
        c = user_context(pop_run);
        c.esp = edge - 8;
        t = run(&c);
        expect(&t, VEC_PF, ERR_U, pop_run_at, "a run of pops from an absent page");
        check(t.at.esp == edge && t.cr2 == edge && t.at.eax == 11 && t.at.ebx == 22, "a run of pops: ESP %x, CR2 %x", t.at.esp, t.cr2);
        *pte(directory, edge) = (u32)big | PTE_USER;
        t = run(&t.at);
        check(t.vector == VEC_DONE && t.at.esp == edge + 4 && t.at.ecx == words[0] && t.at.edx == words[1], "a run of pops goes on");
    }
}

// One jump and two calls, each to many places in turn. ebx: their addresses; ecx: how many.
SNIPPET(many_targets, "xor %eax, %eax\n1: mov (%ebx), %edx\n mov $2f, %esi\n jmp *(%ebx)\n2: mov $3f, %esi\n call *%edx\n"
                      "3: mov $4f, %esi\n call *(%ebx)\n4: add $8, %esp\n add $4, %ebx\n dec %ecx\n jnz 1b", "nop");

// Targets 16 MiB apart, and others close to each other: more of them than places in any table of known targets, and
// many that want the same place.
static void many_indirect_targets(bool user) {
    enum { COUNT = 6000 };
    u32* const targets = (u32*)(big + 0x2000000);
    for (u32 i = 0; i < COUNT; ++i) {
        u8* code = big + (i % 2) * 0x1000000 + i / 2 * 64;
        memcpy(code, "\x40\xff\xe6", 3);  // inc eax; jmp *esi
        targets[i] = (u32)code;
    }
    u32 wrong = 0;
    for (u32 round = 0; round < 40; ++round) {
        struct context c = user ? user_context(many_targets) : kernel_context(many_targets);
        const u32 few = round & 1 ? COUNT : 100;
        c.ebx = (u32)targets;
        c.ecx = few;
        const struct trap t = run(&c);
        wrong += t.vector != VEC_DONE || t.at.eax != 3 * few || t.at.ebx != (u32)(targets + few) || t.at.esp != c.esp;
    }
    check(!wrong, "indirect jumps and calls to %u places, %s", (u32)COUNT, user ? "user" : "kernel");
}

// Buffers a multiple of 4 MiB apart collide in any direct-mapped table of pages.
static void colliding_addresses(void) {
    u8 *a = big, *b = big + 0x400000, *c4 = big + 0x800000;
    u32 wrong = 0;
    for (u32 i = 0; i < 64; ++i) {
        *(u32*)a = i;
        *(u32*)b = 0;
        struct context c = user_context(copy_word);
        c.esi = (u32)a;
        c.edi = (u32)b;
        run(&c);
        wrong += *(u32*)b != i;
        c = user_context(push_memory);
        c.ebx = (u32)a;
        c.esp = (u32)b + 8;
        struct trap t = run(&c);
        wrong += *(u32*)(b + 4) != i || t.at.esp != (u32)b + 4;
        c = user_context(pop_memory);
        c.ebx = (u32)c4;
        c.esp = (u32)b + 4;
        t = run(&c);
        wrong += *(u32*)c4 != i || t.at.esp != (u32)b + 8;
        c = user_context(call_memory);
        *(u32*)a = (u32)call_memory_end;
        c.ebx = (u32)a;
        c.esp = (u32)b + 8;
        t = run(&c);
        wrong += *(u32*)(b + 4) != (u32)call_memory_end || t.vector != VEC_DONE;
    }
    check(!wrong, "two operands whose pages collide");
    for (u32 i = 0; i < 64; ++i) *(u32*)(big + 4 * i) = 1u << (i & 31);
    *(u32*)0x9014 = 0xdeadbeef;
    *(u16*)0x8ffe = 0xf00d;
    const struct trap t = run_user(forms);
    const u32* w = (const u32*)big;
    check_equal(t.at.eax, w[12] + w[9] + w[0] + w[4] + w[4] + w[4] + w[1], "forms of addresses");
    check(t.at.edi == 0xdeadbeef && (t.at.ebp & 0xffff) == 0xf00d, "16-bit addresses");
}

// --- much code ----------------------------------------------------------------------------------------------

// Functions of six bytes each; and again, since a cache may have thrown the first ones out.
static void much_code(void) {
    const u32 n = 120000;
    for (u32 i = 0; i < n; ++i) {
        u8* at = big + 8 * i;
        at[0] = 0xb8;
        *(u32*)(at + 1) = i * 7;
        at[5] = 0xc3;
    }
    u32 wrong = 0;
    for (u32 round = 0; round < 2; ++round)
        for (u32 i = 0; i < n; ++i) {
            u32 r;
            asm volatile("call *%1" : "=a"(r) : "r"(big + 8 * i) : "memory");
            wrong += r != i * 7;
        }
    check(!wrong, "120000 functions, twice");
    // Two that share a slot of whatever is indexed by a few bits of EIP.
    for (u32 bits = 10; bits < 24; ++bits) {
        u8 *a = big + 0x200000, *b = a + (1u << bits);
        a[0] = b[0] = 0xb8;
        a[5] = b[5] = 0xc3;
        *(u32*)(a + 1) = 1;
        *(u32*)(b + 1) = 2;
        for (u32 i = 0; i < 50; ++i) {
            u32 r, s;
            asm volatile("call *%1" : "=a"(r) : "r"(a) : "memory");
            asm volatile("call *%1" : "=a"(s) : "r"(b) : "memory");
            wrong += r != 1 || s != 2;
        }
    }
    check(!wrong, "functions a power of two apart");
}

// Code that lies in its own page table: the entries that it changes are beside its bytes.
static void code_in_a_page_table(void) {
    u32* table = (u32*)((u32)pte(directory, WINDOW) & ~0xfffu);
    u8* frame_a = new_page();
    u8* frame_b = new_page();
    *(u32*)frame_a = 0xa;
    *(u32*)frame_b = 0xb;
    u8* code = (u8*)&table[512];  // entries that map nothing of interest
    static const u8 text[] = {
        0x89, 0x1e,              // mov %ebx, (%esi): the entry
        0x0f, 0x01, 0x3f,        // invlpg (%edi)
        0x8b, 0x07,              // mov (%edi), %eax
        0xcd, VEC_DONE,
    };
    memcpy(code, text, sizeof text);
    u32 wrong = 0;
    for (u32 i = 0; i < 100; ++i) {
        struct context c = kernel_context(code);
        c.ebx = (u32)(i & 1 ? frame_b : frame_a) | PTE_USER;
        c.esi = (u32)&table[0];
        c.edi = WINDOW;
        const struct trap t = run(&c);
        wrong += t.at.eax != (i & 1 ? 0xbu : 0xau);
    }
    check(!wrong, "code inside a page table that it changes");
}

int main(void) {
    for (u32 paged = 0; paged < 2; ++paged) {
        if (paged) {
            directory = new_directory();
            for (u32 a = 16u << 20; a < 64u << 20; a += PAGE) *pte(directory, a) = a | PTE_USER;
            paging_on(directory);
        }
        print("# paging %s\n", paged ? "on" : "off");
        calls_and_returns(false);
        calls_and_returns(true);
        patched_caller();
        if (paged) low_page();
        crossing_levels();
        stack_pointer(false);
        stack_pointer(true);
        branches();
        sixteen_bit_jumps();
        colliding_addresses();
        if (paged) stack_runs();
        many_indirect_targets(false);
        many_indirect_targets(true);
        much_code();
    }
    code_in_a_page_table();
    return 0;
}
