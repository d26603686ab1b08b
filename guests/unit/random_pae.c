// Random three-level page tables: small, large and global pages, execute-disable, four address spaces, each access
// judged by a model. The seed is fixed; a failure prints its step.
#include "paging.h"
#include "trap.h"

#define WINDOW 0x40000000u
#define GLOBAL_TABLE 2        // directory entries: 0 and 1 private tables, 2 one table for all, 3 to 5 large pages
#define FIRST_LARGE 3
#define ENTRIES 6
#define PER_TABLE 12
#define FRAMES 20
#define LARGE_FRAMES 3
#define LARGE_BASE (32u << 20)
#define LARGE_SPOTS 4
#define SPACES 4

static u32 seed = 777;
static u32 random_below(u32 n) {
    seed = seed * 1664525 + 1013904223;
    return (u32)((u64)(seed >> 1) * n >> 31);
}

static u64* spaces[SPACES];
static u64* directories[SPACES];
static u32 current;
static bool write_protect, no_execute;

// What a page holds: a token, and code that tells it.
struct content {
    u32 token;
    u8 pad[12];
    u8 code[8];
};
static struct content* frames[FRAMES + LARGE_FRAMES * LARGE_SPOTS];

static void set_token(struct content* c, u32 token) {
    *(volatile u32*)&c->token = token;
    c->code[0] = 0xb8;  // mov $token, %eax; int
    memcpy(c->code + 1, &token, 4);
    c->code[5] = 0xcd, c->code[6] = VEC_DONE;
}

static u32 spot_offset(u32 spot) { return spot * 0x7b000; }

extern const u8 probe_read[], probe_write[], probe_rmw[], probe_string[], probe_call[];
asm(".text\nprobe_read: mov (%ebx), %eax\n int $0x50\n"
    "probe_write: mov %eax, (%ebx)\n int $0x50\n"
    "probe_rmw: xor %eax, (%ebx)\n int $0x50\n"
    "probe_string: mov %ebx, %edi\n mov $1, %ecx\n rep stosl\n int $0x50\n"
    "probe_call: add $16, %ebx\n jmp *%ebx\n");

// Where entry `d`, page or spot `p` is, and its parts. `lower` is the leaf.
struct place {
    u32 address;
    u64 *upper, *lower;
    struct content* content;
};

static struct place place_of(u32 space, u32 d, u32 p) {
    struct place r = {.upper = &directories[space][d]};
    if (d >= FIRST_LARGE) {
        const u32 large = ((u32)*r.upper - LARGE_BASE) >> 21;
        r.lower = r.upper;
        r.address = WINDOW + d * (2u << 20) + spot_offset(p % LARGE_SPOTS);
        r.content = frames[FRAMES + large * LARGE_SPOTS + p % LARGE_SPOTS];
        return r;
    }
    const u32 index = p * 37 % 512;
    r.lower = (u64*)((u32)*r.upper & ~0xfffu) + index;
    r.address = WINDOW + d * (2u << 20) + index * PAGE;
    r.content = (struct content*)((u32)*r.lower & ~0xfffu);
    return r;
}

static bool check_access(u32 step) {
    const struct place at = place_of(current, random_below(ENTRIES), random_below(PER_TABLE));
    const bool user = random_below(2);
    const u32 kind = random_below(5);
    static const u8* const codes[] = {probe_read, probe_write, probe_rmw, probe_string, probe_call};
    const bool write = kind >= 1 && kind <= 3, fetch = kind == 4;
    const u64 both = *at.upper & *at.lower;
    const bool nx = (*at.upper | *at.lower) & PTE_NX;
    const bool present = both & PTE_P;
    const bool may = present && (!user || (both & PTE_U)) && (!write || (both & PTE_W) || (!user && !write_protect)) && !(fetch && nx);
    const u32 error = (present ? ERR_P : 0) | (write ? ERR_W : 0) | (user ? ERR_U : 0) | (fetch && no_execute ? ERR_FETCH : 0);
    const bool was_dirty = *at.lower & PTE_D;
    const u32 token = present ? at.content->token : 0, value = random_below(0x7fffffff);
    struct context c = user ? user_context(codes[kind]) : kernel_context(codes[kind]);
    c.ebx = at.address;
    c.eax = value;
    const struct trap t = run(&c);
    bool good;
    if (may) {
        const u32 want = kind == 1 || kind == 3 ? value : kind == 2 ? token ^ value : token;
        good = t.vector == VEC_DONE && (*at.lower & PTE_A) && (*at.upper & PTE_A) && (!write || (*at.lower & PTE_D));
        good = good && *(volatile u32*)&at.content->token == want && (write || t.at.eax == token);
        set_token(at.content, want);
    } else {
        good = t.vector == VEC_PF && (t.error == error || (kind == 2 && t.error == (error & ~ERR_W))) &&
               t.cr2 == at.address + (fetch ? 16 : 0) && !(*at.lower & PTE_D) == !was_dirty;
    }
    if (!good)
        print("# step %u: %x in space %u, %s kind %u, entries %x:%x %x:%x, WP %u: vector %u error %x cr2 %x eax %x, want %s error %x token %x\n", step,
              at.address, current, user ? "user" : "kernel", kind, (u32)(*at.upper >> 32), (u32)*at.upper, (u32)(*at.lower >> 32), (u32)*at.lower,
              write_protect, t.vector, t.error, t.cr2, t.at.eax, may ? "done" : "fault", error, token);
    return good;
}

static u64 random_flags(void) {
    return (random_below(6) ? PTE_P : 0) | (random_below(3) ? PTE_W : 0) | (random_below(3) ? PTE_U : 0) | (random_below(4) ? 0 : PTE_A | PTE_D) |
           (no_execute && !random_below(4) ? PTE_NX : 0);
}

// Entries of the common table are global at times; whoever changes one must then say so by invlpg in any space.
static void change_leaf(void) {
    const u32 space = random_below(SPACES), d = random_below(GLOBAL_TABLE + 1), p = random_below(PER_TABLE);
    const struct place at = place_of(space, d, p);
    *at.lower = (u32)frames[random_below(FRAMES)] | random_flags() | (d == GLOBAL_TABLE && random_below(2) ? PTE_G : 0);
    if (space == current || d == GLOBAL_TABLE) invlpg(at.address + random_below(PAGE));
}

static void change_directory(void) {
    const u32 space = random_below(SPACES), d = random_below(ENTRIES);
    u64* const entry = &directories[space][d];
    if (d == GLOBAL_TABLE) return;  // global pages would outlive the change
    if (d >= FIRST_LARGE)
        *entry = (LARGE_BASE + (random_below(LARGE_FRAMES) << 21)) | PTE_PS | random_flags();
    else
        *entry = ((u32)*entry & ~0xfffu) | PTE_P | (random_flags() & ~(u64)PTE_D);
    if (space != current) return;
    if (d >= FIRST_LARGE && random_below(2))
        invlpg(WINDOW + d * (2u << 20) + random_below(2u << 20));
    else
        set_cr3(get_cr3());
}

static void build(void) {
    u64* const common = new_page();
    for (u32 f = 0; f < FRAMES; ++f) frames[f] = new_page();
    for (u32 f = 0; f < LARGE_FRAMES * LARGE_SPOTS; ++f)
        frames[FRAMES + f] = (struct content*)(LARGE_BASE + (f / LARGE_SPOTS << 21) + spot_offset(f % LARGE_SPOTS));
    for (u32 f = 0; f < FRAMES + LARGE_FRAMES * LARGE_SPOTS; ++f) set_token(frames[f], f * 0x01010101);
    u64* const identity = new_pae_root();
    for (u32 a = LARGE_BASE; a < LARGE_BASE + (LARGE_FRAMES << 21); a += 2u << 20) *pae_pde(identity, a) = a | PTE_KERNEL | PTE_PS;
    for (u32 s = 0; s < SPACES; ++s) {
        spaces[s] = new_page();
        memcpy(spaces[s], identity, 32);
        directories[s] = new_page();
        spaces[s][1] = (u32)directories[s] | PTE_P;
        for (u32 d = 0; d < FIRST_LARGE; ++d) {
            u64* const table = d == GLOBAL_TABLE ? common : new_page();
            directories[s][d] = (u32)table | PTE_USER;
            for (u32 p = 0; p < PER_TABLE; ++p) table[p * 37 % 512] = (u32)frames[random_below(FRAMES)] | PTE_USER;
        }
        for (u32 d = FIRST_LARGE; d < ENTRIES; ++d) directories[s][d] = (LARGE_BASE + (random_below(LARGE_FRAMES) << 21)) | PTE_USER | PTE_PS;
    }
}

int main(void) {
    if (!(cpuid(1).edx & 1u << 6)) {
        check(true, "no PAE here");
        return 0;
    }
    no_execute = cpuid(0x80000001).edx & 1u << 20;
    build();
    if (no_execute) wrmsr(0xc0000080, 1u << 11);
    set_cr4(get_cr4() | CR4_PAE);
    paging_on(spaces[0]);
    set_cr4(get_cr4() | CR4_PGE);
    const u32 steps = 40000;
    u32 wrong = 0;
    for (u32 step = 0; step < steps && wrong < 5; ++step) {
        switch (random_below(20)) {
            case 0: case 1: case 2: change_leaf(); break;
            case 3: change_directory(); break;
            case 4: case 5:
                current = random_below(SPACES);
                set_cr3((u32)spaces[current]);
                break;
            case 6:
                write_protect = random_below(2);
                set_cr0(write_protect ? get_cr0() | CR0_WP : get_cr0() & ~CR0_WP);
                break;
            case 7: set_token(frames[random_below(FRAMES + LARGE_FRAMES * LARGE_SPOTS)], random_below(0x7fffffff)); break;
            case 8:
                if (random_below(8)) break;
                set_cr4(get_cr4() & ~CR4_PGE);
                set_cr4(get_cr4() | CR4_PGE);
                break;
            default: wrong += !check_access(step);
        }
    }
    check(!wrong, "%u random steps on three-level page tables", steps);
    return 0;
}
