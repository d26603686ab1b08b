// Page tables that are stored to again and again: what a monitor no longer hears of, it must find at INVLPG and at
// loads of CR3. Each check first stores to its table so often that nobody would listen any more.
#include "paging.h"
#include "trap.h"

#define WINDOW 0x40000000u
#define ALIAS 0x48000000u
#define TABLE 0x4c000000u
#define FRAMES 8

static u32 *directory, *other;
static u8* frames[FRAMES];
static u32* entries;  // of WINDOW, page by page

SNIPPET(probe_read, "", "mov (%ebx), %eax");
SNIPPET(probe_write, "", "mov %eax, (%ebx)");

static struct trap access(const u8* code, bool user, u32 address, u32 value) {
    struct context c = user ? user_context(code) : kernel_context(code);
    c.ebx = address;
    c.eax = value;
    return run(&c);
}
static u32 read_as(bool user, u32 address) {
    const struct trap t = access(probe_read, user, address, 0);
    return t.vector == VEC_DONE ? t.at.eax : 0xbad00000 | t.vector << 8 | t.error;
}
static u32 write_as(bool user, u32 address, u32 value) {
    const struct trap t = access(probe_write, user, address, value);
    return t.vector == VEC_DONE ? 0 : 0xbad00000 | t.vector << 8 | t.error;
}

// Maps the first pages of WINDOW to the first frames, lets them be used, and stores to the table many times.
static void fresh(void) {
    for (u32 n = 0; n < FRAMES; ++n) {
        *(u32*)frames[n] = 100 + n;
        entries[n] = (u32)frames[n] | PTE_USER;
        invlpg(WINDOW + n * PAGE);
    }
    for (u32 n = 0; n < FRAMES; ++n) {
        read_as(true, WINDOW + n * PAGE);
        read_as(false, WINDOW + n * PAGE);
    }
    for (u32 i = 0; i < 40; ++i) ((volatile u32*)entries)[1000 + i % 16] = i << 12;
}

static void changed_then_cr3(void) {
    for (u32 i = 0; i < 2; ++i) {
        fresh();
        entries[0] = (u32)frames[1] | PTE_USER;
        set_cr3(i ? (u32)other : get_cr3());
        set_cr3((u32)directory);
        check_equal(read_as(true, WINDOW), 101, "user mode finds a changed entry behind a load of CR3, %u", i);
        check_equal(read_as(false, WINDOW), 101, "so does the kernel, %u", i);
        entries[0] = (u32)frames[2] | PTE_KERNEL;
        set_cr3((u32)directory);
        check_equal(read_as(true, WINDOW), 0xbad00000 | VEC_PF << 8 | ERR_P | ERR_U, "a right that was taken away, %u", i);
        check_equal(read_as(false, WINDOW), 102, "but not from the kernel, %u", i);
    }
}

static void changed_twice(void) {
    fresh();
    entries[0] = 0;
    set_cr3(get_cr3());
    entries[0] = (u32)frames[3] | PTE_USER;
    check_equal(read_as(true, WINDOW), 103, "a new mapping needs no flush");
    entries[0] = (u32)frames[4] | PTE_USER;
    invlpg(WINDOW);
    check_equal(read_as(true, WINDOW), 104, "the next one is found behind invlpg");
    entries[0] = (u32)frames[5] | PTE_USER;
    entries[0] = 0;
    invlpg(WINDOW + 123);
    check_equal(read_as(true, WINDOW), 0xbad00000 | VEC_PF << 8 | ERR_U, "one that came and went");
    entries[0] = (u32)frames[6] | PTE_P | PTE_U;
    check_equal(read_as(true, WINDOW), 106, "a read-only mapping");
    entries[0] |= PTE_W;
    check_equal(write_as(true, WINDOW, 7), 0, "a right that was given needs no flush");
    check_equal(*(u32*)frames[6], 7, "the store arrived");
}

static void accessed_and_dirty(void) {
    fresh();
    u32 wrong = 0;
    for (u32 i = 0; i < 50; ++i) {
        const u32 n = i % 3;
        const bool user = i & 1;
        wrong += write_as(user, WINDOW + n * PAGE, i) != 0 || (entries[n] & (PTE_A | PTE_D)) != (PTE_A | PTE_D);
        entries[n] &= ~(i % 4 == 0 ? PTE_A : i % 4 == 1 ? PTE_D : PTE_A | PTE_D);
        invlpg(WINDOW + n * PAGE);
    }
    check(!wrong, "A and D that were cleared are set again behind invlpg");
    wrong = 0;
    for (u32 i = 0; i < 50; ++i) {
        for (u32 n = 0; n < 3; ++n) entries[n] &= ~(PTE_A | PTE_D);
        set_cr3(get_cr3());
        for (u32 n = 0; n < 3; ++n) {
            if (n == 0) write_as(i & 1, WINDOW, i);
            if (n == 1) read_as(i & 1, WINDOW + PAGE);
            const u32 want = n == 0 ? PTE_A | PTE_D : n == 1 ? PTE_A : 0;
            wrong += (entries[n] & (PTE_A | PTE_D)) != want;
        }
    }
    check(!wrong, "A and D that were cleared are set again behind a load of CR3, where touched");
}

// Both spaces use the same table; each sees what was changed while the other ran.
static void shared_table(void) {
    u32 wrong = 0;
    fresh();
    for (u32 i = 0; i < 60; ++i) {
        const u32 n = i % 4, to = (i * 5 + 1) % FRAMES;
        const bool user = i & 2;
        entries[n] = (u32)frames[to] | PTE_USER;
        if (i % 3)
            invlpg(WINDOW + n * PAGE);
        else
            set_cr3(get_cr3());
        wrong += read_as(user, WINDOW + n * PAGE) != 100 + to;
        set_cr3((u32)(get_cr3() == (u32)directory ? other : directory));
        wrong += read_as(user, WINDOW + n * PAGE) != 100 + to;
    }
    check(!wrong, "a table in two address spaces");
    set_cr3((u32)directory);
}

// A kernel store goes to the table through its map of the kernel, user code through a map that it was given.
static void user_writes_its_table(void) {
    fresh();
    *pte(directory, TABLE) = (u32)entries | PTE_USER;
    set_cr3(get_cr3());
    u32 wrong = 0;
    for (u32 i = 0; i < 40; ++i) {
        const u32 n = i % 2, to = 2 + i % 5;
        wrong += write_as(true, TABLE + n * 4, (u32)frames[to] | PTE_USER) != 0;
        if (i & 4)
            set_cr3(get_cr3());
        else
            invlpg(WINDOW + n * PAGE);
        wrong += read_as(i & 8, WINDOW + n * PAGE) != 100 + to;
    }
    check(!wrong, "a table that user mode writes");
    *pte(directory, TABLE) = 0;
    invlpg(TABLE);
}

// The frame is a table, then data of the user's, then code, then a table again.
static void one_frame_in_turns(void) {
    u32 wrong = 0;
    for (u32 round = 0; round < 12; ++round) {
        u32* const table = (u32*)frames[7];
        memset(table, 0, PAGE);
        for (u32 i = 0; i < 8; ++i) table[i] = (u32)frames[i % 7] | PTE_USER;
        *(u32*)frames[0] = 1000 + round;
        *pde(directory, ALIAS) = (u32)table | PTE_USER;
        for (u32 i = 0; i < 8; ++i) wrong += read_as(i & 1, ALIAS + i * PAGE) != *(u32*)frames[i % 7];
        for (u32 i = 0; i < 8; ++i) ((volatile u32*)table)[i] = (u32)frames[(i + round) % 7] | PTE_USER;
        set_cr3(get_cr3());
        for (u32 i = 0; i < 8; ++i) wrong += read_as(i & 1, ALIAS + i * PAGE) != *(u32*)frames[(i + round) % 7];
        if (round & 1) {  // code while it is a table: mov $imm, %eax; ret is no present entry's flags, but that is no matter
            u8* const code = (u8*)table + 2048;
            code[0] = 0xb8;
            *(u32*)(code + 1) = round;
            code[5] = 0xc3;
            u32 r;
            asm volatile("call *%1" : "=a"(r) : "r"(code) : "memory");
            wrong += r != round;
            *(volatile u32*)(code + 1) = round + 1;
            ((volatile u32*)table)[0] = (u32)frames[3] | PTE_USER;
            invlpg(ALIAS);
            asm volatile("call *%1" : "=a"(r) : "r"(code) : "memory");
            wrong += r != round + 1 || read_as(true, ALIAS) != *(u32*)frames[3];
        }
        *pde(directory, ALIAS) = 0;
        set_cr3(get_cr3());
        wrong += read_as(true, ALIAS) != (0xbad00000 | VEC_PF << 8 | ERR_U);
        entries[5] = (u32)table | PTE_USER;  // now it is data
        invlpg(WINDOW + 5 * PAGE);
        for (u32 i = 0; i < 8; ++i) wrong += write_as(true, WINDOW + 5 * PAGE + i * 4, i) != 0 || table[i] != i;
    }
    check(!wrong, "one frame that is table, code and data by turns");
}

// More tables than anybody keeps an account of, all changed behind the monitor's back, then one load of CR3.
static void many_tables(void) {
    enum { MANY = 48 };
    static u32* tables[MANY];
    u32 wrong = 0;
    for (u32 round = 0; round < 4; ++round) {
        for (u32 t = 0; t < MANY; ++t) {
            const u32 address = 0x80000000u + t * 0x400000;
            tables[t] = pte(directory, address);
            *tables[t] = (u32)frames[(t + round) % 7] | PTE_USER;
            if (!round) read_as(true, address);
            for (u32 i = 0; i < 12; ++i) ((volatile u32*)tables[t])[512 + i] = 0;
        }
        set_cr3(get_cr3());
        for (u32 t = 0; t < MANY; ++t) wrong += read_as(t & 1, 0x80000000u + t * 0x400000) != *(u32*)frames[(t + round) % 7];
    }
    check(!wrong, "%u tables changed before one load of CR3", MANY);
}

int main(void) {
    directory = new_directory();
    for (u32 n = 0; n < FRAMES; ++n) frames[n] = new_page();
    entries = pte(directory, WINDOW);
    pte(directory, TABLE);
    other = new_page();
    memcpy(other, directory, PAGE);
    paging_on(directory);
    changed_then_cr3();
    changed_twice();
    accessed_and_dirty();
    shared_table();
    user_writes_its_table();
    one_frame_in_turns();
    many_tables();
    return 0;
}
