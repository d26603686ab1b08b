// Random page tables and random self-modifying code, each judged by a model that knows what a CPU must do. The
// seeds are fixed; a failure prints its step.
#include "paging.h"
#include "trap.h"

static u32 seed = 12345;
static u32 random_below(u32 n) {
    seed = seed * 1664525 + 1013904223;
    return (u32)((u64)(seed >> 1) * n >> 31);
}

// --- page tables ----------------------------------------------------------------------------------------------

#define WINDOW 0x40000000u
#define PAGES 48            // in three tables: the last pages of one, all kinds in the next, the first of a third
#define FRAMES 24
#define SPACES 3

static u32* spaces[SPACES];
static u8* frames[FRAMES];
static u32 tokens[FRAMES];      // what the first word of each frame holds
static u32 current;             // address space
static bool write_protect;

static u32 page_address(u32 page) { return WINDOW + (page < 16 ? 0x3f0000 + page * PAGE : page < 32 ? 0x400000 + (page - 16) * 17 * PAGE : 0x800000 + (page - 32) * PAGE); }

// One access by bare code: the fault's error code and CR2, or none.
struct result {
    u32 value, error, cr2;
    bool fault;
};
extern const u8 probe_read[], probe_write[], probe_rmw[], probe_push[];
asm(".text\nprobe_read: mov (%ebx), %eax\n int $0x50\n"
    "probe_write: mov %eax, (%ebx)\n int $0x50\n"
    "probe_rmw: add %eax, (%ebx)\n int $0x50\n"
    "probe_push: lea 4(%ebx), %esp\n push %eax\n int $0x50\n");

static struct result probe(const u8* code, bool user, u32 address, u32 value) {
    struct context c = user ? user_context(code) : kernel_context(code);
    c.ebx = address;
    c.eax = value;
    const struct trap t = run(&c);
    return (struct result){t.at.eax, t.error, t.cr2, t.vector == VEC_PF};
}

// What the tables, as they are now, allow.
static bool allowed(u32 upper, u32 lower, bool user, bool write, u32* error) {
    const u32 both = upper & lower;
    const bool present = both & PTE_P;
    *error = (present ? ERR_P : 0) | (write ? ERR_W : 0) | (user ? ERR_U : 0);
    return present && (!user || (both & PTE_U)) && (!write || (both & PTE_W) || (!user && !write_protect));
}

static u32 frame_of(u32 entry) {
    for (u32 f = 0; f < FRAMES; ++f)
        if (((u32)frames[f] ^ entry) < PAGE) return f;
    give_up("an entry names no frame: %x", entry);
}

static bool check_access(u32 step, u32 page) {
    const u32 address = page_address(page);
    u32* const directory = spaces[current];
    u32* const upper = pde(directory, address);
    u32* const lower = &((u32*)(*upper & ~0xfffu))[address >> 12 & 0x3ff];
    const bool user = random_below(2);
    const u32 kind = random_below(user ? 4 : 3);
    const bool write = kind != 0;
    const u8* const code = kind == 0 ? probe_read : kind == 1 ? probe_write : kind == 2 ? probe_rmw : probe_push;
    const u32 value = random_below(0x7fffffff), before = *lower;
    u32 error;
    const bool may = allowed(*upper, *lower, user, write, &error);
    const u32 frame = (*lower & PTE_P) ? frame_of(*lower) : 0;
    const struct result r = probe(code, user, address, value);
    bool good;
    if (may) {
        good = !r.fault;
        if (kind == 0) good = good && r.value == tokens[frame];
        if (kind == 1 || kind == 3) tokens[frame] = value;
        if (kind == 2) tokens[frame] += value;
        good = good && *(u32*)frames[frame] == tokens[frame] && (*lower & PTE_A) && (!write || (*lower & PTE_D));
    } else {
        // A read-modify-write may be looked up as a read first: QEMU does.
        good = r.fault && (r.error == error || (kind == 2 && r.error == (error & ~ERR_W))) && r.cr2 == address && (*lower & PTE_D) == (before & PTE_D);
    }
    if (!good)
        print("# step %u: page %u at %x, space %u, %s kind %u, entries %x %x, WP %u: %s error %x cr2 %x value %x, want %s error %x token %x\n", step, page,
              address, current, user ? "user" : "kernel", kind, *upper, *lower, write_protect, r.fault ? "fault" : "done", r.error, r.cr2, r.value,
              may ? "done" : "fault", error, tokens[frame]);
    return good;
}

static void change_entry(void) {
    const u32 space = random_below(SPACES), page = random_below(PAGES), address = page_address(page);
    u32* const entry = pte(spaces[space], address);
    const u32 flags = (random_below(5) ? PTE_P : 0) | (random_below(3) ? PTE_W : 0) | (random_below(3) ? PTE_U : 0) | (random_below(6) ? 0 : PTE_D | PTE_A);
    *entry = (u32)frames[random_below(FRAMES)] | flags;
    if (space == current) invlpg(address + random_below(PAGE));
}

static void change_directory(void) {
    const u32 space = random_below(SPACES), address = WINDOW + 0x400000 * random_below(3);
    u32* const entry = pde(spaces[space], address);
    *entry = (*entry & ~7u) | PTE_P | (random_below(4) ? PTE_W : 0) | (random_below(4) ? PTE_U : 0);
    if (space == current) set_cr3(get_cr3());
}

static void random_pages(u32 steps) {
    for (u32 f = 0; f < FRAMES; ++f) {
        frames[f] = new_page();
        *(u32*)frames[f] = tokens[f] = f * 0x01010101;
    }
    u32* const shared = new_directory();
    for (u32 s = 0; s < SPACES; ++s) {
        spaces[s] = new_page();
        memcpy(spaces[s], shared, PAGE);
        for (u32 p = 0; p < PAGES; ++p) *pte(spaces[s], page_address(p)) = (u32)frames[random_below(FRAMES)] | PTE_USER;
    }
    paging_on(spaces[0]);
    current = 0;
    u32 wrong = 0;
    for (u32 step = 0; step < steps && wrong < 5; ++step) {
        switch (random_below(20)) {
            case 0: case 1: case 2: case 3: change_entry(); break;
            case 4: change_directory(); break;
            case 5: case 6:
                current = random_below(SPACES);
                set_cr3((u32)spaces[current]);
                break;
            case 7:
                write_protect = random_below(2);
                set_cr0(write_protect ? get_cr0() | CR0_WP : get_cr0() & ~CR0_WP);
                break;
            case 8: {
                // The kernel writes to a frame by its identity mapping: every alias must see it.
                const u32 f = random_below(FRAMES);
                *(volatile u32*)frames[f] = tokens[f] = random_below(0x7fffffff);
                break;
            }
            default: wrong += !check_access(step, random_below(PAGES));
        }
    }
    set_cr0(get_cr0() & ~CR0_WP);
    write_protect = false;
    check(!wrong, "%u random steps on page tables", steps);
    paging_off();
}

// --- code -----------------------------------------------------------------------------------------------------

#define CODE_BYTES 256
#define ALIAS 0x50000000u

// One-byte instructions on EAX and EDX that a model can follow.
static const u8 alphabet[] = {0x40, 0x48, 0x42, 0x4a, 0x90, 0xf8, 0xf9, 0xf5, 0x98, 0x92};

static void model(const u8* code, u32 from, u32* eax, u32* edx, bool* carry) {
    for (u32 i = from; i < CODE_BYTES; ++i) switch (code[i]) {
            case 0x40: ++*eax; break;
            case 0x48: --*eax; break;
            case 0x42: ++*edx; break;
            case 0x4a: --*edx; break;
            case 0xf8: *carry = false; break;
            case 0xf9: *carry = true; break;
            case 0xf5: *carry = !*carry; break;
            case 0x98: *eax = (u32)(int)(short)*eax; break;
            case 0x92: {
                const u32 t = *eax;
                *eax = *edx;
                *edx = t;
                break;
            }
            default: break;
        }
}

static u8 letter(void) { return alphabet[random_below(sizeof alphabet)]; }

// Writes one to nine letters somewhere, by one of several ways.
static void patch(u8* code) {
    const u32 at = random_below(CODE_BYTES - 16);
    u8* p = code + at;
    const u8 a = letter();
    const u32 word = a | (u32)letter() << 8 | (u32)letter() << 16 | (u32)letter() << 24;
    switch (random_below(8)) {
        case 0: *(volatile u8*)p = a; break;
        case 1: *(volatile u16*)p = (u16)word; break;
        case 2: *(volatile u32*)p = word; break;
        case 3: {
            u32 n = random_below(10);
            asm volatile("rep stosb" : "+D"(p), "+c"(n) : "a"(word) : "memory");
            break;
        }
        case 4: {
            const void* from = code + random_below(CODE_BYTES - 16);
            u32 n = random_below(10);
            asm volatile("rep movsb" : "+D"(p), "+S"(from), "+c"(n)::"memory");
            break;
        }
        case 5: {
            u32 v = word;
            asm volatile("xchg %0, (%1)" : "+r"(v) : "r"(p) : "memory");
            break;
        }
        case 6: asm volatile("mov %%esp, %%ecx\n lea 4(%0), %%esp\n push %1\n mov %%ecx, %%esp" ::"r"(p), "r"(word) : "ecx", "memory"); break;
        case 7: {
            u64 old = *(u64*)p, now = (old & ~0xffffffffull) | word;
            asm volatile("cmpxchg8b (%2)" : "+A"(old) : "b"((u32)now), "S"(p), "c"((u32)(now >> 32)) : "memory");
            break;
        }
    }
}

static void random_code(u32 steps) {
    u32* directory = new_directory();
    u8* const pages = new_page();
    u8* const next = new_page();
    // The code crosses a page's end; so do its aliases, whose frames need not be neighbours.
    u8* const code = (u8*)ALIAS + PAGE - 100;
    u8* const alias = (u8*)ALIAS + 0x10000 + PAGE - 100;
    for (u32 k = 0; k < 2; ++k) {
        *pte(directory, ALIAS + k * 0x10000) = (u32)pages | PTE_USER;
        *pte(directory, ALIAS + k * 0x10000 + PAGE) = (u32)next | PTE_USER;
    }
    paging_on(directory);
    for (u32 i = 0; i < CODE_BYTES; ++i) code[i] = letter();
    static const u8 done[] = {0xcd, VEC_DONE};
    memcpy(code + CODE_BYTES, done, 2);
    u32 wrong = 0;
    for (u32 step = 0; step < steps && wrong < 5; ++step) {
        for (u32 n = random_below(3); n; --n) patch(random_below(2) ? code : alias);
        const u32 from = random_below(CODE_BYTES);
        struct context c = random_below(2) ? user_context(0) : kernel_context(0);
        c.eip = (u32)(random_below(4) ? code : alias) + from;
        c.eax = random_below(0x7fffffff);
        c.edx = random_below(0x7fffffff);
        u32 eax = c.eax, edx = c.edx;
        bool carry = false;
        model(code, from, &eax, &edx, &carry);
        const struct trap t = run(&c);
        if (t.vector == VEC_DONE && t.at.eax == eax && t.at.edx == edx && (t.at.eflags & FLAG_CF) == (carry ? FLAG_CF : 0)) continue;
        ++wrong;
        print("# step %u from %x: vector %u eax %x edx %x flags %x, want %x %x carry %u\n", step, c.eip, t.vector, t.at.eax, t.at.edx, t.at.eflags, eax, edx, carry);
    }
    check(!wrong, "%u random patches of code", steps);

    // Code that patches itself while it runs: the i-th instruction overwrites a random later one.
    for (u32 step = 0; step < steps / 4 && wrong < 5; ++step) {
        u32 eax = 0, edx = 0, want_eax, want_edx;
        bool carry = false;
        u8* at = (u8*)ALIAS + PAGE - random_below(200);
        u8* const start = at;
        u8 image[300];
        const u32 n = 8;
        // n stores of one letter each, then a tail of letters that they change, some of them before they run.
        u8* const tail = start + 7 * n;
        for (u32 i = 0; i < n; ++i) {
            const u32 target = random_below(40);
            u8* where = tail + target + (random_below(2) ? 0x10000 : 0);
            *at++ = 0xc6, *at++ = 0x05;
            memcpy(at, &where, 4);
            at[4] = image[i * 2] = letter();
            image[i * 2 + 1] = (u8)target;
            at += 5;
        }
        u8 letters[40];
        for (u32 i = 0; i < 40; ++i) letters[i] = at[i] = letter();
        memcpy(at + 40, done, 2);
        for (u32 i = 0; i < n; ++i) letters[image[i * 2 + 1]] = image[i * 2];
        want_eax = eax, want_edx = edx;
        for (u32 i = 0; i < 40; ++i) {
            u8 one[CODE_BYTES];
            memset(one, 0x90, sizeof one);
            one[0] = letters[i];
            model(one, 0, &want_eax, &want_edx, &carry);
        }
        struct context c = random_below(2) ? user_context(start) : kernel_context(start);
        const struct trap t = run(&c);
        if (t.vector == VEC_DONE && t.at.eax == want_eax && t.at.edx == want_edx) continue;
        ++wrong;
        print("# step %u at %x: vector %u eax %x edx %x, want %x %x\n", step, (u32)start, t.vector, t.at.eax, t.at.edx, want_eax, want_edx);
    }
    check(!wrong, "%u random pieces of code that change what they run next", steps / 4);
    paging_off();
}

int main(void) {
    random_pages(40000);
    random_code(6000);
    return 0;
}
