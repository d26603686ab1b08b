// Two-level paging: rights and how they combine, error codes, CR2, A and D, large and global pages, invalidation,
// accesses that straddle two pages, and the CPU's own accesses to its tables.
#include "paging.h"

#include "trap.h"

#define WINDOW 0x40000000u  // nothing is mapped here but what a test maps

SNIPPET(read_it, "nop", "mov (%ebx), %eax");
SNIPPET(write_it, "nop", "mov %eax, (%ebx)");
SNIPPET(call_it, "nop", "call *%ebx");

static u32* directory;
static u8 *first, *second;  // the frames behind WINDOW and the page after it

static void map(u32 address, const void* frame, u32 flags) {
    *pte(directory, address) = (u32)frame | flags;
    invlpg(address);
}

static struct trap access(const u8* code, bool user, u32 address) {
    struct context c = user ? user_context(code) : kernel_context(code);
    c.ebx = address;
    c.eax = 0x11223344;
    return run(&c);
}

// Every combination of P, R/W and U/S in both levels, judged by a model.
static void rights_matrix(bool wp, bool user, bool write) {
    u32 wrong = 0;
    u32* d = pde(directory, WINDOW);
    const u32 table = (u32)pte(directory, WINDOW) & ~0xfffu;
    set_cr0(wp ? get_cr0() | CR0_WP : get_cr0() & ~CR0_WP);
    for (u32 combination = 0; combination < 64; ++combination) {
        const u32 upper = combination & 7, lower = combination >> 3, both = upper & lower;
        u32* p = (u32*)table;
        *p = (u32)first | lower;
        *d = table | upper;
        invlpg(WINDOW);
        const struct trap t = access(write ? write_it : read_it, user, WINDOW + 8);
        const bool present = both & PTE_P;
        const bool allowed = present && (!user || (both & PTE_U)) && (!write || (both & PTE_W) || (!user && !wp));
        const u32 error = (present ? ERR_P : 0) | (write ? ERR_W : 0) | (user ? ERR_U : 0);
        bool good;
        if (allowed)
            good = t.vector == VEC_DONE && (*d & PTE_A) && (*p & PTE_A) && !(*p & PTE_D) == !write;
        else
            good = t.vector == VEC_PF && t.error == error && t.cr2 == WINDOW + 8 &&
                   t.at.eip == (u32)(write ? write_it_at : read_it_at) && !(*p & PTE_D);
        if (!good && ++wrong <= 3)
            print("# pde %x pte %x: vector %u error %x cr2 %x, want %s %x; entries now %x %x\n", upper, lower, t.vector,
                  t.error, t.cr2, allowed ? "success" : "#PF", error, *d, *p);
    }
    *d = table | PTE_USER;
    set_cr0(get_cr0() & ~CR0_WP);
    check(!wrong, "P, R/W, U/S in both levels: %s, %s, WP %u", user ? "user" : "supervisor", write ? "write" : "read", wp);
}

static void accessed_and_dirty(void) {
    map(WINDOW, first, PTE_USER);
    u32* p = pte(directory, WINDOW);
    access(read_it, true, WINDOW);
    check((*p & (PTE_A | PTE_D)) == PTE_A, "a read sets A alone");
    access(write_it, true, WINDOW);
    check((*p & (PTE_A | PTE_D)) == (PTE_A | PTE_D), "the first write after a read sets D");
    *p &= ~(PTE_A | PTE_D);
    invlpg(WINDOW);
    access(write_it, false, WINDOW);
    check((*p & (PTE_A | PTE_D)) == (PTE_A | PTE_D), "both come back after invlpg");
    *p &= ~PTE_D;
    set_cr3(get_cr3());
    access(read_it, false, WINDOW);
    check(!(*p & PTE_D), "a read after a CR3 load leaves D clear");
    access(write_it, false, WINDOW);
    check(*p & PTE_D, "a write after a CR3 load sets D");
    *p &= ~(PTE_A | PTE_D | PTE_W);
    invlpg(WINDOW);
    access(write_it, true, WINDOW);
    check(!(*p & PTE_D), "a write that faults leaves D clear");
    map(WINDOW, first, PTE_USER);
    map(WINDOW + PAGE, second, PTE_P | PTE_U);
    access(write_it, true, WINDOW + PAGE - 2);
    check(!(*pte(directory, WINDOW + PAGE) & PTE_D), "a straddling write that faults leaves D of the second page clear");
}

#define TOUCH(n, body) SNIPPET(touch_##n, "nop", body)
TOUCH(cmp, "cmp %eax, (%ebx)");
TOUCH(test, "test %eax, (%ebx)");
TOUCH(bt, "btl $3, (%ebx)");
TOUCH(add, "add %eax, (%ebx)");
TOUCH(inc, "incb (%ebx)");
TOUCH(not, "notw (%ebx)");
TOUCH(neg, "negl (%ebx)");
TOUCH(shl, "shll %cl, (%ebx)");
TOUCH(bts, "btsl $3, (%ebx)");
TOUCH(xchg, "xchg %eax, (%ebx)");
TOUCH(cmpxchg, "cmpxchg %ecx, (%ebx)");
TOUCH(xadd, "xadd %eax, (%ebx)");
TOUCH(lock_or, "lock orl $1, (%ebx)");
TOUCH(cmpxchg8b, "cmpxchg8b (%ebx)");
TOUCH(setz, "setz (%ebx)");
TOUCH(push_mem, "pushl (%ebx)");
TOUCH(pop_mem, "push %eax\n.globl touch_pop_mem_here\ntouch_pop_mem_here: popl (%ebx)");
TOUCH(movzx, "movzbl (%ebx), %eax");
TOUCH(mov_imm, "movw $1, (%ebx)");
TOUCH(jmp_mem, "jmp *(%ebx)");
TOUCH(sgdt, "sgdt (%ebx)");
TOUCH(bound, "bound %eax, (%ebx)");
TOUCH(lds, "lds (%ebx), %eax");
TOUCH(xlat, "mov $0, %al\n.globl touch_xlat_here\ntouch_xlat_here: xlat");
extern const u8 touch_pop_mem_here[], touch_xlat_here[];

// Which instructions are writes to the MMU, for a page that is not there and for one that is read-only.
static void kinds_of_access(void) {
    static const struct {
        const char* name;
        const u8 *code, *at;
        bool write;
    } cases[] = {
#define CASE(n, w) {#n, touch_##n, touch_##n##_at, w}
        CASE(cmp, false), CASE(test, false), CASE(bt, false), CASE(add, true), CASE(inc, true), CASE(not, true), CASE(neg, true), CASE(shl, true),
        CASE(bts, true), CASE(xchg, true), CASE(cmpxchg, true), CASE(xadd, true), CASE(lock_or, true),
        CASE(cmpxchg8b, true), CASE(setz, true), CASE(push_mem, false), CASE(movzx, false), CASE(mov_imm, true), CASE(jmp_mem, false), CASE(sgdt, true),
        CASE(bound, false), CASE(lds, false), {"pop_mem", touch_pop_mem, touch_pop_mem_here, true}, {"xlat", touch_xlat, touch_xlat_here, false},
#undef CASE
    };
    for (u32 i = 0; i < sizeof cases / sizeof *cases; ++i) {
        map(WINDOW, first, 0);
        struct trap t = access(cases[i].code, true, WINDOW + 16);
        expect(&t, VEC_PF, ERR_U | (cases[i].write ? ERR_W : 0), cases[i].at, named("%s: page not present", cases[i].name));
        check(t.cr2 == WINDOW + 16 && t.at.eax == (cases[i].at == touch_xlat_here ? 0x11223300u : 0x11223344u), "%s: CR2 and eax", cases[i].name);
        if (cases[i].code == touch_pop_mem)
            check_equal(t.at.esp, (u32)user_snippet_stack + SNIPPET_STACK_BYTES - 4, "pop_mem: a fault leaves esp alone");
        if (cases[i].code == touch_push_mem)
            check_equal(t.at.esp, (u32)user_snippet_stack + SNIPPET_STACK_BYTES, "push_mem: a fault leaves esp alone");
        map(WINDOW, first, PTE_P | PTE_U);
        if (!cases[i].write) continue;
        memset(first, 0x5a, PAGE);
        t = access(cases[i].code, true, WINDOW + 16);
        expect(&t, VEC_PF, ERR_U | ERR_W | ERR_P, cases[i].at, named("%s: page read-only", cases[i].name));
    }
}

SNIPPET(straddle_mov, "nop", "mov %eax, (%ebx)");
SNIPPET(straddle_mov16, "nop", "mov %ax, (%ebx)");
SNIPPET(straddle_add, "nop", "add %eax, (%ebx)");
SNIPPET(straddle_xchg, "nop", "xchg %eax, (%ebx)");
SNIPPET(straddle_cmpxchg8b, "mov $0x55555555, %eax\n mov %eax, %edx\n mov $1, %ecx", "cmpxchg8b (%ebx)");
SNIPPET(straddle_bts, "nop", "btsl $31, (%ebx)");
SNIPPET(straddle_push, "lea 4(%ebx), %esp", "push %eax");
SNIPPET(straddle_pusha, "lea 20(%ebx), %esp", "pusha");
SNIPPET(straddle_call, "lea 4(%ebx), %esp", "call .");
SNIPPET(straddle_enter, "lea 4(%ebx), %esp", "enter $8, $0");
SNIPPET(straddle_stos, "mov %ebx, %edi", "stosl");
SNIPPET(straddle_pop, "push %eax", "popl (%ebx)");

// A write of several bytes that ends in the second page leaves nothing written if either page objects.
static void straddling_writes(void) {
    static const struct {
        const char* name;
        const u8 *code, *at;
    } cases[] = {
#define CASE(n) {#n, n, n##_at}
        CASE(straddle_mov), CASE(straddle_mov16), CASE(straddle_add), CASE(straddle_xchg), CASE(straddle_cmpxchg8b), CASE(straddle_bts), CASE(straddle_push),
        CASE(straddle_call), CASE(straddle_stos), CASE(straddle_pop), CASE(straddle_pusha), CASE(straddle_enter),
    };
    static const struct {
        const char* name;
        u32 first_flags, second_flags, error, cr2;
    } shapes[] = {
        {"second absent", PTE_USER, 0, ERR_U | ERR_W, WINDOW + PAGE},
        {"second read-only", PTE_USER, PTE_P | PTE_U, ERR_U | ERR_W | ERR_P, WINDOW + PAGE},
        {"second supervisor", PTE_USER, PTE_KERNEL, ERR_U | ERR_W | ERR_P, WINDOW + PAGE},
        {"first absent", 0, PTE_USER, ERR_U | ERR_W, 0},
        {"first read-only", PTE_P | PTE_U, PTE_USER, ERR_U | ERR_W | ERR_P, 0},
    };
    for (u32 s = 0; s < sizeof shapes / sizeof *shapes; ++s)
        for (u32 i = 0; i < sizeof cases / sizeof *cases; ++i) {
            // The stack goes down: pusha and enter fault on the page that they reach first or last.
            const bool several = cases[i].code == straddle_pusha || cases[i].code == straddle_enter;
            const u32 at = WINDOW + PAGE - (cases[i].code == straddle_mov16 ? 1 : 2);
            memset(first, 0x55, PAGE);
            memset(second, 0x55, PAGE);
            map(WINDOW, first, shapes[s].first_flags);
            map(WINDOW + PAGE, second, shapes[s].second_flags);
            const struct trap t = access(cases[i].code, true, at);
            const char* name = named("%s: %s", cases[i].name, shapes[s].name);
            if (several && !shapes[s].first_flags) continue;
            expect(&t, VEC_PF, shapes[s].error, cases[i].at, name);
            if (several) continue;
            check_equal(t.cr2, shapes[s].cr2 ? shapes[s].cr2 : at, "%s: CR2", name);
            u32 changed = 0;
            for (u32 b = 0; b < PAGE; ++b) changed += (first[b] != 0x55) + (second[b] != 0x55);
            check_equal(changed, 0, "%s: bytes changed", name);
        }
    map(WINDOW, first, PTE_USER);
    map(WINDOW + PAGE, second, PTE_USER);
    access(straddle_mov, true, WINDOW + PAGE - 1);
    check(first[PAGE - 1] == 0x44 && second[0] == 0x33 && second[1] == 0x22 && second[2] == 0x11, "a straddling write lands in both frames");
    const struct trap t = access(read_it, true, WINDOW + PAGE - 1);
    check_equal(t.at.eax, 0x11223344, "a straddling read collects from both");
    map(WINDOW + PAGE, second, 0);
    const struct trap r = access(read_it, false, WINDOW + PAGE - 1);
    expect(&r, VEC_PF, 0, read_it_at, "a straddling read: second absent");
    check_equal(r.cr2, WINDOW + PAGE, "a straddling read: CR2");
}

// enter and pusha write nothing that counts, and esp and ebp stay, if one of their pushes faults.
static void multiple_pushes(void) {
    map(WINDOW, first, 0);
    map(WINDOW + PAGE, second, PTE_USER);
    struct trap t = access(straddle_pusha, true, WINDOW + PAGE - 4);
    expect(&t, VEC_PF, ERR_U | ERR_W, straddle_pusha_at, "pusha: lower half absent");
    check_equal(t.at.esp, WINDOW + PAGE + 16, "pusha: esp stays");
    t = access(straddle_enter, true, WINDOW + PAGE);
    expect(&t, VEC_PF, ERR_U | ERR_W, straddle_enter_at, "enter: faults where its frame would end");
    check(t.at.esp == WINDOW + PAGE + 4 && t.at.ebp == 0, "enter: esp and ebp stay");
}

static void invalidation(void) {
    // Not present to present needs no invlpg, since absence is not cached.
    map(WINDOW, first, 0);
    access(read_it, true, WINDOW);
    first[0] = 7;
    *pte(directory, WINDOW) = (u32)first | PTE_USER;
    struct trap t = access(read_it, true, WINDOW);
    expect_done(&t, "a page that appears is seen without invlpg");
    second[0] = 9;
    *pte(directory, WINDOW) = (u32)second | PTE_USER;
    invlpg(WINDOW + 0x123);
    t = access(read_it, true, WINDOW);
    check_equal(t.at.eax & 0xff, 9, "invlpg by any address of the page");
    *pte(directory, WINDOW) = (u32)first | PTE_USER;
    set_cr3(get_cr3());
    t = access(read_it, true, WINDOW);
    check_equal(t.at.eax & 0xff, 7, "a CR3 load makes a changed entry seen");
    *pte(directory, WINDOW) = 0;
    invlpg(WINDOW);
    t = access(read_it, true, WINDOW);
    expect(&t, VEC_PF, ERR_U, read_it_at, "a page that went is gone after invlpg");
    map(WINDOW, first, PTE_USER);
    access(write_it, true, WINDOW);
    *pte(directory, WINDOW) &= ~PTE_W;
    invlpg(WINDOW);
    t = access(write_it, true, WINDOW);
    expect(&t, VEC_PF, ERR_U | ERR_W | ERR_P, write_it_at, "write protection is seen after invlpg");
    *pte(directory, WINDOW) &= ~PTE_U;
    set_cr3(get_cr3());
    t = access(read_it, true, WINDOW);
    expect(&t, VEC_PF, ERR_U | ERR_P, read_it_at, "loss of user rights is seen after a CR3 load");
    t = access(read_it, false, WINDOW);
    expect_done(&t, "and the supervisor may still read");
    // A whole table leaves by its directory entry.
    map(WINDOW, first, PTE_USER);
    access(read_it, true, WINDOW);
    const u32 kept = *pde(directory, WINDOW);
    *pde(directory, WINDOW) = 0;
    set_cr3(get_cr3());
    t = access(read_it, true, WINDOW);
    expect(&t, VEC_PF, ERR_U, read_it_at, "a table that went is gone after a CR3 load");
    *pde(directory, WINDOW) = kept;
    t = access(read_it, true, WINDOW);
    expect_done(&t, "and is back at once");
    // WP and the like take effect at once.
    map(WINDOW, first, PTE_P);
    t = access(write_it, false, WINDOW);
    expect_done(&t, "without WP the supervisor writes to read-only pages");
    set_cr0(get_cr0() | CR0_WP);
    t = access(write_it, false, WINDOW);
    expect(&t, VEC_PF, ERR_W | ERR_P, write_it_at, "turning WP on is seen at once");
    set_cr0(get_cr0() & ~CR0_WP);
}

static void address_spaces(void) {
    u32* other = new_directory();
    *pte(other, WINDOW) = (u32)second | PTE_USER;
    map(WINDOW, first, PTE_USER);
    first[0] = 1;
    second[0] = 2;
    u32 wrong = 0;
    for (u32 i = 0; i < 20; ++i) {
        set_cr3(i & 1 ? (u32)other : (u32)directory);
        const struct trap t = access(read_it, i & 2, WINDOW);
        wrong += t.vector != VEC_DONE || (t.at.eax & 0xff) != 1 + (i & 1);
    }
    check(!wrong, "two address spaces, back and forth");
    // A change to the tables of an address space while another is current.
    set_cr3((u32)other);
    *pte(directory, WINDOW) = (u32)second | PTE_USER;
    set_cr3((u32)directory);
    struct trap t = access(read_it, true, WINDOW);
    check_equal(t.at.eax & 0xff, 2, "an address space changed behind its back");
    set_cr3((u32)other);
    *pte(directory, WINDOW) = 0;
    set_cr3((u32)directory);
    t = access(read_it, true, WINDOW);
    expect(&t, VEC_PF, ERR_U, read_it_at, "a page unmapped behind its back");
}

static void large_pages(void) {
    u32* d = pde(directory, 0x50000000);
    const u32 base = (u32)first & ~0x3fffffu, inside = (u32)first & 0x3fffff;
    set_cr4(get_cr4() | CR4_PSE);
    *d = base | PTE_USER | PTE_PS;
    first[0] = 0x21;
    struct trap t = access(read_it, true, 0x50000000 + inside);
    check(t.vector == VEC_DONE && (t.at.eax & 0xff) == 0x21, "4 MiB page: a read");
    check((*d & (PTE_A | PTE_D)) == PTE_A, "4 MiB page: a read sets A");
    access(write_it, true, 0x50000000 + inside);
    check((*d & (PTE_A | PTE_D)) == (PTE_A | PTE_D) && first[0] == 0x44, "4 MiB page: a write lands and sets D");
    t = access(read_it, true, 0x50400000);
    expect(&t, VEC_PF, ERR_U, read_it_at, "4 MiB page: ends after 4 MiB");
    *d = base | PTE_P | PTE_U | PTE_PS;
    invlpg(0x50000000 + inside);
    t = access(write_it, true, 0x50000000 + inside);
    expect(&t, VEC_PF, ERR_U | ERR_W | ERR_P, write_it_at, "4 MiB page: read-only");
    t = access(read_it, true, 0x50000000 + inside + PAGE);
    expect_done(&t, "4 MiB page: invlpg on one part keeps the rest readable");
    *d = base | PTE_KERNEL | PTE_PS;
    invlpg(0x503ff000);
    t = access(read_it, true, 0x50000000 + inside);
    expect(&t, VEC_PF, ERR_U | ERR_P, read_it_at, "4 MiB page: invlpg on one part forgets all of it");
    *d = base | PTE_USER | PTE_PS | 1u << 21;
    set_cr3(get_cr3());
    t = access(read_it, true, 0x50000000 + inside);
    expect(&t, VEC_PF, ERR_U | ERR_P | ERR_RSVD, read_it_at, "4 MiB page: bit 21 is reserved");
    // From a large page to a table of small ones.
    *d = 0;
    set_cr3(get_cr3());
    *pte(directory, 0x50000000) = (u32)second | PTE_USER;
    second[0] = 0x77;
    t = access(read_it, true, 0x50000000);
    check(t.vector == VEC_DONE && (t.at.eax & 0xff) == 0x77, "4 MiB page: replaced by a table");
    set_cr4(get_cr4() & ~CR4_PSE);
    *d |= PTE_PS;
    set_cr3(get_cr3());
    t = access(read_it, true, 0x50000000);
    check(t.vector == VEC_DONE && (t.at.eax & 0xff) == 0x77, "PS is ignored without CR4.PSE");
    *d = 0;
    set_cr3(get_cr3());
}

static void global_pages(void) {
    set_cr4(get_cr4() | CR4_PGE);
    map(WINDOW, first, PTE_USER | PTE_G);
    first[0] = 1;
    second[0] = 2;
    access(read_it, true, WINDOW);
    set_cr3(get_cr3());
    struct trap t = access(read_it, true, WINDOW);
    check(t.vector == VEC_DONE && (t.at.eax & 0xff) == 1, "global page: readable after a CR3 load");
    map(WINDOW, second, PTE_USER | PTE_G);
    t = access(read_it, true, WINDOW);
    check_equal(t.at.eax & 0xff, 2, "global page: invlpg forgets it");
    *pte(directory, WINDOW) = (u32)first | PTE_USER | PTE_G;
    set_cr4(get_cr4() & ~CR4_PGE);
    t = access(read_it, true, WINDOW);
    check_equal(t.at.eax & 0xff, 1, "global page: clearing CR4.PGE forgets it");
    *pte(directory, WINDOW) = 0;
    set_cr0(get_cr0() & ~CR0_PG);
    set_cr0(get_cr0() | CR0_PG);
    t = access(read_it, true, WINDOW);
    expect(&t, VEC_PF, ERR_U, read_it_at, "turning paging off and on forgets everything");
}

// A page of the kernel's code that is another one in another space, and three ways into that: a call after the load of
// CR3, straight on behind it, and a return to a call of before.
extern const u8 load_cr3_and_return[];
asm(".text\nload_cr3_and_return: mov %ecx, %cr3\n ret");
enum { PLAIN = 0, LOADS = 0x100, RETURNS = 0x200 };

static void write_code(u8* frame, u8 answer) {
    const u8 plain[] = {0xb8, answer, 0, 0, 0, 0xc3};                        // mov $answer, %eax; ret
    const u8 loads[] = {0x0f, 0x22, 0xd9, 0xb8, answer, 0, 0, 0, 0xc3};      // mov %ecx, %cr3; ...
    const u8 returns[] = {0xff, 0xd2, 0xb8, answer, 0, 0, 0, 0xc3};          // call *%edx; ...
    memcpy(frame + PLAIN, plain, sizeof plain);
    memcpy(frame + LOADS, loads, sizeof loads);
    memcpy(frame + RETURNS, returns, sizeof returns);
}

static u32 answer_of(u32 code, const u32* root) {
    u32 answer;
    asm volatile("call *%1" : "=a"(answer) : "r"(WINDOW + code), "c"(root), "d"(load_cr3_and_return) : "memory");
    return answer;
}

static void code_of_spaces(const char* how) {
    u32* const roots[2] = {directory, new_directory()};
    write_code(first, 1);
    write_code(second, 2);
    *pte(roots[0], WINDOW) = (u32)first | PTE_KERNEL;
    *pte(roots[1], WINDOW) = (u32)second | PTE_KERNEL;
    u32 wrong[3] = {0, 0, 0};
    for (u32 n = 0; n < 300; ++n) {
        set_cr3((u32)roots[n & 1]);
        wrong[0] += answer_of(PLAIN, 0) != 1 + (n & 1);
        wrong[1] += answer_of(LOADS, roots[~n & 1]) != 2 - (n & 1);
        set_cr3((u32)roots[n & 1]);
        wrong[2] += answer_of(RETURNS, roots[~n & 1]) != 2 - (n & 1);
        if (n % 100 != 99) continue;  // the code behind both changes places
        u8* const kept = first;
        first = second, second = kept;
        *pte(roots[0], WINDOW) = (u32)first | PTE_KERNEL;
        *pte(roots[1], WINDOW) = (u32)second | PTE_KERNEL;
        write_code(first, 1);
        write_code(second, 2);
    }
    set_cr3((u32)directory);
    check_equal(wrong[0], 0, "code of the current space, %s", how);
    check_equal(wrong[1], 0, "code of the new space behind the load of CR3, %s", how);
    check_equal(wrong[2], 0, "code of the new space after a return, %s", how);
    map(WINDOW, first, 0);
}

static void fetches(void) {
    static const u8 done[] = {0xcd, VEC_DONE};
    memset(first, 0x90, PAGE);
    memcpy(first + 0x100, done, 2);
    map(WINDOW, first, PTE_USER);
    struct trap t = access(call_it, true, WINDOW + 0x80);
    expect(&t, VEC_DONE, 0, (u8*)(WINDOW + 0x102), "code in a mapped page runs");
    map(WINDOW, first, 0);
    t = access(call_it, true, WINDOW + 0x80);
    expect(&t, VEC_PF, ERR_U, (u8*)(WINDOW + 0x80), "fetch from an absent page");
    check_equal(t.cr2, WINDOW + 0x80, "fetch from an absent page: CR2");
    check_equal(t.at.esp, (u32)user_snippet_stack + SNIPPET_STACK_BYTES - 4, "fetch from an absent page: the call was made");
    map(WINDOW, first, PTE_KERNEL);
    t = access(call_it, true, WINDOW + 0x80);
    expect(&t, VEC_PF, ERR_U | ERR_P, (u8*)(WINDOW + 0x80), "fetch by the user from a supervisor page");
    map(WINDOW, first, PTE_USER);
    t = access(call_it, false, WINDOW + 0x80);
    expect(&t, VEC_DONE, 0, (u8*)(WINDOW + 0x102), "fetch by the supervisor from a user page");
    // An instruction that begins in one page and ends in the next: mov $0x50cd9090, %eax.
    static const u8 mov_eax[] = {0xb8, 0x90, 0x90, 0xcd, VEC_DONE, 0xcd, VEC_DONE};
    memcpy(first + PAGE - 3, mov_eax, 3);
    memcpy(second, mov_eax + 3, 4);
    map(WINDOW + PAGE, second, 0);
    t = access(call_it, true, WINDOW + PAGE - 4);
    expect(&t, VEC_PF, ERR_U, (u8*)(WINDOW + PAGE - 3), "an instruction whose end is absent");
    check_equal(t.cr2, WINDOW + PAGE, "an instruction whose end is absent: CR2");
    map(WINDOW + PAGE, second, PTE_USER);
    t = access(call_it, true, WINDOW + PAGE - 4);
    check(t.vector == VEC_DONE && t.at.eax == 0x50cd9090, "an instruction across two frames");
    second[1] = 0;
    t = access(call_it, true, WINDOW + PAGE - 4);
    check_equal(t.at.eax, 0x00cd9090, "an instruction across two frames, the second changed");
    first[PAGE - 1] = 0;
    t = access(call_it, true, WINDOW + PAGE - 4);
    check_equal(t.at.eax, 0x00cd0090, "an instruction across two frames, the first changed");
    // A complete instruction at the end of a page does not need the next one.
    first[PAGE - 2] = 0xcd;
    first[PAGE - 1] = VEC_DONE;
    map(WINDOW + PAGE, second, 0);
    t = access(call_it, true, WINDOW + PAGE - 2);
    expect_done(&t, "an instruction that ends with its page");
    // Remapped code runs from its new frame.
    memset(second, 0x90, PAGE);
    second[0] = 0x40;  // inc %eax
    memcpy(second + 1, done, 2);
    first[0] = 0x48;  // dec %eax
    memcpy(first + 1, done, 2);
    u32 wrong = 0;
    for (u32 i = 0; i < 10; ++i) {
        map(WINDOW, i & 1 ? first : second, PTE_USER);
        t = access(call_it, i & 2, WINDOW);
        wrong += t.at.eax != 0x11223344 + (i & 1 ? -1u : 1u);
    }
    check(!wrong, "remapped code, invlpg");
}

SNIPPET(load_fs, "nop", "mov %eax, %fs");
SNIPPET(int_80, "nop", "int $0x80");

// The CPU's own accesses to its tables are the supervisor's, whoever runs.
static void system_accesses(void) {
    const struct context user = user_context(load_fs);
    struct context c = user;
    u8* frame = new_page();
    memcpy(frame, gdt, sizeof gdt);
    load_gdt((u8*)WINDOW, sizeof gdt - 1);
    map(WINDOW, frame, PTE_KERNEL);
    c.eax = SEL_UDATA;
    struct trap t = run(&c);
    expect_done(&t, "a GDT in a supervisor page serves user mode");
    memcpy(frame, gdt, sizeof gdt);
    ((u64*)frame)[SEL_TEST / 8] = make_segment(0, 0xfffff, ATTR_DATA | ATTR_DPL(3) | ATTR_32 | ATTR_PAGES);
    map(WINDOW, frame, PTE_P);
    set_cr0(get_cr0() | CR0_WP);
    for (u32 s = 8; s < SEL_TEST; s += 8) frame[s + 5] |= s == SEL_TSS || s == SEL_DF_TSS || s == SEL_LDT ? 0 : ATTR_ACCESSED;
    c.eax = SEL_TEST | 3;
    t = run(&c);
    expect(&t, VEC_PF, ERR_W | ERR_P, load_fs_at, "setting the accessed bit in a read-only GDT");
    check_equal(t.cr2 & ~7u, WINDOW + SEL_TEST, "setting the accessed bit in a read-only GDT: CR2");
    frame[SEL_TEST + 5] |= ATTR_ACCESSED;
    t = run(&c);
    expect_done(&t, "a read-only GDT whose segment is already accessed");
    set_cr0(get_cr0() & ~CR0_WP);
    load_gdt(gdt, sizeof gdt - 1);

    // Another GDT, with only its tail absent.
    memcpy(frame + PAGE - SEL_TEST, gdt, SEL_TEST);
    load_gdt((u8*)WINDOW + PAGE - SEL_TEST, sizeof gdt - 1);
    map(WINDOW, frame, PTE_KERNEL);
    map(WINDOW + PAGE, second, 0);
    t = run(&c);
    expect(&t, VEC_PF, 0, load_fs_at, "a descriptor in an absent page, met in user mode");
    check_equal(t.cr2, WINDOW + PAGE, "a descriptor in an absent page: CR2");
    load_gdt(gdt, sizeof gdt - 1);

    // An IDT with vector 0x80 in an absent page; the lower ones are there.
    memcpy(frame + PAGE - 0x280, idt, 0x280);
    memcpy(second, (u8*)idt + 0x280, sizeof idt - 0x280);
    load_idt((u8*)WINDOW + PAGE - 0x280, sizeof idt - 1);
    t = run_user(int_80);
    expect(&t, VEC_PF, 0, int_80_at, "a gate in an absent page");
    check_equal(t.cr2, WINDOW + PAGE + 0x80 * 8 - 0x280, "a gate in an absent page: CR2");
    map(WINDOW + PAGE, second, PTE_KERNEL);
    t = run_user(int_80);
    expect(&t, 0x80, 0, int_80_end, "a gate in a supervisor page");
    load_idt(idt, sizeof idt - 1);

    // The ring 0 stack in an absent page: #PF in #PF's delivery is #DF.
    const struct tss kept = main_tss;
    map(WINDOW, first, 0);
    main_tss.esp0 = WINDOW + 0x800;
    t = run_user(int_80);
    expect(&t, VEC_DF, 0, int_80_at, "an absent ring 0 stack ends in #DF");
    check_equal(t.cr2 / PAGE, WINDOW / PAGE, "an absent ring 0 stack: CR2");
    main_tss = kept;
    map(WINDOW, first, PTE_KERNEL);
    main_tss.esp0 = WINDOW + 0x800;
    t = run_user(int_80);
    expect(&t, 0x80, 0, int_80_end, "a ring 0 stack in a supervisor page");
    main_tss = kept;
}

int main(void) {
    directory = new_directory();
    first = new_page();
    second = new_page();
    paging_on(directory);
    for (u32 i = 0; i < 8; ++i) rights_matrix(i & 4, i & 2, i & 1);
    accessed_and_dirty();
    kinds_of_access();
    straddling_writes();
    multiple_pushes();
    invalidation();
    address_spaces();
    large_pages();
    global_pages();
    code_of_spaces("no global pages");
    set_cr4(get_cr4() | CR4_PGE);
    code_of_spaces("global pages");
    set_cr4(get_cr4() & ~CR4_PGE);
    code_of_spaces("no global pages any more");
    fetches();
    system_accesses();
    return 0;
}
