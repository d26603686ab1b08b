// Segment limits, types and bases: each access size at each boundary, expand-down, wrap at 4 GiB, null selectors,
// 16-bit stacks, fs and gs bases, code limits, and what lar, lsl, verr and verw say.
#include "trap.h"

#define FLAT (ATTR_32 | ATTR_PAGES)

static u8 arena[0x3000] __attribute__((aligned(4096)));

SNIPPET(fs_load8, "nop", "mov %fs:(%ebx), %al");
SNIPPET(fs_load16, "nop", "mov %fs:(%ebx), %ax");
SNIPPET(fs_load32, "nop", "mov %fs:(%ebx), %eax");
SNIPPET(fs_load64, "nop", "fildll %fs:(%ebx)");
SNIPPET(fs_load80, "nop", "fldt %fs:(%ebx)");
SNIPPET(fs_store8, "nop", "mov %al, %fs:(%ebx)");
SNIPPET(fs_store16, "nop", "mov %ax, %fs:(%ebx)");
SNIPPET(fs_store32, "nop", "mov %eax, %fs:(%ebx)");
SNIPPET(fs_add32, "nop", "add %eax, %fs:(%ebx)");
SNIPPET(gs_load32, "nop", "mov %gs:(%ebx), %eax");
SNIPPET(es_stos, "mov %ebx, %edi", "stosl");
SNIPPET(ds_lods, "mov %ebx, %esi", "lodsl");
SNIPPET(cs_load32, "nop", "mov %cs:(%ebx), %eax");
SNIPPET(cs_store32, "nop", "mov %eax, %cs:(%ebx)");
SNIPPET(lea_fs, "nop", "lea %fs:(%ebx), %eax");
SNIPPET(ss_by_ebp, "mov %ebx, %ebp", "mov (%ebp), %eax");

enum way { BY_DS, BY_ES, BY_FS, BY_GS };

static struct trap through(enum way way, const u8* code, u32 selector, u32 offset) {
    struct context c = kernel_context(code);
    c.ebx = offset;
    c.eax = 0xa1b2c3d4;
    *(way == BY_DS ? &c.ds : way == BY_ES ? &c.es : way == BY_FS ? &c.fs : &c.gs) = selector;
    return run(&c);
}

static const struct {
    const u8 *code, *at;
    u32 size;
    bool write;
} accesses[] = {
    {fs_load8, fs_load8_at, 1, false},   {fs_load16, fs_load16_at, 2, false}, {fs_load32, fs_load32_at, 4, false},
    {fs_load64, fs_load64_at, 8, false}, {fs_load80, fs_load80_at, 10, false}, {fs_store8, fs_store8_at, 1, true},
    {fs_store16, fs_store16_at, 2, true}, {fs_store32, fs_store32_at, 4, true}, {fs_add32, fs_add32_at, 4, true},
};
#define ACCESSES (sizeof accesses / sizeof *accesses)

// Every access size from a little before the limit to a little behind it. `top`: highest offset of an expand-down
// segment, or 0 for an ordinary one.
static void around_limit(const char* name, u32 attributes, u32 stored_limit, u32 limit, u32 top) {
    set_segment(SEL_TEST, (u32)arena, stored_limit, attributes);
    u32 wrong = 0, wrong_inside = 0;
    for (u32 i = 0; i < ACCESSES; ++i)
        for (int delta = -12; delta <= 12; ++delta) {
            const u32 first = limit + (u32)delta, last = first + accesses[i].size - 1;
            const bool inside = top ? first > limit && first <= top && last <= top && last >= first
                                    : first <= limit && last <= limit && last >= first;
            const struct trap t = through(BY_FS, accesses[i].code, SEL_TEST, first);
            const bool good = inside ? t.vector == VEC_DONE
                                     : t.vector == VEC_GP && t.error == 0 && t.at.eip == (u32)accesses[i].at;
            if (good) continue;
            if (++wrong <= 3)
                print("# %u bytes, write %u, at limit %d: vector %u error %x\n", accesses[i].size, accesses[i].write, delta, t.vector, t.error);
            wrong_inside += inside;
        }
    check(!wrong_inside, "%s: what is inside works", name);
    check(!wrong, "%s: what is outside is #GP(0)", name);
}

static void limits(void) {
    around_limit("byte limit", ATTR_DATA | ATTR_32, 0x7ff, 0x7ff, 0);
    around_limit("odd byte limit", ATTR_DATA | ATTR_32, 0x802, 0x802, 0);
    around_limit("page limit", ATTR_DATA | ATTR_32 | ATTR_PAGES, 1, 0x1fff, 0);
    around_limit("16-bit data segment", ATTR_DATA, 0x7ff, 0x7ff, 0);
    around_limit("expand-down, big", ATTR_DATA_DOWN | ATTR_32, 0x7ff, 0x7ff, 0xffffffff);
    around_limit("expand-down, small", ATTR_DATA_DOWN, 0x7ff, 0x7ff, 0xffff);
    around_limit("expand-down, in pages", ATTR_DATA_DOWN | ATTR_32 | ATTR_PAGES, 1, 0x1fff, 0xffffffff);

    // The upper end of a small expand-down segment.
    set_segment(SEL_TEST, (u32)arena, 0x7ff, ATTR_DATA_DOWN);
    struct trap t = through(BY_FS, fs_load32, SEL_TEST, 0xfffd);
    expect(&t, VEC_GP, 0, fs_load32_at, "expand-down, small: ends at 64 KiB");
    t = through(BY_FS, fs_load32, SEL_TEST, 0xfffc);
    expect_done(&t, "expand-down, small: its last word");
    t = through(BY_FS, fs_load8, SEL_TEST, 0x10000);
    expect(&t, VEC_GP, 0, fs_load8_at, "expand-down, small: nothing above");
    // An access must not wrap around within a segment of 4 GiB less a little.
    set_segment(SEL_TEST, 0, 0xffffe, ATTR_DATA | FLAT);
    t = through(BY_FS, fs_load32, SEL_TEST, 0xfffffffe);
    expect(&t, VEC_GP, 0, fs_load32_at, "limit 0xffffefff: offset 0xfffffffe");
    t = through(BY_FS, fs_load8, SEL_TEST, 0xfffff000);
    expect(&t, VEC_GP, 0, fs_load8_at, "limit 0xffffefff: the first byte outside");
}

static void bases(void) {
    for (u32 i = 0; i < sizeof arena; ++i) arena[i] = (u8)(i * 7 + (i >> 8));
    set_segment(SEL_TEST, (u32)arena + 0x101, 0xfffff, ATTR_DATA | FLAT);
    struct trap t = through(BY_FS, fs_load32, SEL_TEST, 0x20);
    check_equal(t.at.eax, *(u32*)(arena + 0x121), "fs base");
    t = through(BY_GS, gs_load32, SEL_TEST, 0x21);
    check_equal(t.at.eax, *(u32*)(arena + 0x122), "gs base");
    t = through(BY_FS, fs_load32, SEL_TEST, 0u - 0x101);
    check_equal(t.at.eax, *(u32*)arena, "base + offset wraps at 4 GiB");
    t = through(BY_FS, lea_fs, SEL_TEST, 0x1234);
    check_equal(t.at.eax, 0x1234, "lea takes no base");
    t = through(BY_FS, fs_store32, SEL_TEST, 0x200);
    check_equal(*(u32*)(arena + 0x301), 0xa1b2c3d4, "fs store");
    t = through(BY_ES, es_stos, SEL_TEST, 0x300);
    check(*(u32*)(arena + 0x401) == 0xa1b2c3d4 && t.at.edi == 0x304, "stos through a based es");
    t = through(BY_DS, ds_lods, SEL_TEST, 0x2ff);
    check_equal(t.at.eax, *(u32*)(arena + 0x400), "lods through a based ds");
    // The descriptor is read when it is loaded, not when it is used.
    struct context c = kernel_context(0);
    extern const u8 stale_segment[];
    c.eip = (u32)stale_segment;
    c.fs = SEL_TEST;
    c.ebx = 0x20;
    c.ecx = (u32)descriptor(SEL_TEST);
    t = run(&c);
    check_equal(t.at.eax, *(u32*)(arena + 0x121), "a descriptor changed after the load has no effect");
    check_equal(t.at.edx, *(u32*)(arena + 0x121), "and so across many accesses");
}
asm(".text\nstale_segment:\n movl $0, (%ecx)\n movl $0, 4(%ecx)\n mov %fs:(%ebx), %eax\n mov $1000, %ecx\n"
    "1: mov %fs:(%ebx), %edx\n loop 1b\n int $0x50");

SNIPPET(fs_second, "mov %fs:(%ebx), %eax", "mov %fs:4(%ebx), %ecx");
SNIPPET(fs_moved, "mov %fs:(%ebx), %eax\n mov %dx, %fs", "mov %fs:4(%ebx), %ecx");
SNIPPET(fs_popped, "mov %fs:(%ebx), %eax\n push %edx\n pop %fs", "mov %fs:4(%ebx), %ecx");
SNIPPET(fs_popped16, "mov %fs:(%ebx), %eax\n push %dx\n popw %fs", "mov %fs:4(%ebx), %ecx");
SNIPPET(fs_called, "mov %fs:(%ebx), %eax\n call 1f\n .pushsection .text\n1: mov %dx, %fs\n ret\n .popsection",
        "mov %fs:4(%ebx), %ecx");

// Accesses of one block, whose limit is not always the one that the first of them met.
static void several_accesses(void) {
    static const struct {
        const char* name;
        const u8 *code, *at;
        u16 first;
    } cases[] = {
        {"the second access is beyond the limit", fs_second, fs_second_at, SEL_TEST},
        {"fs loaded between two accesses: mov", fs_moved, fs_moved_at, SEL_KDATA},
        {"fs loaded between two accesses: pop", fs_popped, fs_popped_at, SEL_KDATA},
        {"fs loaded between two accesses: 16-bit pop", fs_popped16, fs_popped16_at, SEL_KDATA},
        {"fs loaded between two accesses: in a call", fs_called, fs_called_at, SEL_KDATA},
    };
    for (u32 n = 0; n < sizeof cases / sizeof *cases; ++n) {
        u32 wrong = 0;
        for (u32 times = 0; times < 40; ++times) {  // until it has been translated in every form
            const bool allowed = times % 4 == 3;
            set_segment(SEL_TEST, 0, ((u32)arena + 3 + 4 * allowed) & 0xfffff, ATTR_DATA | ATTR_32);
            struct context c = kernel_context(cases[n].code);
            c.fs = cases[n].first;
            c.ebx = (u32)arena & 0xfffff;
            c.edx = SEL_TEST;
            const struct trap t = run(&c);
            wrong += allowed ? t.vector != VEC_DONE : t.vector != VEC_GP || t.at.eip != (u32)cases[n].at;
        }
        check_equal(wrong, 0, cases[n].name);
    }
}

static void null_and_types(void) {
    struct trap t = through(BY_FS, fs_load32, SEL_NULL, (u32)arena);
    expect(&t, VEC_GP, 0, fs_load32_at, "null fs: load");
    t = through(BY_FS, fs_store32, 3, (u32)arena);
    expect(&t, VEC_GP, 0, fs_store32_at, "null fs with RPL: store");
    t = through(BY_GS, gs_load32, SEL_NULL, (u32)arena);
    expect(&t, VEC_GP, 0, gs_load32_at, "null gs: load");
    t = through(BY_ES, es_stos, SEL_NULL, (u32)arena);
    expect(&t, VEC_GP, 0, es_stos_at, "null es: stos");
    t = through(BY_DS, ds_lods, SEL_NULL, (u32)arena);
    expect(&t, VEC_GP, 0, ds_lods_at, "null ds: lods");
    t = through(BY_FS, lea_fs, SEL_NULL, 5);
    expect_done(&t, "null fs: lea does not care");
    set_segment(SEL_TEST, 0, 0xfffff, ATTR_DATA_RO | FLAT);
    t = through(BY_FS, fs_store32, SEL_TEST, (u32)arena);
    expect(&t, VEC_GP, 0, fs_store32_at, "read-only data: store");
    t = through(BY_FS, fs_add32, SEL_TEST, (u32)arena);
    expect(&t, VEC_GP, 0, fs_add32_at, "read-only data: read-modify-write");
    t = through(BY_FS, fs_load32, SEL_TEST, (u32)arena);
    expect_done(&t, "read-only data: load");
    t = through(BY_FS, fs_store32, SEL_KCODE, (u32)arena);
    expect(&t, VEC_GP, 0, fs_store32_at, "code in fs: store");
    t = run_kernel(cs_store32);
    expect(&t, VEC_GP, 0, cs_store32_at, "store through cs");
    struct context c = kernel_context(cs_load32);
    c.ebx = (u32)arena;
    set_segment(SEL_TEST + 8, 0, 0xfffff, ATTR_CODE_XO | FLAT);
    c.cs = SEL_TEST + 8;
    t = run(&c);
    expect(&t, VEC_GP, 0, cs_load32_at, "load through execute-only cs");
    c.cs = SEL_KCODE;
    t = run(&c);
    expect_done(&t, "load through readable cs");
    // Returning to user mode clears the segments that it may not have.
    c = user_context(fs_load32);
    c.fs = SEL_KDATA;
    c.ebx = (u32)arena;
    t = run(&c);
    expect(&t, VEC_GP, 0, fs_load32_at, "iret to ring 3 nulls a ring 0 fs");
    check_equal(t.at.fs, 0, "iret to ring 3: fs reads as null");
    c.fs = SEL_UDATA;
    t = run(&c);
    check_equal(t.at.fs, SEL_UDATA, "iret to ring 3 keeps a ring 3 fs");
}

SNIPPET(push_it, "mov %ebx, %esp", "push %eax");
SNIPPET(pop_it, "mov %ebx, %esp", "pop %eax");
SNIPPET(pusha_it, "mov %ebx, %esp", "pusha");
SNIPPET(push16, "mov %ebx, %esp", "push %ax");
SNIPPET(call_near, "mov %ebx, %esp", "call .+5");
SNIPPET(enter_it, "mov %ebx, %esp", "enter $16, $0");
SNIPPET(leave_it, "mov %ebx, %esp\n mov $0x12340100, %ebp", "leave");
SNIPPET(ret_it, "mov %ebx, %esp", "ret");
SNIPPET(mov_esp_relative, "mov %ebx, %esp", "mov (%esp), %eax");

static struct trap on_stack(const u8* code, u32 esp) {
    struct context c = user_context(code);
    c.eax = 0x600df00d;
    c.ebx = esp;
    c.ss = SEL_TEST | 3;
    c.esp = esp;
    return run(&c);
}

static void stacks(void) {
    // 32-bit stack of 4 KiB.
    set_segment(SEL_TEST, (u32)arena, 0xfff, ATTR_DATA | ATTR_DPL(3) | ATTR_32);
    struct trap t = on_stack(push_it, 4);
    expect_done(&t, "push to offset 0");
    t = on_stack(push_it, 3);
    expect(&t, VEC_SS, 0, push_it_at, "push that wraps below 0");
    check_equal(t.at.esp, 3, "push that wraps below 0: esp stays");
    t = on_stack(push_it, 0);
    expect(&t, VEC_SS, 0, push_it_at, "push at esp 0");
    t = on_stack(push_it, 0x1004);
    expect(&t, VEC_SS, 0, push_it_at, "push above the limit");
    t = on_stack(push_it, 0x1000);
    expect_done(&t, "push of the topmost word");
    t = on_stack(pop_it, 0xffc);
    expect_done(&t, "pop of the topmost word");
    t = on_stack(pop_it, 0xffd);
    expect(&t, VEC_SS, 0, pop_it_at, "pop over the limit");
    check(t.at.esp == 0xffd && t.at.eax == 0x600df00d, "pop over the limit: esp and eax stay");
    t = on_stack(pusha_it, 28);
    expect(&t, VEC_SS, 0, pusha_it_at, "pusha without room");
    check_equal(t.at.esp, 28, "pusha without room: esp stays");
    t = on_stack(pusha_it, 32);
    expect_done(&t, "pusha with just enough room");
    t = on_stack(call_near, 2);
    expect(&t, VEC_SS, 0, call_near_at, "call without room");
    t = on_stack(enter_it, 12);
    expect(&t, VEC_SS, 0, enter_it_at, "enter without room for its frame");
    check_equal(t.at.esp, 12, "enter without room: esp stays");
    *(u32*)(arena + 0x1000) = (u32)ret_it_end;  // where a machine without limits ends up
    t = on_stack(ret_it, 0x1000);
    expect(&t, VEC_SS, 0, ret_it_at, "ret over the limit");
    t = on_stack(ss_by_ebp, 0xffe);
    expect(&t, VEC_SS, 0, ss_by_ebp_at, "a load through ebp over the limit");
    t = on_stack(mov_esp_relative, 0x1000);
    expect(&t, VEC_SS, 0, mov_esp_relative_at, "a load through esp over the limit");

    // 16-bit stack: pushes move SP alone.
    set_segment(SEL_TEST, (u32)arena, 0xffff, ATTR_DATA | ATTR_DPL(3));
    t = on_stack(push_it, 0x12340100);
    check_equal(t.at.esp, 0x123400fc, "16-bit stack: push moves sp alone");
    check_equal(*(u32*)(arena + 0xfc), 0x600df00d, "16-bit stack: where it goes");
    t = on_stack(push16, 0x12340100);
    check_equal(t.at.esp, 0x123400fe, "16-bit stack: a 16-bit push");
    t = on_stack(pop_it, 0x123400fc);
    check_equal(t.at.esp, 0x12340100, "16-bit stack: pop");
    check_equal(t.at.eax, *(u32*)(arena + 0xfc), "16-bit stack: popped value");
    t = on_stack(pusha_it, 0xabcd0200);
    check_equal(t.at.esp, 0xabcd01e0, "16-bit stack: pusha");
    t = on_stack(leave_it, 0xabcd0200);
    check_equal(t.at.esp, 0xabcd0104, "16-bit stack: leave takes bp");
    t = on_stack(enter_it, 0xabcd0200);
    check_equal(t.at.esp, 0xabcd01ec, "16-bit stack: enter");
    check_equal(t.at.ebp & 0xffff, 0x1fc, "16-bit stack: enter's bp");
    t = on_stack(push16, 0x77770000);
    check_equal(t.at.esp, 0x7777fffe, "16-bit stack: sp wraps");
    t = on_stack(push_it, 0x77770002);
    expect(&t, VEC_SS, 0, push_it_at, "16-bit stack: a word that would wrap around 64 KiB");

    // The reason for Linux's espfix.
    t = on_stack(ss_by_ebp, 0x77770100);
    check((t.at.esp & 0xffff) == 0x100 && t.at.esp >> 16 != 0x7777, "16-bit stack: iret to it loads sp alone");

    // Expand-down stack.
    set_segment(SEL_TEST, (u32)arena, 0x7ff, ATTR_DATA_DOWN | ATTR_DPL(3) | ATTR_32);
    t = on_stack(push_it, 0x804);
    expect_done(&t, "expand-down stack: its lowest word");
    t = on_stack(push_it, 0x803);
    expect(&t, VEC_SS, 0, push_it_at, "expand-down stack: below");
}

static u8 code_copy[0x2000] __attribute__((aligned(4096)));
asm(".text\nfar_entry: ljmp *far_target");
extern const u8 far_entry[];
u32 far_target[2];

static struct trap at_code(u32 limit, u32 attributes, u32 offset) {
    set_segment(SEL_TEST, (u32)code_copy, limit, attributes);
    struct context c = kernel_context(far_entry);
    far_target[0] = offset;
    far_target[1] = SEL_TEST;
    return run(&c);
}

// Code that is fetched through a limit: the fault comes before the instruction that does not fit.
static void code_limits(void) {
    static const u8 done[] = {0xcd, VEC_DONE};
    memset(code_copy, 0x90, sizeof code_copy);
    memcpy(code_copy + sizeof code_copy - 2, done, 2);  // where a machine without limits ends up
    memcpy(code_copy + 0x20, done, 2);
    struct trap t = at_code(0x21, ATTR_CODE | ATTR_32, 0);
    expect(&t, VEC_DONE, 0, (u8*)0x22, "code: runs to its limit");
    t = at_code(0x20, ATTR_CODE | ATTR_32, 0);
    expect(&t, VEC_GP, 0, (u8*)0x20, "code: an instruction that ends past the limit");
    t = at_code(0x1f, ATTR_CODE | ATTR_32, 0);
    expect(&t, VEC_GP, 0, (u8*)0x20, "code: running past the limit");
    t = at_code(0x1f, ATTR_CODE | ATTR_32, 0x20);
    expect(&t, VEC_GP, 0, far_entry, "code: a far jump past the limit faults at the jump");
    static const u8 jumps[] = {0xe9, 0x00, 0x01, 0x00, 0x00};  // jmp +0x100
    memcpy(code_copy + 4, jumps, sizeof jumps);
    t = at_code(0x80, ATTR_CODE | ATTR_32, 0);
    expect(&t, VEC_GP, 0, (u8*)4, "code: a near jump past the limit faults at the jump");
    static const u8 calls[] = {0xe8, 0x00, 0x01, 0x00, 0x00};
    memcpy(code_copy + 4, calls, sizeof calls);
    t = at_code(0x80, ATTR_CODE | ATTR_32, 0);
    expect(&t, VEC_GP, 0, (u8*)4, "code: a near call past the limit faults at the call");
    check_equal(t.at.esp, (u32)kernel_snippet_stack + SNIPPET_STACK_BYTES, "code: and pushes nothing");
    static const u8 returns[] = {0x68, 0x00, 0x01, 0x00, 0x00, 0xc3};  // push $0x100; ret
    memcpy(code_copy + 4, returns, sizeof returns);
    t = at_code(0x80, ATTR_CODE | ATTR_32, 0);
    expect(&t, VEC_GP, 0, (u8*)9, "code: a near return past the limit faults at the return");
    check_equal(t.at.esp, (u32)kernel_snippet_stack + SNIPPET_STACK_BYTES - 4, "code: and pops nothing");

    // 16-bit code: a jump keeps 16 bits of EIP; operands and addresses are of 16 bits.
    static const u8 short_code[] = {
        0xb8, 0x34, 0x12,        // mov $0x1234, %ax
        0x66, 0xbb, 1, 0, 2, 0,  // mov $0x00020001, %ebx
        0x67, 0x8d, 0x4b, 0x05,  // lea 5(%ebx), %cx, 32-bit address
        0x8d, 0x57, 0xff,        // lea -1(%bx), %dx
        0xcd, VEC_DONE,
    };
    memcpy(code_copy, short_code, sizeof short_code);
    set_segment(SEL_TEST, (u32)code_copy, 0xffff, ATTR_CODE);
    struct context c = kernel_context(far_entry);
    far_target[0] = 0;
    far_target[1] = SEL_TEST;
    c.eax = c.ecx = c.edx = 0xffffffff;
    t = run(&c);
    check(t.at.eax == 0xffff1234 && t.at.ebx == 0x20001 && t.at.ecx == 0xffff0006 && t.at.edx == 0xffff0000,
          "16-bit code: default sizes");
    static const u8 jump16[] = {0xeb, 0x7e};  // jmp +0x80, from near the top of 64 KiB
    static u8 big_code[0x10000] __attribute__((aligned(4096)));
    memset(big_code, 0x90, sizeof big_code);
    memcpy(big_code + 0xfff0, jump16, 2);
    big_code[0x70] = 0xcd, big_code[0x71] = VEC_DONE;
    set_segment(SEL_TEST, (u32)big_code, 0xffff, ATTR_CODE);
    far_target[0] = 0xfff0;
    t = run(&c);
    expect(&t, VEC_DONE, 0, (u8*)0x72, "16-bit code: a short jump wraps at 64 KiB");
}

SNIPPET(lar_it, "nop", "lar %eax, %ecx");
SNIPPET(lsl_it, "nop", "lsl %eax, %ecx");
SNIPPET(verr_it, "nop", "verr %ax");
SNIPPET(verw_it, "nop", "verw %ax");
SNIPPET(arpl_it, "nop", "arpl %cx, %ax");

static struct trap ask(const u8* code, u32 selector, bool user) {
    struct context c = user ? user_context(code) : kernel_context(code);
    c.eax = selector;
    c.ecx = 0xdeadbeef;
    return run(&c);
}

static void questions(void) {
    set_segment(SEL_TEST, 0x123456, 0xabcde, ATTR_DATA_RO | ATTR_DPL(3) | FLAT);
    struct trap t = ask(lar_it, SEL_TEST | 3, true);
    check((t.at.eflags & FLAG_ZF) && (t.at.ecx & 0xf0ff00) == 0x00c0f000, "lar: attributes");
    t = ask(lsl_it, SEL_TEST | 3, true);
    check((t.at.eflags & FLAG_ZF) && t.at.ecx == 0xabcdefff, "lsl: a limit in pages comes in bytes");
    t = ask(lar_it, SEL_KDATA, true);
    check(!(t.at.eflags & FLAG_ZF) && t.at.ecx == 0xdeadbeef, "lar: no privilege, no answer");
    t = ask(lar_it, 0, false);
    check(!(t.at.eflags & FLAG_ZF), "lar: null");
    t = ask(lar_it, 0x400, false);
    check(!(t.at.eflags & FLAG_ZF), "lar: past the GDT");
    t = ask(lar_it, SEL_TSS, false);
    check((t.at.eflags & FLAG_ZF) && (t.at.ecx & 0xff00) == 0x8b00, "lar: a busy TSS");
    t = ask(lsl_it, SEL_TSS, false);
    check((t.at.eflags & FLAG_ZF) && t.at.ecx == 103, "lsl: a TSS");
    set_call_gate(SEL_TEST + 8, SEL_KCODE, lar_it, ATTR_CALL32, 0);
    t = ask(lar_it, SEL_TEST + 8, false);
    check((t.at.eflags & FLAG_ZF) && (t.at.ecx & 0xff00) == 0x8c00, "lar: a call gate");
    t = ask(lsl_it, SEL_TEST + 8, false);
    check(!(t.at.eflags & FLAG_ZF), "lsl: a call gate has no limit");
    *descriptor(SEL_TEST + 8) = make_gate(SEL_KCODE, 0, ATTR_INT32, 0);
    t = ask(lar_it, SEL_TEST + 8, false);
    check(!(t.at.eflags & FLAG_ZF), "lar: an interrupt gate has no business here");
    t = ask(verr_it, SEL_TEST | 3, true);
    check(t.at.eflags & FLAG_ZF, "verr: readable");
    t = ask(verw_it, SEL_TEST | 3, true);
    check(!(t.at.eflags & FLAG_ZF), "verw: read-only");
    t = ask(verw_it, SEL_UDATA, true);
    check(t.at.eflags & FLAG_ZF, "verw: writable");
    t = ask(verr_it, SEL_KDATA, true);
    check(!(t.at.eflags & FLAG_ZF), "verr: no privilege");
    set_segment(SEL_TEST, 0, 0xfffff, ATTR_CODE_XO | FLAT);
    t = ask(verr_it, SEL_TEST, false);
    check(!(t.at.eflags & FLAG_ZF), "verr: execute-only");
    set_segment(SEL_TEST, 0, 0xfffff, ATTR_CONFORMING | FLAT);
    t = ask(verr_it, SEL_TEST | 3, true);
    check(t.at.eflags & FLAG_ZF, "verr: conforming code from ring 3");
    t = ask(verr_it, SEL_TSS, false);
    check(!(t.at.eflags & FLAG_ZF), "verr: a system segment");

    struct context c = user_context(arpl_it);
    c.eax = 0xffff0010;
    c.ecx = 0x0003;
    t = run(&c);
    check((t.at.eflags & FLAG_ZF) && t.at.eax == 0xffff0013, "arpl: raises the RPL");
    c.eax = 0x13;
    c.ecx = 2;
    c.eflags |= FLAG_ZF;
    t = run(&c);
    check(!(t.at.eflags & FLAG_ZF) && t.at.eax == 0x13, "arpl: does not lower it");
}

SNIPPET(conforming_call, "nop", "lcall *far_target");
asm(".text\nconforming_entry: mov %cs, %eax\n lret");
extern const u8 conforming_entry[];

static void conforming_code(void) {
    set_segment(SEL_TEST, 0, 0xfffff, ATTR_CONFORMING | FLAT);
    far_target[0] = (u32)conforming_entry;
    far_target[1] = SEL_TEST;
    struct trap t = run_user(conforming_call);
    expect_done(&t, "conforming ring 0 code called from ring 3");
    check_equal(t.at.eax & 0xffff, SEL_TEST | 3, "it runs with the caller's CPL");
    set_segment(SEL_TEST, 0, 0xfffff, ATTR_CODE | FLAT);
    t = run_user(conforming_call);
    expect(&t, VEC_GP, SEL_TEST, conforming_call_at, "non-conforming ring 0 code is closed to ring 3");
}

int main(void) {
    asm volatile("fninit");
    limits();
    bases();
    several_accesses();
    null_and_types();
    stacks();
    code_limits();
    questions();
    conforming_code();
    return 0;
}
