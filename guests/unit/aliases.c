// User code whose frames are mapped at several linear pages, and runs in all of them by turns: what a translation may share
// between them, and what it must find by the page that it runs in. EIP shows in return addresses and in what exceptions push.
#include "paging.h"
#include "trap.h"

// Two pages of code that depend on no address. `twice` runs from the first page into the second.
extern u8 first_page[], behind_both[], where_is_it[], in_both_pages[], to_and_fro[], through_esi[], divides[], loads[], enters[],
    behind_int[], sums[], patched[], twice[], divides_at[], loads_at[], where_it_was[];
asm(".section .text.aliases, \"ax\"\n .balign 4096\n"
    "first_page:\n"
    "where_is_it: call 1f\n where_it_was: 1: pop %eax\n int $0x50\n"
    // 3000 times: a call within the page, one to the other page, whose EIP comes back in edx.
    "in_both_pages: xor %eax, %eax\n mov $3000, %ecx\n"
    "1: call sums\n call 2f\n dec %ecx\n jnz 1b\n int $0x50\n"
    "sums: add %ecx, %eax\n ret\n"
    // Jumps to the other page and back, on a condition and without.
    "to_and_fro: mov $3000, %ecx\n xor %eax, %eax\n"
    "3: inc %eax\n jmp 4f\n"
    "5: int $0x50\n"
    // Goes where esi says, with the register turned around; edi: how often. Each adds where it is to ebx.
    "through_esi: sub $1, %edi\n jc 6f\n xchg %esi, %ebp\n call *%ebp\n xchg %esi, %ebp\n"
    "6: call 7f\n 7: pop %eax\n add %eax, %ebx\n ret\n"
    "divides: xor %ecx, %ecx\n xor %edx, %edx\n divides_at: div %ecx\n int $0x50\n"
    "loads: nop\n loads_at: mov (%ebx), %eax\n int $0x50\n"
    "enters: int $0x60\n behind_int: call 8f\n 8: pop %eax\n int $0x50\n"
    "patched: mov $1, %eax\n int $0x50\n"
    ".org first_page + 4096 - 3\n"
    "twice: mov $0x12345678, %eax\n"
    "behind_both: int $0x50\n .balign 16\n"
    "2: call 9f\n 9: pop %edx\n ret\n"
    "4: dec %ecx\n jnz 3b\n jmp 5b\n"
    ".org first_page + 8192\n .previous\n");

enum { ALIASES = 6, ROUNDS = 12 };
static u32* directory;

static u32 base_of(u32 alias) { return 0x40000000u + alias * 0x01235000u; }
static u32 at(u32 alias, const u8* label) { return base_of(alias) + (u32)(label - first_page); }

static void map(u32 linear, const u8* frame) {
    *pte(directory, linear) = (u32)frame | PTE_USER;
    invlpg(linear);
}

static struct trap run_at(u32 address, u32 ebx) {
    struct context c = user_context((const void*)address);
    c.ebx = ebx;
    return run(&c);
}

static void knows_where_it_is(void) {
    u32 wrong = 0;
    for (u32 n = 0; n < ROUNDS * ALIASES; ++n) {
        const struct trap t = run_at(at(n % ALIASES, where_is_it), 0);
        wrong += t.vector != VEC_DONE || t.at.eax != at(n % ALIASES, where_it_was);
    }
    check(!wrong, "code in turns at %u addresses, return addresses", ALIASES);
}

static void leaves_its_page(void) {
    u32 wrong = 0;
    for (u32 n = 0; n < ROUNDS * ALIASES; ++n) {
        const u32 base = base_of(n % ALIASES);
        const struct trap t = run_at(at(n % ALIASES, in_both_pages), 0);
        wrong += t.vector != VEC_DONE || t.at.eax != 3000u * 3001 / 2 || t.at.edx - base - PAGE >= PAGE;
        const struct trap u = run_at(at(n % ALIASES, to_and_fro), 0);
        wrong += u.vector != VEC_DONE || u.at.eax != 3000;
    }
    check(!wrong, "calls and jumps to the next page, at %u addresses", ALIASES);
}

// The next page is another one at one of the addresses.
static void next_page_differs(void) {
    u8* other = new_page();
    memcpy(other, first_page + PAGE, PAGE);
    for (u32 n = 0; n < PAGE - 1; ++n)
        if (other[n] == 0x5a && other[n + 1] == 0xc3) other[n] = 0x58;  // pop %eax
    map(base_of(1) + PAGE, other);
    u32 wrong = 0;
    for (u32 n = 0; n < ROUNDS; ++n) {
        const struct trap t = run_at(at(0, in_both_pages), 0), u = run_at(at(1, in_both_pages), 0);
        wrong += t.at.eax != 3000u * 3001 / 2 || u.at.eax - base_of(1) - PAGE >= PAGE;
    }
    map(base_of(1) + PAGE, first_page + PAGE);
    const struct trap u = run_at(at(1, in_both_pages), 0);
    wrong += u.at.eax != 3000u * 3001 / 2;
    check(!wrong, "the same code before two different pages");
}

static void one_calls_the_other(void) {
    enum { DEPTH = 100 };
    u32 wrong = 0;
    for (u32 n = 0; n < ROUNDS; ++n) {
        struct context c = user_context((const void*)at(2, through_esi));
        static u32 stack[2 * DEPTH + 8];
        stack[2 * DEPTH] = at(2, divides);
        c.esp = (u32)&stack[2 * DEPTH];
        c.esi = at(3, through_esi), c.ebp = at(2, through_esi), c.edi = DEPTH;
        const struct trap t = run(&c);
        const u32 seen = t.at.ebx - (DEPTH / 2 + 1) * base_of(2) - DEPTH / 2 * base_of(3);
        wrong += t.vector != VEC_DE || t.at.eip != at(2, divides_at) || seen >= (DEPTH + 1) * PAGE || seen % (DEPTH + 1);
    }
    check(!wrong, "code that calls itself at another address, %u deep", DEPTH);
}

static void faults_where_it_is(void) {
    u32 wrong = 0;
    for (u32 n = 0; n < ROUNDS * ALIASES; ++n) {
        const struct trap d = run_at(at(n % ALIASES, divides), 0);
        wrong += d.vector != VEC_DE || d.at.eip != at(n % ALIASES, divides_at);
        const struct trap p = run_at(at(n % ALIASES, loads), 0x7ff00000);
        wrong += p.vector != VEC_PF || p.at.eip != at(n % ALIASES, loads_at) || p.cr2 != 0x7ff00000;
    }
    check(!wrong, "divide errors and page faults at %u addresses", ALIASES);
}

static u32 pushed;
static void note_eip(struct frame* f) { pushed = f->eip; }

static void comes_back(void) {
    set_handler(0x60, note_eip);
    idt[0x60] = make_gate(SEL_KCODE, (u32)trap_stub(0x60), ATTR_INT32 | ATTR_DPL(3), 0);
    u32 wrong = 0;
    for (u32 n = 0; n < ROUNDS * ALIASES; ++n) {
        const struct trap t = run_at(at(n % ALIASES, enters), 0);
        wrong += pushed != at(n % ALIASES, behind_int) || t.at.eax - pushed != 5;
    }
    check(!wrong, "INT n and back, at %u addresses", ALIASES);
}

// What is stored through one address is what runs at all of them.
static void patched_through_one(void) {
    u32 wrong = 0;
    for (u32 n = 0; n < 4 * ROUNDS; ++n) {
        *(volatile u32*)(at(n % ALIASES, patched) + 1) = n;
        for (u32 a = 0; a < ALIASES; ++a) {
            const struct trap t = run_at(at(a, patched), 0);
            wrong += t.vector != VEC_DONE || t.at.eax != n;
        }
    }
    check(!wrong, "code changed through one address, run at all");
}

static void astride_both(void) {
    u32 wrong = 0;
    for (u32 n = 0; n < ROUNDS * ALIASES; ++n) {
        const struct trap t = run_at(at(n % ALIASES, twice), 0);
        wrong += t.vector != VEC_DONE || t.at.eax != 0x12345678 || t.at.eip != at(n % ALIASES, behind_both) + 2;
    }
    check(!wrong, "an instruction astride both pages, at %u addresses", ALIASES);
}

// A jump of 32 MiB out of the last page of all leads to low addresses.
static void around_the_top(void) {
    static const u8 jump[] = {0xe9, 0x00, 0x00, 0x00, 0x02};
    enum { AT = 0x800, TO = AT + sizeof jump + 0x02000000 };
    u8* top = new_page();
    memcpy(top + AT, jump, sizeof jump);
    const u32 elsewhere = base_of(0) + 2 * PAGE;
    map(0xfffff000, top);
    map(elsewhere, top);
    u32 wrong = 0;
    for (u32 n = 0; n < ROUNDS; ++n) {
        const struct trap high = run_at(0xfffff000 + AT, 0), low = run_at(elsewhere + AT, 0);
        wrong += high.vector != VEC_PF || high.at.eip != 0xfffff000 + TO;
        wrong += low.vector != VEC_PF || low.at.eip != elsewhere + TO;
    }
    check(!wrong, "a jump around 4 GiB, and the same one elsewhere");
}

int main(void) {
    directory = new_directory();
    paging_on(directory);
    for (u32 alias = 0; alias < ALIASES; ++alias) {
        map(base_of(alias), first_page);
        map(base_of(alias) + PAGE, first_page + PAGE);
    }
    knows_where_it_is();
    leaves_its_page();
    next_page_differs();
    one_calls_the_other();
    faults_where_it_is();
    comes_back();
    patched_through_one();
    astride_both();
    around_the_top();
    return 0;
}
