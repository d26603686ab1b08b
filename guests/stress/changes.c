// Changes made to the world, and what the architecture demands behind them.
#include "world.h"

#define NOTHING_THERE (256u << 20)  // beyond RAM
#define DISPLAY_HOLE 0xa0000u

// --- flushes -------------------------------------------------------------------------------------------------------

static void toggle_global(void) {
    set_cr4(get_cr4() ^ CR4_PGE);
    set_cr4(get_cr4() ^ CR4_PGE);
}

static void load_cr3(u32 space) { set_cr3(cr3_of(space) | (one_in(8) ? PTE_PCD : 0)); }

static void flush_region(u32 region) {
    // Global pages are only in the region that all share.
    if (one_in(4)) toggle_global();
    if (region != SHARED && one_in(2)) return load_cr3(current);
    for (u32 s = 0; s < SLOTS; ++s) invlpg(slot_address(region, s) + below(PAGE));
}

static void flush_slot(u32 region, u32 slot) {
    if (region != SHARED && one_in(5)) return load_cr3(current);
    invlpg(slot_address(region, slot) + below(PAGE));
}

void switch_space(u32 space) {
    current = space;
    load_cr3(space);
}

// --- changes -------------------------------------------------------------------------------------------------------

static u64 random_rights(bool global) {
    return (one_in(8) ? 0 : PTE_P) | (one_in(4) ? 0 : PTE_W) | (one_in(4) ? 0 : PTE_U) | (one_in(4) ? PTE_A | PTE_D : 0) | (one_in(8) ? PTE_PCD : 0) |
           (global && one_in(2) ? PTE_G : 0) | (has_nx && one_in(8) ? PTE_NX : 0);
}

static u64 random_entry(u32 region, u32 slot) {
    const u64 rights = random_rights(region == SHARED);
    if (with_devices && one_in(10)) return (one_in(2) ? DISPLAY_HOLE : NOTHING_THERE) + below(8) * PAGE + rights;
    const u32 f = slot == 0 ? below(FRAMES) : DIRECTORY_FRAMES + below(FRAMES - DIRECTORY_FRAMES);
    return (u32)frame(f) | rights;
}

static void change_entry(u32 space, u32 region, u32 slot) {
    const int table = table_behind(space, region);
    if (table < 0) return;
    const u32 i = FIRST_ENTRY + slot;
    const u64 before = get_entry((u32)table, i);
    // The slots of LARGE are PRIVATE's by another address.
    u64 after = random_entry(region == LARGE ? PRIVATE : region, slot);
    if (one_in(3)) after = before ^ (one_in(3) ? PTE_P : one_in(2) ? PTE_W : PTE_U);
    if (one_in(6)) after = before & ~(u64)(PTE_A | PTE_D);
    const u32 alias = any_page();
    if (!running && one_in(4) && frame_behind(alias) == table)
        store_by_user_code(alias + i * (wide ? 8 : 4), after, wide);
    else
        put_entry((u32)table, i, after);
    // Nothing of an entry that was not present may be cached.
    if (!(before & PTE_P) && one_in(2)) return;
    for (u32 r = 0; r < REGIONS; ++r)
        if (table_behind(current, r) == table) flush_slot(r, slot);
}

// A global page outlives the load of CR3, so the spaces must agree on what leads to it.
static void put_upper(u32 space, u32 region, u64 entry) {
    for (u32 s = 0; s < SPACES; ++s)
        if (s == space || region == SHARED) put_entry(directory_of[s], directory_index(region), entry);
}

static void change_upper(u32 space, u32 region) {
    u64 entry = upper_entry(space, region) & ~(u64)(PTE_P | PTE_W | PTE_U | PTE_NX);
    entry |= (one_in(8) ? 0 : PTE_P) | (one_in(4) ? 0 : PTE_W) | (one_in(4) ? 0 : PTE_U) | (has_nx && one_in(10) ? PTE_NX : 0);
    put_upper(space, region, entry);
    if (space == current || region == SHARED) flush_region(region);
}

// A frame that may take over a role; -1 if that one is taken.
static int spare_frame(bool directory) {
    const u32 f = directory ? below(DIRECTORY_FRAMES) : DIRECTORY_FRAMES + below(FRAMES - DIRECTORY_FRAMES);
    return roles[f] == ROLE_DATA || roles[f] == ROLE_CODE ? (int)f : -1;
}

int new_home(enum role role) {
    const int f = spare_frame(role == ROLE_DIRECTORY);
    if (f >= 0) roles[f] = role;
    return f;
}

static void point_to_table(u32 space, u32 region) {
    const u64 rights = upper_entry(space, region) & (PTE_NX | (PAGE - 1));
    put_entry(directory_of[space], directory_index(region), (u32)frame(table_of[space][region]) | (rights & ~(u64)PTE_PS));
}

static void move_page_table(u32 space, u32 region) {
    const int f = new_home(ROLE_TABLE);
    if (f < 0) return;
    const u32 old = table_of[space][region];
    memcpy(frame((u32)f) + HEAD, frame(old) + HEAD, STRUCTURE_END - HEAD);
    roles[old] = ROLE_DATA;
    for (u32 s = 0; s < SPACES; ++s) {
        if (table_of[s][region] != old) continue;
        const bool also_large = region == PRIVATE && table_behind(s, LARGE) == (int)old;
        table_of[s][region] = (u32)f;
        point_to_table(s, region);
        if (also_large) put_entry(directory_of[s], directory_index(LARGE), upper_entry(s, PRIVATE));
        if (s != current) continue;
        flush_region(region);
        if (also_large) flush_region(LARGE);
    }
}

static void move_directory(u32 space) {
    const int f = new_home(ROLE_DIRECTORY);
    if (f < 0) return;
    const u32 old = directory_of[space];
    memcpy(frame((u32)f), frame(old), STRUCTURE_END);
    roles[old] = ROLE_DATA;
    directory_of[space] = (u32)f;
    roots[space][1] = (u32)frame((u32)f) | PTE_P;
    if (space == current) load_cr3(space);
}

static void change_large(u32 space) {
    const u64 entry = one_in(2) ? ((u32)frames_at | random_rights(false) | PTE_PS) : upper_entry(space, PRIVATE);
    put_entry(directory_of[space], directory_index(LARGE), entry);
    if (space == current) flush_region(LARGE);
}

static void scribble(void) {
    u8* const to = frame(below(FRAMES)) + DATA + below(512);
    const void* const from = frame(below(FRAMES)) + below(PAGE - 512);
    if (one_in(2))
        memcpy(to, from, below(512));
    else
        memset(to, (int)below(256), below(512));
}

static void change_code(void) {
    const u32 f = below(FRAMES);
    if (one_in(3)) {
        if (roles[f] == ROLE_DATA && one_in(2)) roles[f] = ROLE_CODE;
        write_function(f, roles[f] == ROLE_CODE ? HEAD : FUNCTION);
    } else {
        patch_function(frame(f) + FUNCTION);
    }
}

void change_something(void) {
    const u32 space = one_in(2) ? current : below(SPACES), region = below(REGIONS), what = below(32);
    mix(what);
    if (tracing) print("# change %u, space %u, region %u\n", what, space, region);
    switch (what) {
        case 0: change_upper(space, region); break;
        case 1: move_page_table(space, below(LARGE)); break;
        case 2: move_directory(space); break;
        case 3: change_large(space); break;
        case 4: set_cr0(get_cr0() ^ CR0_WP); break;
        case 5: one_in(4) ? toggle_global() : load_cr3(current); break;
        case 6: move_table(ROLE_GDT); break;
        case 7: move_table(ROLE_LDT); break;
        case 8: move_table(ROLE_IDT); break;
        case 9: case 10: case 11: change_descriptor(); break;
        case 12: case 13: case 14: change_code(); break;
        case 15: scribble(); break;
        case 16: choose_callees(); break;
        case 17: case 18: case 19: case 20: switch_space(below(SPACES)); break;
        case 21: set_cr0(one_in(4) ? get_cr0() ^ CR0_AM : get_cr0() | CR0_TS); break;
        default:
            for (u32 n = 1 + below(3); n; --n) change_entry(space, region, below(SLOTS));
    }
}

bool repair(u32 address) {
    const u32 region = (address - WINDOW) / region_bytes(), slot = address / PAGE % (region_bytes() / PAGE) - FIRST_ENTRY;
    if (address < WINDOW || region >= REGIONS || slot >= SLOTS) return false;
    const u64 upper = (upper_entry(current, region) | PTE_USER) & ~PTE_NX;
    put_upper(current, region, upper);
    const int table = table_behind(current, region);
    if (table >= 0) {
        const u32 f = DIRECTORY_FRAMES + below(FRAMES - DIRECTORY_FRAMES);
        put_entry((u32)table, FIRST_ENTRY + slot, (u32)frame(f) | PTE_USER);
    }
    flush_region(region);
    for (u32 r = 0; r < REGIONS; ++r)
        if (r != region && table >= 0 && table_behind(current, r) == table) flush_region(r);
    return true;
}
