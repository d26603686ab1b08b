// String instructions: direction, overlap, sizes, counts of zero, 16-bit addressing, segment overrides, and faults in
// the middle that leave ecx, esi and edi at the element that faulted.
#include "paging.h"
#include "trap.h"

#define WINDOW 0x40000000u

static u32* directory;
static u8 *first, *second;
static u8 buffer[256], source[256];

#define CODE(n, text) SNIPPET(n, "nop", text)
CODE(rep_movsb, "rep movsb");
CODE(rep_movsw, "rep movsw");
CODE(rep_movsl, "rep movsl");
CODE(rep_stosb, "rep stosb");
CODE(rep_stosw, "rep stosw");
CODE(rep_stosl, "rep stosl");
CODE(rep_lodsl, "rep lodsl");
CODE(repe_cmpsb, "repe cmpsb");
CODE(repne_cmpsb, "repne cmpsb");
CODE(repe_cmpsl, "repe cmpsl");
CODE(repne_scasb, "repne scasb");
CODE(repe_scasb, "repe scasb");
CODE(repe_scasl, "repe scasl");
CODE(movsl, "movsl");
CODE(cmpsl, "cmpsl");
CODE(scasb, "scasb");
CODE(rep_movsb_16, "addr16 rep movsb");
CODE(rep_stosb_16, "addr16 rep stosb");
CODE(rep_movsb_fs, "rep movsb %fs:(%esi), %es:(%edi)");
CODE(lods_gs, "lodsl %gs:(%esi)");
CODE(rep_insb, "rep insb");
CODE(rep_outsb, "rep outsb");

static struct trap string(const u8* code, bool user, u32 eax, u32 ecx, u32 esi, u32 edi, u32 flags) {
    struct context c = user ? user_context(code) : kernel_context(code);
    c.eax = eax;
    c.ecx = ecx;
    c.esi = esi;
    c.edi = edi;
    c.eflags |= flags;
    return run(&c);
}

static void fill(void) {
    for (u32 i = 0; i < 256; ++i) source[i] = (u8)(i * 13 + 1), buffer[i] = 0;
}

static void moves(void) {
    for (u32 down = 0; down < 2; ++down)
        for (u32 size = 1; size <= 4; size *= 2) {
            fill();
            const u8* code = size == 1 ? rep_movsb : size == 2 ? rep_movsw : rep_movsl;
            const u32 n = 10, start = down ? 100 + (n - 1) * size : 100;
            const struct trap t = string(code, false, 0, n, (u32)source + start, (u32)buffer + start, down ? FLAG_DF : 0);
            const u32 step = down ? -(n * size) : n * size;
            check(t.at.ecx == 0 && t.at.esi == (u32)source + start + step && t.at.edi == (u32)buffer + start + step,
                  "rep movs, %u bytes, DF %u: registers", size, down);
            u32 wrong = 0;
            for (u32 i = 0; i < 256; ++i) wrong += buffer[i] != (i >= 100 && i < 100 + n * size ? source[i] : 0);
            check(!wrong, "rep movs, %u bytes, DF %u: memory", size, down);
        }
    fill();
    struct trap t = string(rep_movsl, false, 0, 0, 1, 2, 0);
    check(t.vector == VEC_DONE && t.at.esi == 1 && t.at.edi == 2, "rep movs with ecx 0 does nothing");
    // Overlap: a forward copy to a higher address repeats what it just wrote.
    memcpy(buffer, "abcdefgh", 8);
    string(rep_movsb, false, 0, 12, (u32)buffer, (u32)buffer + 1, 0);
    check(!memcmp(buffer, "aaaaaaaaaaaaa", 13), "rep movsb onto the next byte");
    memcpy(buffer, "abcdefghijklmnop", 16);
    string(rep_movsl, false, 0, 3, (u32)buffer, (u32)buffer + 2, 0);
    check(!memcmp(buffer, "ababcdcdefghijop", 2 + 4) && buffer[6] == 'c' && buffer[7] == 'd', "rep movsl onto itself, two bytes on");
    memcpy(buffer, "abcdefghijklmnop", 16);
    string(rep_movsb, false, 0, 12, (u32)buffer + 11, (u32)buffer + 12, FLAG_DF);
    check(!memcmp(buffer, "aabcdefghijklmnop" + 0, 1) && !memcmp(buffer + 1, "abcdefghijkl", 12), "rep movsb downward onto the next byte");
    for (u32 down = 0; down < 2; ++down) {
        fill();
        string(rep_stosw, false, 0xbeef, 5, 0, (u32)buffer + 100, down ? FLAG_DF : 0);
        u32 wrong = 0;
        for (u32 i = 0; i < 256; ++i) {
            const u32 from = down ? 92 : 100;
            wrong += buffer[i] != (i >= from && i < from + 10 ? (i & 1 ? 0xbe : 0xef) : 0);
        }
        check(!wrong, "rep stosw, DF %u", down);
    }
    fill();
    t = string(rep_lodsl, false, 0, 3, (u32)source, 0, 0);
    check(t.at.eax == *(u32*)(source + 8) && t.at.esi == (u32)source + 12, "rep lodsl");
    t = string(movsl, false, 0, 55, (u32)source, (u32)buffer, 0);
    check_equal(t.at.ecx, 55, "movs alone leaves ecx");
}

static void comparisons(void) {
    fill();
    memcpy(buffer, source, 256);
    buffer[50] ^= 1;
    struct trap t = string(repe_cmpsb, false, 0, 100, (u32)source, (u32)buffer, 0);
    check(t.at.ecx == 49 && t.at.esi == (u32)source + 51 && t.at.edi == (u32)buffer + 51 && !(t.at.eflags & FLAG_ZF), "repe cmpsb stops behind a difference");
    t = string(repe_cmpsb, false, 0, 50, (u32)source, (u32)buffer, 0);
    check(t.at.ecx == 0 && (t.at.eflags & FLAG_ZF), "repe cmpsb to the end");
    t = string(repe_cmpsb, false, 0, 0, (u32)source, (u32)buffer, FLAG_CF);
    check((t.at.eflags & (FLAG_ZF | FLAG_CF)) == FLAG_CF, "repe cmpsb with ecx 0 leaves the flags");
    t = string(repne_cmpsb, false, 0, 100, (u32)source, (u32)buffer + 1, 0);
    check(t.at.ecx < 100, "repne cmpsb");
    t = string(repe_cmpsl, false, 0, 20, (u32)source, (u32)buffer, 0);
    check(t.at.ecx == 20 - 13 && t.at.esi == (u32)source + 52, "repe cmpsl");
    t = string(repe_cmpsb, false, 0, 10, (u32)source + 54, (u32)buffer + 54, FLAG_DF);
    check(t.at.ecx == 5 && t.at.esi == (u32)source + 49, "repe cmpsb downward");
    t = string(repne_scasb, false, source[30], 200, 0, (u32)source, 0);
    check(t.at.ecx == 169 && t.at.edi == (u32)source + 31 && (t.at.eflags & FLAG_ZF), "repne scasb finds");
    memset(buffer, 7, 20);
    buffer[20] = 9;
    t = string(repe_scasb, false, 7, 100, 0, (u32)buffer, 0);
    check(t.at.ecx == 79 && !(t.at.eflags & FLAG_ZF) && (t.at.eflags & FLAG_CF), "repe scasb: the flags are of the last comparison");
    t = string(scasb, false, 9, 3, 0, (u32)buffer + 20, 0);
    check((t.at.eflags & FLAG_ZF) && t.at.ecx == 3 && t.at.edi == (u32)buffer + 21, "scasb alone");
    t = string(cmpsl, false, 0, 3, (u32)buffer, (u32)buffer + 4, FLAG_DF);
    check((t.at.eflags & FLAG_ZF) && t.at.esi == (u32)buffer - 4, "cmpsl alone, downward");
}

static void sixteen_bit_addresses(void) {
    u8 *low_source = (u8*)0x9000, *low_to = (u8*)0x9800;
    memcpy(low_source, "0123456789", 10);
    memset(low_to, 0, 16);
    struct trap t = string(rep_movsb_16, false, 0, 0xffff0005, 0xabcd9000, 0x12349800, 0);
    expect_done(&t, "addr16 rep movsb");
    check(!memcmp(low_to, "01234\0", 6), "addr16 rep movsb: cx counts");
    check(t.at.ecx == 0xffff0000 && t.at.esi == 0xabcd9005 && t.at.edi == 0x12349805, "addr16 rep movsb: upper halves stay");
    u8 *top = (u8*)0xfffe, *bottom = (u8*)0x0;
    const u8 kept[4] = {top[0], top[1], ((volatile u8*)bottom)[0], ((volatile u8*)bottom)[1]};
    t = string(rep_stosb_16, false, 0xe7, 4, 0, 0x5555fffe, 0);
    check(top[0] == 0xe7 && top[1] == 0xe7 && ((volatile u8*)bottom)[0] == 0xe7 && ((volatile u8*)bottom)[1] == 0xe7 && t.at.edi == 0x55550002, "addr16 rep stosb wraps at 64 KiB");
    top[0] = kept[0], top[1] = kept[1], ((volatile u8*)bottom)[0] = kept[2], ((volatile u8*)bottom)[1] = kept[3];
}

static void segments(void) {
    fill();
    set_segment(SEL_TEST, (u32)source, 0xff, ATTR_DATA | ATTR_32);
    struct context c = kernel_context(rep_movsb_fs);
    c.fs = SEL_TEST;
    c.esi = 10;
    c.edi = (u32)buffer;
    c.ecx = 20;
    struct trap t = run(&c);
    check(t.vector == VEC_DONE && !memcmp(buffer, source + 10, 20), "rep movsb from fs");
    c = kernel_context(lods_gs);
    c.gs = SEL_TEST;
    c.esi = 5;
    t = run(&c);
    check_equal(t.at.eax, *(u32*)(source + 5), "lods from gs");
    // The limit of es ends the loop where it is met.
    set_segment(SEL_TEST, (u32)buffer, 0x1f, ATTR_DATA | ATTR_32);
    c = kernel_context(rep_stosb);
    c.es = SEL_TEST;
    c.edi = 0x10;
    c.ecx = 100;
    t = run(&c);
    expect(&t, VEC_GP, 0, rep_stosb_at, "rep stosb into the limit of es");
    check(t.at.ecx == 84 && t.at.edi == 0x20, "rep stosb into the limit: registers at the fault");
}

static void map_pair(u32 flags_first, u32 flags_second) {
    *pte(directory, WINDOW) = (u32)first | flags_first;
    *pte(directory, WINDOW + PAGE) = (u32)second | flags_second;
    invlpg(WINDOW);
    invlpg(WINDOW + PAGE);
}

// Faults midway. Registers are those of the element that faulted; all before it is done.
static void faults(bool user) {
    const char* who = user ? "user" : "kernel";
    const u32 u = user ? ERR_U : 0, edge = WINDOW + PAGE;
    map_pair(PTE_USER, 0);
    for (u32 size = 1; size <= 4; size *= 4)
        for (u32 skew = 0; skew < size; skew += 3) {
            // Destination runs into the absent page; with a skew one element straddles.
            const u32 elements = 5, start = edge - elements * size + skew;
            memset(first, 0, PAGE);
            fill();
            struct trap t = string(size == 1 ? rep_movsb : rep_movsl, user, 0, 20, (u32)source, start, 0);
            const u32 done = skew ? elements - 1 : elements;
            expect(&t, VEC_PF, u | ERR_W, size == 1 ? rep_movsb_at : rep_movsl_at, named("rep movs %u, skew %u, %s: into an absent page", size, skew, who));
            check(t.at.ecx == 20 - done && t.at.esi == (u32)source + done * size && t.at.edi == start + done * size, "rep movs %u, skew %u, %s: registers", size, skew, who);
            check_equal(t.cr2, edge, "rep movs %u, skew %u, %s: CR2", size, skew, who);
            u32 wrong = 0;
            for (u32 i = 0; i < PAGE; ++i) {
                const u32 a = WINDOW + i;
                wrong += first[i] != (a >= start && a < start + done * size ? source[a - start] : 0);
            }
            check(!wrong, "rep movs %u, skew %u, %s: memory", size, skew, who);
        }
    // The source runs out.
    memset(first, 0x33, PAGE);
    memset(buffer, 0, sizeof buffer);
    struct trap t = string(rep_movsl, user, 0, 20, edge - 12, (u32)buffer, 0);
    expect(&t, VEC_PF, u, rep_movsl_at, named("rep movsl from an absent page, %s", who));
    check(t.at.ecx == 17 && t.at.esi == edge && t.at.edi == (u32)buffer + 12 && buffer[11] == 0x33 && buffer[12] == 0, "rep movsl from an absent page, %s: registers", who);
    // It goes on where it was once the page is there.
    map_pair(PTE_USER, PTE_USER);
    memset(second, 0x44, PAGE);
    t = run(&t.at);
    check(t.vector == VEC_DONE && t.at.ecx == 0 && buffer[79] == 0x44, "rep movsl goes on after the fault, %s", who);
    // Downward into an absent page.
    map_pair(0, PTE_USER);
    t = string(rep_stosl, user, 0x5a5a5a5a, 20, 0, edge + 12, FLAG_DF);
    expect(&t, VEC_PF, u | ERR_W, rep_stosl_at, named("rep stosl downward into an absent page, %s", who));
    check(t.at.ecx == 16 && t.at.edi == edge - 4 && t.cr2 == edge - 4, "rep stosl downward, %s: registers and CR2", who);
    check(t.at.eflags & FLAG_DF, "rep stosl downward, %s: DF in the pushed flags", who);
    map_pair(PTE_USER, 0);
    memset(first + PAGE - 16, 0x61, 16);
    t = string(repe_scasb, user, 0x61, 100, 0, edge - 8, 0);
    expect(&t, VEC_PF, u, repe_scasb_at, named("repe scasb into an absent page, %s", who));
    check(t.at.ecx == 92 && t.at.edi == edge && (t.at.eflags & FLAG_ZF), "repe scasb, %s: registers, and ZF of the last comparison", who);
    memset(buffer, 0x61, 64);
    t = string(repe_cmpsb, user, 0, 100, (u32)buffer, edge - 8, FLAG_CF);
    expect(&t, VEC_PF, u, repe_cmpsb_at, named("repe cmpsb into an absent page, %s", who));
    check(t.at.ecx == 92 && t.at.edi == edge && t.at.esi == (u32)buffer + 8, "repe cmpsb, %s: registers", who);
    t = string(rep_lodsl, user, 7, 100, edge - 8, 0, 0);
    expect(&t, VEC_PF, u, rep_lodsl_at, named("rep lodsl into an absent page, %s", who));
    check(t.at.ecx == 98 && t.at.eax == 0x61616161, "rep lodsl, %s: registers", who);
    t = string(rep_movsl, user, 0, 3, edge, WINDOW + 0x800, 0);
    expect(&t, VEC_PF, u, rep_movsl_at, named("rep movsl whose first element faults, %s", who));
    check(t.at.ecx == 3 && t.at.esi == edge && t.at.edi == WINDOW + 0x800, "rep movsl whose first element faults, %s: registers", who);
    // Both sides absent: the source is read first.
    map_pair(0, 0);
    t = string(movsl, user, 0, 3, WINDOW + 16, edge + 16, 0);
    expect(&t, VEC_PF, u, movsl_at, named("movsl with both sides absent, %s", who));
    check_equal(t.cr2, WINDOW + 16, "movsl with both sides absent, %s: the source comes first", who);
    map_pair(PTE_USER, PTE_P | PTE_U);
    t = string(rep_stosb, true, 1, 16, 0, edge - 8, 0);
    expect(&t, VEC_PF, ERR_U | ERR_W | ERR_P, rep_stosb_at, named("rep stosb into a read-only page, %s", who));
    check(t.at.ecx == 8 && t.at.edi == edge, "rep stosb into a read-only page, %s: registers", who);
}

static void across_many_pages(void) {
    u8* pages[8];
    for (u32 i = 0; i < 8; ++i) {
        pages[i] = new_page();
        *pte(directory, WINDOW + i * PAGE) = (u32)pages[i] | PTE_USER;
        invlpg(WINDOW + i * PAGE);
    }
    // Frames in another order than linear addresses.
    u8* const swapped = pages[2];
    pages[2] = pages[5];
    pages[5] = swapped;
    *pte(directory, WINDOW + 2 * PAGE) = (u32)pages[2] | PTE_USER;
    *pte(directory, WINDOW + 5 * PAGE) = (u32)pages[5] | PTE_USER;
    invlpg(WINDOW + 2 * PAGE);
    invlpg(WINDOW + 5 * PAGE);
    string(rep_stosl, true, 0x01020304, 8 * 1024 - 2, 0, WINDOW + 3, 0);
    u32 wrong = 0;
    for (u32 i = 3; i < 8 * PAGE - 5; ++i) wrong += pages[i / PAGE][i % PAGE] != 4 - ((i - 3) & 3);
    check(!wrong && pages[0][2] == 0 && pages[7][PAGE - 5] == 0, "rep stosl over eight pages, unaligned");
    for (u32 i = 0; i < 4 * PAGE; ++i) ((u8*)WINDOW)[i] = (u8)(i * 31 + (i >> 8));
    string(rep_movsl, true, 0, PAGE, WINDOW, WINDOW + 4 * PAGE, 0);
    check(!memcmp((u8*)WINDOW, (u8*)WINDOW + 4 * PAGE, 4 * PAGE), "rep movsl over four pages");
    string(rep_movsb, true, 0, 3 * PAGE, WINDOW + 3 * PAGE + 99, WINDOW + 4 * PAGE + 99, FLAG_DF);
    for (u32 i = 0; i < 3 * PAGE; ++i) wrong += ((u8*)WINDOW)[PAGE + 100 + i] != (u8)((100 + i) * 31 + ((100 + i) >> 8));
    check(!wrong, "rep movsb downward over overlapping pages");
}

// Runs of more than 65,536 elements that fault in the middle, and go on.
static void long_runs(bool user) {
    enum { PAGES = 40, FROM = WINDOW + 0x2000000, TO = WINDOW + 0x2800000 };
    const char* who = user ? "user" : "kernel";
    const u32 n = 150000, there = 36 * PAGE;  // n: elements, of which so many bytes find their page
    for (u32 i = 0; i < PAGES; ++i) {
        *pte(directory, FROM + i * PAGE) = (u32)first | PTE_USER;
        *pte(directory, TO + i * PAGE) = i < there / PAGE ? (u32)second | PTE_USER : 0;
        invlpg(FROM + i * PAGE);
        invlpg(TO + i * PAGE);
    }
    for (u32 i = 0; i < PAGE; ++i) first[i] = (u8)(i * 7 + (i >> 8)), second[i] = 0;
    struct trap moved = string(rep_movsb, user, 0, n, FROM, TO, 0);
    expect(&moved, VEC_PF, (user ? ERR_U : 0) | ERR_W, rep_movsb_at, named("a long rep movsb into an absent page, %s", who));
    check(moved.at.ecx == n - there && moved.at.esi == FROM + there && moved.at.edi == TO + there && moved.cr2 == TO + there,
          "a long rep movsb into an absent page, %s: registers", who);
    check(!memcmp(first, second, PAGE), "a long rep movsb into an absent page, %s: memory", who);
    struct trap stored = string(rep_stosb, user, 0x5a, n, 0, TO, FLAG_CF);
    expect(&stored, VEC_PF, (user ? ERR_U : 0) | ERR_W, rep_stosb_at, named("a long rep stosb into an absent page, %s", who));
    check(stored.at.ecx == n - there && stored.at.edi == TO + there && second[0] == 0x5a && second[PAGE - 1] == 0x5a && (stored.at.eflags & FLAG_CF),
          "a long rep stosb into an absent page, %s: registers and memory", who);
    for (u32 i = there / PAGE; i < PAGES; ++i) *pte(directory, TO + i * PAGE) = (u32)second | PTE_USER;
    moved = run(&moved.at);
    check(moved.vector == VEC_DONE && moved.at.ecx == 0 && moved.at.esi == FROM + n && moved.at.edi == TO + n, "a long rep movsb goes on after the fault, %s", who);
    stored = run(&stored.at);
    check(stored.vector == VEC_DONE && stored.at.ecx == 0 && stored.at.edi == TO + n, "a long rep stosb goes on after the fault, %s", who);
}

// Long comparisons, elements astride pages, and an alias of the same frames whose pages want the same places in a
// TLB of any power of two.
static void comparisons_across_pages(bool user) {
    enum { PAGES = 6, ALIAS = WINDOW + 0x1000000 };
    const char* who = user ? "user" : "kernel";
    for (u32 i = 0; i < PAGES; ++i) {
        *pte(directory, ALIAS + i * PAGE) = *pte(directory, WINDOW + i * PAGE);
        invlpg(ALIAS + i * PAGE);
    }
    u8* const text = (u8*)WINDOW;
    memset(text, 0x20, PAGES * PAGE);
    const u32 n = PAGES * PAGE / 4 - 1, at = 3 * PAGE + 2;
    struct trap t = string(repe_cmpsl, user, 0, n, WINDOW + 1, ALIAS + 3, FLAG_CF);
    check(t.vector == VEC_DONE && t.at.ecx == 0 && t.at.esi == WINDOW + 1 + 4 * n && t.at.edi == ALIAS + 3 + 4 * n && (t.at.eflags & (FLAG_ZF | FLAG_CF)) == FLAG_ZF,
          "repe cmpsl over six pages, elements astride, %s", who);
    text[at] = 0x21;  // the last but one byte of an element astride no page, and seen two bytes earlier through the alias
    t = string(repe_cmpsl, user, 0, n, WINDOW + 1, ALIAS + 3, 0);
    check(t.at.ecx == n - (at - 3) / 4 - 1 && t.at.edi == ALIAS + 3 + 4 * (n - t.at.ecx) && !(t.at.eflags & FLAG_ZF) && (t.at.eflags & FLAG_CF),
          "repe cmpsl stops at a difference in a later page, %s", who);
    t = string(repne_scasb, user, 0x21, PAGES * PAGE, 0, WINDOW, FLAG_CF);
    check(t.at.ecx == PAGES * PAGE - at - 1 && t.at.edi == WINDOW + at + 1 && (t.at.eflags & (FLAG_ZF | FLAG_CF)) == FLAG_ZF, "repne scasb finds it in the fourth page, %s", who);
    t = string(repne_scasb, user, 0x22, PAGES * PAGE, 0, WINDOW, 0);
    check(t.at.ecx == 0 && t.at.edi == WINDOW + PAGES * PAGE && !(t.at.eflags & FLAG_ZF), "repne scasb to the end of six pages, %s", who);
    t = string(repe_scasl, user, 0x20202020, n, 0, ALIAS + 2, 0);
    check(t.at.ecx == n - (at - 2) / 4 - 1 && !(t.at.eflags & FLAG_ZF), "repe scasl, elements astride, %s", who);
    // Byte after byte onto its own frames, one byte on. A CPU that moves several at a time looks for an overlap among linear
    // addresses alone, so what comes of it differs from CPU to CPU; the bytes around must stay.
    for (u32 i = 0; i < PAGES * PAGE; ++i) text[i] = (u8)i;
    t = string(rep_movsb, user, 0, 2 * PAGE, WINDOW + 5, ALIAS + 6, 0);
    u32 wrong = 0;
    for (u32 i = 0; i < PAGES * PAGE; ++i) wrong += text[i] != (u8)i && !(i > 5 && i <= 5 + 2 * PAGE);
    wrong += text[6] != 5;
    check(t.vector == VEC_DONE && !wrong, "rep movsb to an alias one byte on, %s", who);
    for (u32 i = 0; i < PAGES * PAGE; ++i) text[i] = (u8)(i * 7 + (i >> 8));
    t = string(rep_movsl, user, 0, 2 * PAGE / 4, WINDOW + 1, ALIAS + 3 * PAGE + 1, 0);
    check(t.vector == VEC_DONE && !memcmp(text + 1, text + 3 * PAGE + 1, 2 * PAGE), "rep movsl to an alias three pages on, elements astride, %s", who);
    t = string(rep_stosw, user, 0x3412, 2 * PAGE, 0, WINDOW + 1, FLAG_CF);
    for (u32 i = 0; i < 4 * PAGE; ++i) wrong += text[1 + i] != (i & 1 ? 0x34 : 0x12);
    check(t.vector == VEC_DONE && !wrong && (t.at.eflags & FLAG_CF), "rep stosw over four pages, elements astride, %s", who);
    // Around 4 GiB, where it can be mapped: pages as any others.
    *pte(directory, 0u - PAGE) = *pte(directory, WINDOW);
    *pte(directory, 0) = *pte(directory, WINDOW + PAGE);
    invlpg(0u - PAGE);
    invlpg(0);
    memset(text, 0x61, 2 * PAGE);
    t = string(repe_scasb, user, 0x61, 100, 0, 0u - 40, 0);
    check(t.vector == VEC_DONE && t.at.ecx == 0 && t.at.edi == 60 && (t.at.eflags & FLAG_ZF), "repe scasb from the last page to the first, %s", who);
    *pte(directory, 0) = PTE_USER;
    *pte(directory, 0u - PAGE) = 0;
    invlpg(0u - PAGE);
    invlpg(0);
}

static void ports(void) {
    struct context c = kernel_context(rep_outsb);
    c.ecx = 5;
    c.edx = 0x80;
    c.esi = (u32)source;
    struct trap t = run(&c);
    check(t.vector == VEC_DONE && t.at.ecx == 0 && t.at.esi == (u32)source + 5, "rep outsb");
    memset(buffer, 0, 16);
    c = kernel_context(rep_insb);
    c.ecx = 5;
    c.edx = 0x21;  // the interrupt mask: it can be read at any time
    c.edi = (u32)buffer;
    t = run(&c);
    check(t.vector == VEC_DONE && t.at.ecx == 0 && t.at.edi == (u32)buffer + 5 && buffer[0] == 0xff && buffer[4] == 0xff && buffer[5] == 0, "rep insb");
    map_pair(PTE_USER, 0);
    c.edi = WINDOW + PAGE - 2;
    c.ecx = 5;
    t = run(&c);
    expect(&t, VEC_PF, ERR_W, rep_insb_at, "rep insb into an absent page");
    check(t.at.ecx == 3 && t.at.edi == WINDOW + PAGE, "rep insb into an absent page: registers");
    c = kernel_context(rep_outsb);
    c.ecx = 5;
    c.edx = 0x80;
    c.esi = WINDOW + PAGE - 2;
    t = run(&c);
    expect(&t, VEC_PF, 0, rep_outsb_at, "rep outsb from an absent page");
    check(t.at.ecx == 3 && t.at.esi == WINDOW + PAGE, "rep outsb from an absent page: registers");
}

int main(void) {
    moves();
    comparisons();
    sixteen_bit_addresses();
    segments();
    directory = new_directory();
    first = new_page();
    second = new_page();
    paging_on(directory);
    moves();
    faults(false);
    faults(true);
    across_many_pages();
    long_runs(false);
    long_runs(true);
    comparisons_across_pages(false);
    comparisons_across_pages(true);
    ports();
    return 0;
}
