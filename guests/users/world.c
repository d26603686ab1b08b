// Frames, address spaces, segments and breakpoints, and how they change.
#include "users.h"

u32 fuel[PAGE / 4] __attribute__((aligned(4096))), targets[PAGE / 4] __attribute__((aligned(4096)));
u8 stack_of_users[PAGE] __attribute__((aligned(4096)));

// The last group goes around 4 GiB.
static const u32 group_at[GROUPS] = {0x40000000, 0x47f35000, 0u - (GROUP_PAGES - 1) * PAGE};
static u32* spaces[SPACES];
static u32 current;
static u8 *code[CODE_FRAMES], *data[DATA_FRAMES];
static u32 base_of_segment[CODE_SEGMENTS], base_of_sixteen[SIXTEENS];

u32 code_page(void) { return group_at[below(GROUPS)] + below(GROUP_PAGES) * PAGE; }
u32 data_pointer(void) { return DATA_AT + below(DATA_PAGES * PAGE - 4); }
u32 segment_base(u32 n) { return base_of_segment[n]; }
u32 sixteen_base(u32 n) { return base_of_sixteen[n]; }

static void map(u32 space, u32 address, u32 entry) {
    *pte(spaces[space], address) = entry;
    if (space == current) invlpg(address);
}

static u32 random_rights(void) { return (one_in(10) ? 0 : PTE_P) | (one_in(5) ? 0 : PTE_W) | (one_in(16) ? 0 : PTE_U); }
static void map_code(u32 space) { map(space, code_page(), (u32)code[below(CODE_FRAMES)] | random_rights()); }
static void map_data(u32 space) { map(space, DATA_AT + below(DATA_PAGES) * PAGE, (u32)data[below(DATA_FRAMES)] | random_rights()); }

// Bases of whole pages: where one segment's offsets lead in another, a cell begins too.
static void move_segment(u32 n) {
    base_of_segment[n] = n == 0 ? 0 : one_in(2) ? below(8) * PAGE : any32() & ~(PAGE - 1);
    set_segment(SEL_CODE(n) & 0xfff8, base_of_segment[n], 0xfffff, ATTR_CODE | ATTR_DPL(3) | ATTR_32 | ATTR_PAGES);
}

// Limits stay: a handler may go back to any EIP below them.
static void move_sixteen(u32 n) {
    base_of_sixteen[n] = code_page() + SIXTEEN + below((LAST_CELL - SIXTEEN) / 32) * 32;
    set_segment(SEL_SIXTEEN(n) & 0xfff8, base_of_sixteen[n], n ? 0xffff : 40, ATTR_CODE | ATTR_DPL(3));
}

static void choose_targets(void) {
    for (u32 n = 0; n < 16; ++n) targets[n] = code_cell();
}

void set_breakpoints(void) {
    static const u32 kinds[] = {0x0, 0x0, 0x1, 0x3, 0xd, 0xf};  // execution; writes and accesses, of a byte or of four
    set_dr0(code_cell()), set_dr1(code_cell()), set_dr2(data_pointer() & ~3u), set_dr3(one_in(2) ? (u32)fuel : data_pointer() & ~3u);
    u32 dr7 = 0x400;
    for (u32 n = 0; n < 4; ++n)
        if (one_in(2)) dr7 |= 1u << 2 * n | kinds[n < 2 ? 0 : 2 + below(4)] << (16 + 4 * n);
    set_dr7(dr7);
}

void clear_breakpoints(void) { set_dr7(0x400); }

bool repair(u32 address) {
    if (address - DATA_AT >= DATA_PAGES * PAGE) return false;
    map(current, address, (u32)data[below(DATA_FRAMES)] | PTE_USER);
    return true;
}

void change_something(void) {
    const u32 what = below(16), space = one_in(3) ? below(SPACES) : current;
    mix(what);
    if (tracing) print("# change %u\n", what);
    switch (what) {
        case 0: case 1: case 2: case 3: map_code(space); break;
        case 4: case 5: map_data(space); break;
        case 6: case 7: set_cr3((u32)spaces[current = below(SPACES)]); break;
        case 8: move_segment(below(CODE_SEGMENTS)); break;
        case 9: move_sixteen(below(SIXTEENS)); break;
        case 10: choose_targets(); break;
        case 11: one_in(3) ? set_breakpoints() : clear_breakpoints(); break;
        case 12: one_in(4) ? set_cr0(get_cr0() ^ CR0_AM) : clear_breakpoints(); break;
        case 13: one_in(4) ? write_code(code[below(CODE_FRAMES)]) : patch_code(code[below(CODE_FRAMES)]); break;
        default: patch_code(code[below(CODE_FRAMES)]);
    }
}

static u32* build_space(void) {
    u32* const directory = new_directory();
    for (u32 a = 0; a < 16u << 20; a += PAGE)
        if (a != (u32)fuel && a != (u32)targets && a != (u32)stack_of_users) *pte(directory, a) &= ~PTE_U;
    for (u32 g = 0; g < GROUPS; ++g)
        for (u32 p = 0; p < GROUP_PAGES; ++p) *pte(directory, group_at[g] + p * PAGE) = (u32)code[below(CODE_FRAMES)] | PTE_USER;
    for (u32 p = 0; p < DATA_PAGES; ++p) *pte(directory, DATA_AT + p * PAGE) = (u32)data[below(DATA_FRAMES)] | PTE_USER;
    return directory;
}

void build_world(void) {
    for (u32 n = 0; n < CODE_SEGMENTS; ++n) move_segment(n);
    for (u32 n = 0; n < SIXTEENS; ++n) move_sixteen(n);
    for (u32 n = 0; n < CODE_FRAMES; ++n) write_code(code[n] = new_page());
    for (u32 n = 0; n < DATA_FRAMES; ++n) {
        data[n] = new_page();
        for (u32 i = 0; i < PAGE; ++i) data[n][i] = (u8)any32();
    }
    for (u32 s = 0; s < SPACES; ++s) spaces[s] = build_space();
    choose_targets();
    paging_on(spaces[current]);
}

static void mix_page(const void* page) {
    for (u32 i = 0; i < PAGE / 4; ++i) mix(((const u32*)page)[i]);
}

void checksum_world(void) {
    for (u32 n = 0; n < CODE_FRAMES; ++n) mix_page(code[n]);
    for (u32 n = 0; n < DATA_FRAMES; ++n) mix_page(data[n]);
    mix_page(stack_of_users), mix(fuel[0]);
}
