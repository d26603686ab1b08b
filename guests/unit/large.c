// Memory that is mapped by large pages and by runs of small ones: the same bytes by whichever way, also where a page among
// them is code or a page table, where the large page becomes small ones, and where these come in another order.
#include "paging.h"
#include "trap.h"

#define AT 0x48000000u      // where the memory is looked at, large or small
#define WINDOW 0x50000000u  // one page, mapped by a table within that memory
#define BLOCK 0x1400000u    // the memory itself, which its own addresses show too
#define OTHER 0x1800000u
#define PASSES 12  // until the loops are what hot code is

// The two kinds of page table.
struct shape {
    const char* name;
    u32 pages;  // in a large page
    void (*large)(u32 frame, u32 rights);
    void (*small)(u32 n, u32 frame, u32 rights);
    void (*split)(void);  // small() counts from now on
    void (*window)(u32 entry);
};
static struct shape shape;

static u32 *directory, *table;
static u64 *root, *wide_table;
static void large_2(u32 frame, u32 rights) { *pde(directory, AT) = frame | rights | PTE_PS; }
static void small_2(u32 n, u32 frame, u32 rights) { table[n] = frame | rights; }
static void split_2(void) { *pde(directory, AT) = (u32)table | PTE_USER; }
static void window_2(u32 entry) { *pde(directory, WINDOW) = entry; }
static void large_3(u32 frame, u32 rights) { *pae_pde(root, AT) = frame | rights | PTE_PS; }
static void small_3(u32 n, u32 frame, u32 rights) { wide_table[n] = frame | rights; }
static void split_3(void) { *pae_pde(root, AT) = (u32)wide_table | PTE_USER; }
static void window_3(u32 entry) { *pae_pde(root, WINDOW) = entry; }

static void flush(void) {
    set_cr4(get_cr4() & ~CR4_PGE);
    set_cr3(get_cr3());
    set_cr4(get_cr4() | CR4_PGE);
}

// User code that adds the word at the start of each page, and that stores EAX, one more at each page, there.
SNIPPET(sum, "1: addl (%esi), %eax\n addl $4096, %esi\n decl %ecx\n jnz 1b", "nop");
SNIPPET(fill, "1: movl %eax, (%esi)\n incl %eax\n addl $4096, %esi\n decl %ecx\n jnz 1b", "nop");

static struct trap run_over(const u8* snippet, u32 at, u32 pages, u32 eax) {
    struct context c = user_context(snippet);
    c.eax = eax;
    c.esi = at;
    c.ecx = pages;
    return run(&c);
}

static u32 sum_by_kernel(u32 at, u32 pages) {
    u32 total = 0;
    for (u32 n = 0; n < pages; ++n) total += *(volatile u32*)(at + n * PAGE);
    return total;
}

// What fill() from `first` on leaves.
static u32 sum_of(u32 first, u32 pages) { return pages * first + pages * (pages - 1) / 2; }

static void reads(u32 want, const char* what) {
    u32 wrong = 0;
    for (u32 i = 0; i < PASSES; ++i) {
        const struct trap t = run_over(sum, AT, shape.pages, 0);
        wrong += t.vector != VEC_DONE || t.at.eax != want || sum_by_kernel(AT, shape.pages) != want;
    }
    check(!wrong, "%s, %s", what, shape.name);
}

static void writes(u32 first, const char* what) {
    u32 wrong = 0;
    for (u32 i = 0; i < PASSES; ++i) {
        const struct trap t = run_over(fill, AT, shape.pages, first + i);
        wrong += t.vector != VEC_DONE || sum_by_kernel(BLOCK, shape.pages) != sum_of(first + i, shape.pages);
    }
    check(!wrong, "%s is written, %s", what, shape.name);
    reads(sum_of(first + PASSES - 1, shape.pages), what);
}

static void put_function(u32 at, u32 answer) {
    *(volatile u8*)at = 0xb8;  // mov $answer, %eax
    *(volatile u32*)(at + 1) = answer;
    *(volatile u8*)(at + 5) = 0xc3;
}

static u32 call(u32 address) {
    u32 r;
    asm volatile("call *%1" : "=a"(r) : "r"(address) : "memory", "ecx", "edx");
    return r;
}

static void with_code_inside(u32 page) {
    const u32 code = page * PAGE + 0x100;
    u32 wrong = 0;
    for (u32 i = 0; i < PASSES; ++i) {
        put_function((i & 1 ? AT : BLOCK) + code, i);
        wrong += call(AT + code) != i;
    }
    check(!wrong, "code inside that is changed, %s", shape.name);
    writes(1000, "what holds code");
    check_equal(call(AT + code), PASSES - 1, "code beside what is written, %s", shape.name);
}

static void with_a_table_inside(u32 page) {
    volatile u32* entry = (volatile u32*)(AT + page * PAGE);
    memset((void*)(BLOCK + page * PAGE), 0, PAGE);
    *(volatile u32*)OTHER = 0x1111;
    *(volatile u32*)(OTHER + PAGE) = 0x2222;
    shape.window((BLOCK + page * PAGE) | PTE_USER);
    u32 wrong = 0;
    for (u32 i = 0; i < PASSES; ++i) {
        *entry = (OTHER + (i & 1) * PAGE) | PTE_USER;
        invlpg(WINDOW);
        wrong += *(volatile u32*)WINDOW != (i & 1 ? 0x2222u : 0x1111u);
        *(volatile u32*)(AT + (page - 1) * PAGE) = i;
        *(volatile u32*)(AT + (page + 1) * PAGE) = i;
        wrong += *(volatile u32*)(BLOCK + (page - 1) * PAGE) != i || *(volatile u32*)(BLOCK + (page + 1) * PAGE) != i;
    }
    check(!wrong, "a page table inside that is changed, %s", shape.name);
    shape.window(0);
    flush();
    writes(2000, "what held a page table");
}

// `order`: which frame page n has.
static void in_order(u32 (*order)(u32), const char* what, u32 rights) {
    for (u32 n = 0; n < shape.pages; ++n) shape.small(n, BLOCK + order(n) * PAGE, rights);
    flush();
    writes(3000, what);
    u32 wrong = 0;
    for (u32 n = 0; n < shape.pages; ++n)
        wrong += *(volatile u32*)(BLOCK + order(n) * PAGE) != 3000 + PASSES - 1 + n;
    check(!wrong, "%s: each page has its frame, %s", what, shape.name);
}

static u32 upwards(u32 n) { return n; }
static u32 downwards(u32 n) { return shape.pages - 1 - n; }
static u32 in_runs(u32 n) { return (n & ~63u) | ((n + 40) & 63u); }
static u32 every_other(u32 n) { return n ^ 1; }

static void stops_at(u32 page, u32 error, const char* what) {
    const struct trap t = run_over(fill, AT, shape.pages, 0);
    check(t.vector == VEC_PF && t.error == error && t.cr2 == AT + page * PAGE && t.at.ecx == shape.pages - page, "%s, %s", what, shape.name);
}

static void with_exceptions(u32 rights) {
    in_order(upwards, "small pages again", rights);
    *(volatile u32*)(OTHER + 5 * PAGE) = 7;
    shape.small(300, OTHER + 5 * PAGE, rights);
    invlpg(AT + 300 * PAGE);
    reads(sum_of(3000 + PASSES - 1, shape.pages) - (3000 + PASSES - 1 + 300) + 7, "one page of a run with another frame");
    shape.small(301, BLOCK + 301 * PAGE, rights & ~PTE_W);
    invlpg(AT + 301 * PAGE);
    stops_at(301, ERR_P | ERR_W | ERR_U, "one page of a run that is read-only");
    shape.small(200, 0, 0);
    invlpg(AT + 200 * PAGE);
    stops_at(200, ERR_W | ERR_U, "one page of a run that is not there");
}

static void all(u32 rights) {
    shape.large(BLOCK, rights);
    flush();
    writes(1, "a large page");
    with_code_inside(77);
    with_a_table_inside(130);
    for (u32 n = 0; n < shape.pages; ++n) shape.small(n, BLOCK + n * PAGE, rights);
    shape.split();
    flush();
    reads(sum_of(2000 + PASSES - 1, shape.pages), "small pages where a large one was");
    with_code_inside(78);
    with_a_table_inside(131);
    in_order(upwards, "frames upwards", rights);
    in_order(downwards, "frames downwards", rights);
    in_order(in_runs, "frames in runs", rights);
    in_order(every_other, "frames in pairs", rights);
    with_exceptions(rights);
    shape.large(BLOCK, rights);
    flush();
    writes(4000, "a large page again");
    shape.large(OTHER, rights);
    flush();
    *(volatile u32*)AT = 0xabc;
    check_equal(*(volatile u32*)OTHER, 0xabc, "another large page, %s", shape.name);
}

int main(void) {
    directory = new_directory();
    table = new_page();
    for (u32 a = 16u << 20; a < 64u << 20; a += PAGE) *pte(directory, a) = a | PTE_USER;
    set_cr4(get_cr4() | CR4_PSE | CR4_PGE);
    paging_on(directory);
    shape = (struct shape){"4 MiB", 1024, large_2, small_2, split_2, window_2};
    all(PTE_USER);
    shape.name = "4 MiB, global";
    all(PTE_USER | PTE_G);
    paging_off();

    root = new_pae_root();
    wide_table = new_page();
    for (u32 a = 16u << 20; a < 64u << 20; a += PAGE) *pae_pte(root, a) = a | PTE_USER;
    set_cr4(get_cr4() | CR4_PAE);
    paging_on(root);
    shape = (struct shape){"2 MiB", 512, large_3, small_3, split_3, window_3};
    all(PTE_USER);
    shape.name = "2 MiB, global";
    all(PTE_USER | PTE_G);
    return 0;
}
