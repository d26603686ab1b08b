// Every way that a guest might try to reach its monitor, another part of the host process, the host's system calls or, from
// user mode, its own kernel's pages. To a real CPU these are ordinary accesses, jumps and exceptions, and nothing else may
// come out here. docs/safety.md tells what each attempt meets.
#include "paging.h"
#include "trap.h"

static u32* directory;
#define TIMES 6  // so that what adapts to what an instruction does has done so

SNIPPET(load, "nop", "mov (%ebx), %eax");
SNIPPET(store, "nop", "mov %eax, (%ebx)");
SNIPPET(add_memory, "nop", "add %eax, (%ebx)");
SNIPPET(cs_load, "nop", "mov %cs:(%ebx), %eax");
SNIPPET(ss_load, "mov %ebx, %ebp", "mov (%ebp), %eax");
SNIPPET(fs_load, "nop", "mov %fs:(%ebx), %eax");
SNIPPET(gs_load, "nop", "mov %gs:(%ebx), %eax");
SNIPPET(gs_store, "nop", "mov %eax, %gs:(%ebx)");
SNIPPET(cs_gs_load, "nop", ".byte 0x2e, 0x65, 0x8b, 0x03");  // two overrides: the last one counts
SNIPPET(push_there, "lea 4(%ebx), %esp", "push %eax");
SNIPPET(pop_there, "mov %ebx, %esp", "pop %eax");
SNIPPET(call_there, "lea 4(%ebx), %esp\n mov $1f, %eax\n jmp call_there_at\n1: int $0x50", "call *%eax");
SNIPPET(enter_there, "lea 4(%ebx), %esp", "enter $0, $0");
SNIPPET(stos_there, "mov %ebx, %edi\n mov $1, %ecx", "rep stosl");
SNIPPET(movs_from, "mov %ebx, %esi\n mov $scratch, %edi", "movsl");
SNIPPET(movs_to, "mov %ebx, %edi\n mov $scratch, %esi", "movsl");
SNIPPET(fxsave_there, "nop", "fnstcw (%ebx)");
SNIPPET(lea_then, "lea -0x10(%ebx), %ecx", "mov 8(%ecx,%edx,8), %eax");
SNIPPET(indexed, "mov %ebx, %ecx\n shr $1, %ecx", "mov (,%ecx,2), %eax");
u32 scratch[4] __attribute__((aligned(16)));

static const struct {
    const char* name;
    const u8 *code, *at;
    bool write;
} accesses[] = {
#define WAY(n, w) {#n, n, n##_at, w}
    WAY(load, false), WAY(store, true), WAY(add_memory, true), WAY(cs_load, false), WAY(ss_load, false), WAY(fs_load, false),
    WAY(gs_load, false), WAY(gs_store, true), WAY(cs_gs_load, false), WAY(push_there, true), WAY(pop_there, false), WAY(call_there, true), WAY(enter_there, true),
    WAY(stos_there, true), WAY(movs_from, false), WAY(movs_to, true), WAY(fxsave_there, true), WAY(lea_then, false), WAY(indexed, false),
#undef WAY
};
#define ACCESSES (sizeof accesses / sizeof *accesses)

// Where the monitor's state, its tables and its code lie under the segments engine, and their edges.
static const u32 places[] = {0xfbfffff0, 0xfc000000, 0xfc0019a0, 0xfc004000, 0xfc014000, 0xfc015000, 0xfc996000, 0xfc99a000, 0xfe000000, 0xff000000, 0xff404000, 0xfffff000};
#define PLACES (sizeof places / sizeof *places)

// In kernel mode a trap would push its frame where ESP points.
static bool moves_stack(u32 n) {
    const u8* code = accesses[n].code;
    return code == push_there || code == pop_there || code == call_there || code == enter_there;
}

static struct trap reach(bool user, u32 n, u32 address) {
    struct context c = user ? user_context(accesses[n].code) : kernel_context(accesses[n].code);
    c.ebx = address;
    c.eax = 0x5eed0001;
    c.edx = 1;
    c.fs = c.gs = user ? SEL_UDATA : SEL_KDATA;
    return run(&c);
}

// Nothing is mapped there: each access is a page fault like any other, at that address.
static void pages_that_are_not_there(bool user) {
    for (u32 p = 0; p < PLACES; ++p) {
        u32 wrong = 0;
        for (u32 n = 0; n < ACCESSES; ++n)
            for (u32 i = 0; i < TIMES && (user || !moves_stack(n)); ++i) {
                const struct trap t = reach(user, n, places[p]);
                const u32 error = (user ? ERR_U : 0) | (accesses[n].write ? ERR_W : 0);
                wrong += t.vector != VEC_PF || t.cr2 != places[p] || t.error != error || t.at.eip != (u32)accesses[n].at;
            }
        check(!wrong, "%s: %X is a page that is not there, by every way", user ? "user" : "kernel", places[p]);
    }
}

// Pages of the guest's own lie there: every way finds these, and what was written is in the frame and nowhere else.
static void pages_of_its_own(bool user) {
    for (u32 p = 0; p < PLACES; ++p) {
        u32* frame = new_page();
        u32* const word = frame + (places[p] % PAGE) / 4;
        *pte(directory, places[p]) = (u32)frame | (user ? PTE_USER : PTE_KERNEL | PTE_G);
        invlpg(places[p]);
        u32 wrong = 0;
        for (u32 n = 0; n < ACCESSES; ++n)
            for (u32 i = 0; i < TIMES && (user || !moves_stack(n)); ++i) {
                *word = 0x1234;
                const struct trap t = reach(user, n, places[p]);
                wrong += t.vector != VEC_DONE;
                if (accesses[n].write) wrong += *word == 0x1234 && accesses[n].code != movs_to;
                else if (accesses[n].code != movs_from) wrong += t.at.eax != 0x1234;
                else wrong += scratch[0] != 0x1234;
            }
        check(!wrong, "%s: the guest's own page at %X, by every way", user ? "user" : "kernel", places[p]);
        *pte(directory, places[p]) = 0;
        invlpg(places[p]);
    }
}

SNIPPET(jump_near, "nop", "jmp *%ebx");
SNIPPET(call_near, "nop", "call *%ebx");
SNIPPET(return_near, "push %ebx", "ret");
SNIPPET(jump_through_memory, "mov %ebx, scratch", "jmp *scratch");

// Jumps to where the monitor's code is: a page that is not there, or what the guest has put into its own.
static void jumps(bool user) {
    static const u8* const ways[] = {jump_near, call_near, return_near, jump_through_memory};
    static const u8 done[] = {0xcd, VEC_DONE};
    for (u32 p = 0; p < PLACES; ++p) {
        u32* frame = new_page();
        memcpy((u8*)frame + places[p] % PAGE, done, sizeof done);
        u32 wrong = 0;
        for (u32 mapped = 0; mapped < 2; ++mapped) {
            *pte(directory, places[p]) = mapped ? (u32)frame | (user ? PTE_USER : PTE_KERNEL | PTE_G) : 0;
            invlpg(places[p]);
            for (u32 n = 0; n < sizeof ways / sizeof *ways; ++n)
                for (u32 i = 0; i < TIMES; ++i) {
                    struct context c = user ? user_context(ways[n]) : kernel_context(ways[n]);
                    c.ebx = places[p];
                    const struct trap t = run(&c);
                    if (mapped) wrong += t.vector != VEC_DONE || t.at.eip != places[p] + sizeof done;
                    else wrong += t.vector != VEC_PF || t.cr2 != places[p] || t.at.eip != places[p] || t.error != (user ? ERR_U : 0);
                }
        }
        check(!wrong, "%s: jumps to %X", user ? "user" : "kernel", places[p]);
        *pte(directory, places[p]) = 0;
        invlpg(places[p]);
    }
}

SNIPPET(es_load, "nop", "mov %es:(%ebx), %eax");

// Segments of the guest's own that lie over the monitor: behind each is the guest's page there, and nothing else.
static void segments_over_the_monitor(bool user) {
    static const struct {
        u32 before, limit, attributes;  // the base lies so far before the place
    } kinds[] = {
        {0, 0xfff, ATTR_DATA | ATTR_32},
        {0x800, 0xfff, ATTR_DATA},
        {0x1000000, 0xfffff, ATTR_DATA | ATTR_32 | ATTR_PAGES},
        {0xfffff000, 0xfffff, ATTR_DATA | ATTR_32 | ATTR_PAGES},  // the sum wraps around 4 GiB
        {0x80000000, 0xfffff, ATTR_DATA_RO | ATTR_32 | ATTR_PAGES},
        {0x2000, 0x1fff, ATTR_DATA_DOWN | ATTR_32},
        {0xf000, 0xfff, ATTR_DATA_DOWN},
        {0x10, 0xffff, ATTR_CODE | ATTR_32},
    };
    static const u8* const ways[] = {load, es_load, fs_load, gs_load, ss_load};
    for (u32 p = 0; p < PLACES; ++p) {
        u32* frame = new_page();
        frame[places[p] % PAGE / 4] = 0x1234;
        *pte(directory, places[p]) = (u32)frame | (user ? PTE_USER : PTE_KERNEL | PTE_G);
        invlpg(places[p]);
        u32 wrong = 0;
        for (u32 k = 0; k < sizeof kinds / sizeof *kinds; ++k)
            for (u32 n = 0; n < sizeof ways / sizeof *ways; ++n)
                for (u32 i = 0; i < TIMES; ++i) {
                    const bool stack = ways[n] == ss_load, writable = kinds[k].attributes & 2 && !(kinds[k].attributes & 8);
                    if (stack && (!user || !writable)) continue;
                    const u16 selector = (u16)(SEL_TEST | (user ? 3 : 0));
                    set_segment(SEL_TEST, places[p] - kinds[k].before, kinds[k].limit, kinds[k].attributes | (user ? ATTR_DPL(3) : 0));
                    struct context c = user ? user_context(ways[n]) : kernel_context(ways[n]);
                    *(n == 0 ? &c.ds : n == 1 ? &c.es : n == 2 ? &c.fs : n == 3 ? &c.gs : &c.ss) = selector;
                    c.ebx = kinds[k].before;
                    const struct trap t = run(&c);
                    if (t.vector == VEC_DONE && t.at.eax == 0x1234) continue;
                    if (!wrong++) print("# kind %u, way %u: vector %u, error %x, eax %x\n", k, n, t.vector, t.error, t.at.eax);
                }
        check(!wrong, "%s: segments of its own over %X", user ? "user" : "kernel", places[p]);
        *pte(directory, places[p]) = 0;
        invlpg(places[p]);
    }
    set_segment(SEL_TEST, 0, 0, 0);
}

// Where the guest's LDT has the monitor's selectors, they mean what the guest says.
static void selectors_that_are_the_guests_too(void) {
    static const u8* const ways[] = {load, es_load, fs_load, gs_load, ss_load};
    u32* frame = new_page();
    *pte(directory, 0xfc000000) = (u32)frame | PTE_USER;
    invlpg(0xfc000000);
    u32 wrong = 0;
    for (u16 selector = 0x07; selector <= 0x27; selector += 8)
        for (u32 n = 0; n < sizeof ways / sizeof *ways; ++n)
            for (u32 i = 0; i < TIMES; ++i) {
                frame[0x10] = 0x7e57;
                set_segment(selector, 0xfc000000, 0xff, ATTR_DATA | ATTR_DPL(3) | ATTR_32);
                struct context c = user_context(ways[n]);
                *(n == 0 ? &c.ds : n == 1 ? &c.es : n == 2 ? &c.fs : n == 3 ? &c.gs : &c.ss) = selector;
                c.ebx = 0x40;
                struct trap t = run(&c);
                wrong += t.vector != VEC_DONE || t.at.eax != 0x7e57;
                c.ebx = 0x100;
                t = run(&c);
                wrong += t.vector != (ways[n] == ss_load ? VEC_SS : VEC_GP) || t.error;
                set_segment(selector, 0, 0, 0);
            }
    check(!wrong, "user: an LDT of its own with the monitor's selectors");
    *pte(directory, 0xfc000000) = 0;
    invlpg(0xfc000000);
}

// The supervisor's pages between the user's, which the kernel has just touched.
static void supervisor_pages(u32 base, const char* where) {
    u32* secret = new_page();
    u32* open = new_page();
    for (u32 n = 0; n < 8; ++n) {
        *pte(directory, base + n * PAGE) = n & 1 ? (u32)secret | PTE_KERNEL | PTE_G : (u32)open | PTE_USER;
        invlpg(base + n * PAGE);
    }
    u32 wrong = 0;
    for (u32 n = 0; n < ACCESSES; ++n)
        for (u32 i = 0; i < TIMES; ++i) {
            const u32 there = base + (1 + 2 * (i % 4)) * PAGE;
            *(volatile u32*)there = 0x5ec2e7;
            struct trap t = reach(true, n, there);
            const u32 error = ERR_P | ERR_U | (accesses[n].write ? ERR_W : 0);
            wrong += t.vector != VEC_PF || t.cr2 != there || t.error != error || *secret != 0x5ec2e7;
            t = reach(true, n, there + PAGE - 2 * PAGE * (i & 1) );
            wrong += t.vector != VEC_DONE;
        }
    check(!wrong, "user: supervisor pages between user pages, %s", where);
    for (u32 n = 0; n < 8; ++n) {
        *pte(directory, base + n * PAGE) = 0;
        invlpg(base + n * PAGE);
    }
}

// The selectors of the monitor, of its host's code and data, and of what else a Linux process has.
static const u16 selectors[] = {0x04, 0x07, 0x0c, 0x0f, 0x14, 0x17, 0x1c, 0x1f, 0x2b, 0x33, 0x53, 0x63, 0x6b, 0x73, 0x7b, 0xfff7};
static u16 chosen;
struct {
    u32 offset;
    u16 selector;
} __attribute__((packed)) far_pointer;

SNIPPET(jump_far, "nop", "ljmp *far_pointer");
SNIPPET(call_far, "nop", "lcall *far_pointer");
SNIPPET(return_far, "push %eax\n push $0", "lret");
SNIPPET(load_ds, "nop", "mov %ax, %ds");
SNIPPET(load_es, "nop", "mov %ax, %es");
SNIPPET(load_fs, "nop", "mov %ax, %fs");
SNIPPET(load_gs, "nop", "mov %ax, %gs");
SNIPPET(load_ss, "nop", "mov %ax, %ss");
SNIPPET(pop_gs, "push %eax", "pop %gs");
SNIPPET(lgs_there, "nop", "lgs far_pointer, %edx");
SNIPPET(return_by_iret, "pushf\n push %eax\n push $0", "iret");

static void foreign_selectors(bool user) {
    static const struct {
        const char* name;
        const u8* code;
    } ways[] = {
#define WAY(n) {#n, n}
        WAY(jump_far), WAY(call_far), WAY(return_far), WAY(load_ds), WAY(load_es), WAY(load_fs), WAY(load_gs), WAY(load_ss), WAY(pop_gs), WAY(lgs_there), WAY(return_by_iret),
#undef WAY
    };
    for (u32 n = 0; n < sizeof ways / sizeof *ways; ++n) {
        u32 wrong = 0;
        for (u32 s = 0; s < sizeof selectors / sizeof *selectors; ++s)
            for (u32 i = 0; i < 3; ++i) {
                chosen = selectors[s];
                if (!user && (chosen == 0x2b || chosen == 0x33)) continue;  // its own TSSs: a task switch
                far_pointer.offset = 0xfcc0d000;
                far_pointer.selector = chosen;
                struct context c = user ? user_context(ways[n].code) : kernel_context(ways[n].code);
                c.eax = chosen;
                const struct trap t = run(&c);
                // None of these names anything of the guest's that this code may have: #GP(selector).
                if (t.vector == VEC_GP && t.error == (chosen & 0xfffcu)) continue;
                if (!wrong++) print("# %s %x: vector %u, error %x\n", ways[n].name, chosen, t.vector, t.error);
            }
        check(!wrong, "%s: %s with selectors of the host and the monitor", user ? "user" : "kernel", ways[n].name);
    }
}

SNIPPET(int_80, "mov $1, %eax", "int $0x80");
SNIPPET(syscall_64, "mov $60, %eax", ".byte 0x0f, 0x05");
SNIPPET(sysret_64, "nop", ".byte 0x0f, 0x07");
SNIPPET(int_81, "mov $1, %eax", "int $0x81");
SNIPPET(sysenter_32, "mov $1, %eax", "sysenter");
SNIPPET(write_gs_base, "nop", ".byte 0xf3, 0x0f, 0xae, 0xd8");
SNIPPET(write_fs_base, "nop", ".byte 0xf3, 0x0f, 0xae, 0xd0");
SNIPPET(read_gs_base, "nop", ".byte 0xf3, 0x0f, 0xae, 0xc8");
SNIPPET(swap_gs, "nop", ".byte 0x0f, 0x01, 0xf8");
SNIPPET(vm_call, "nop", ".byte 0x0f, 0x01, 0xc1");
SNIPPET(vmm_call, "nop", ".byte 0x0f, 0x01, 0xd9");
SNIPPET(xgetbv, "xor %ecx, %ecx", ".byte 0x0f, 0x01, 0xd0");
SNIPPET(vex, "nop", ".byte 0xc5, 0xf9, 0xef, 0xc0");
SNIPPET(halt, "nop", "hlt");
SNIPPET(port, "nop", "in $0x80, %al");
SNIPPET(clear_if, "nop", "cli");
SNIPPET(write_msr, "mov $0xc0000101, %ecx", "wrmsr");

static void system_calls_of_the_host(void) {
    static const struct {
        const char* name;
        const u8 *code, *at;
        u32 vector, error;
    } cases[] = {
#define CASE(n, v, e) {#n, n, n##_at, v, e}
        {"int_80", int_80, int_80_end, 0x80, 0},  // by the guest's own gate
         CASE(syscall_64, VEC_UD, 0), CASE(sysret_64, VEC_UD, 0), CASE(sysenter_32, VEC_GP, 0), CASE(write_gs_base, VEC_UD, 0),
        CASE(write_fs_base, VEC_UD, 0), CASE(read_gs_base, VEC_UD, 0), CASE(swap_gs, VEC_UD, 0), CASE(vm_call, VEC_UD, 0), CASE(vmm_call, VEC_UD, 0),
        CASE(xgetbv, VEC_UD, 0), CASE(vex, VEC_UD, 0), CASE(halt, VEC_GP, 0), CASE(port, VEC_GP, 0), CASE(clear_if, VEC_GP, 0), CASE(write_msr, VEC_GP, 0),
#undef CASE
    };
    for (u32 n = 0; n < sizeof cases / sizeof *cases; ++n) {
        struct trap t = {0};
        for (u32 i = 0; i < TIMES; ++i) {
            t = run_user(cases[n].code);
            if (t.vector != cases[n].vector || t.error != cases[n].error) break;
        }
        expect(&t, cases[n].vector, cases[n].error, cases[n].at, named("user: %s", cases[n].name));
    }
}

// From kernel mode: what no CPU of this model has, and base registers that a 64-bit host would obey.
static void instructions_of_the_host(void) {
    static const struct {
        const char* name;
        const u8 *code, *at;
        u32 vector;
    } cases[] = {
#define CASE(n, v) {#n, n, n##_at, v}
        CASE(syscall_64, VEC_UD), CASE(sysret_64, VEC_UD), CASE(write_gs_base, VEC_UD), CASE(write_fs_base, VEC_UD), CASE(read_gs_base, VEC_UD),
        CASE(swap_gs, VEC_UD), CASE(vm_call, VEC_UD), CASE(vmm_call, VEC_UD), CASE(xgetbv, VEC_UD), CASE(vex, VEC_UD), CASE(write_msr, VEC_GP),
#undef CASE
        {"int_80", int_80, int_80_end, 0x80}, {"int_81", int_81, int_81_end, 0x81},  // by the guest's own gates
    };
    for (u32 n = 0; n < sizeof cases / sizeof *cases; ++n) {
        struct trap t = {0};
        for (u32 i = 0; i < TIMES; ++i) {
            t = run_kernel(cases[n].code);
            if (t.vector != cases[n].vector || t.error) break;
        }
        expect(&t, cases[n].vector, 0, cases[n].at, named("kernel: %s", cases[n].name));
    }
}

// A null GS: the monitor's own is behind it.
static void null_gs(bool user) {
    u32 wrong = 0;
    for (u32 offset = 0; offset < 0x10000; offset += 0x334) {
        struct context c = user ? user_context(gs_load) : kernel_context(gs_load);
        c.gs = 0;
        c.ebx = offset;
        const struct trap t = run(&c);
        wrong += t.vector != VEC_GP || t.error || t.at.eip != (u32)gs_load_at;
    }
    check(!wrong, "%s: a null gs", user ? "user" : "kernel");
}

int main(void) {
    directory = new_directory();
    paging_on(directory);
    set_cr4(get_cr4() | CR4_PGE);
    for (int user = 0; user < 2; ++user) {
        pages_that_are_not_there(user);
        pages_of_its_own(user);
        null_gs(user);
        jumps(user);
        segments_over_the_monitor(user);
        foreign_selectors(user);
    }
    selectors_that_are_the_guests_too();
    supervisor_pages(0x40000000, "low");
    supervisor_pages(0xfbffc000, "around where the monitor begins");
    supervisor_pages(0xfd000000, "where the monitor is");
    system_calls_of_the_host();
    instructions_of_the_host();
    return 0;
}
