// Frames and address spaces: how they start, what is where in them now, and their checksum.
#include "world.h"

u8* const frames_at = (u8*)0xc00000;  // far above the program, in the identity map, and in one large page
enum role roles[FRAMES];
u32 current;

u32 directory_of[SPACES], table_of[SPACES][LARGE];
u64 roots[SPACES][4] __attribute__((aligned(32)));
bool has_nx;

// --- entries -------------------------------------------------------------------------------------------------------

u64 get_entry(u32 f, u32 i) { return wide ? ((u64*)frame(f))[i] : ((u32*)frame(f))[i]; }

void put_entry(u32 f, u32 i, u64 v) {
    if (!wide) {
        ((volatile u32*)frame(f))[i] = (u32)v;
        return;
    }
    volatile u32* at = (volatile u32*)frame(f) + 2 * i;
    at[1] = (u32)(v >> 32);
    at[0] = (u32)v;
}

u32 region_bytes(void) { return wide ? 2u << 20 : 4u << 20; }
u32 directory_index(u32 region) { return wide ? region : (WINDOW >> 22) + region; }
u32 slot_address(u32 region, u32 slot) { return WINDOW + region * region_bytes() + (FIRST_ENTRY + slot) * PAGE; }
u64 upper_entry(u32 space, u32 region) { return get_entry(directory_of[space], directory_index(region)); }

int table_behind(u32 space, u32 region) {
    if (region != LARGE) return (int)table_of[space][region];
    const u64 upper = upper_entry(space, LARGE);
    return upper & PTE_PS ? -1 : (int)table_of[space][PRIVATE];
}

u32 any_page(void) { return slot_address(below(REGIONS), below(SLOTS)); }
u32 data_pointer(void) { return any_page() + DATA + 32 + below(DATA_END - DATA - 64); }
u32 straddling_pointer(void) { return slot_address(below(REGIONS), below(SLOTS - 1)) + PAGE - 1 - below(14); }

int frame_behind(u32 address) {
    const u32 region = (address - WINDOW) / region_bytes();
    if (address < WINDOW || region >= REGIONS) {
        const u32 f = (address - (u32)frames_at) / PAGE;
        return address >= (u32)frames_at && f < FRAMES ? (int)f : -1;
    }
    const u64 upper = upper_entry(current, region);
    u32 physical = address & (PAGE - 1);
    if (!(upper & PTE_P)) return -1;
    if (upper & PTE_PS) {
        physical = ((u32)upper & ~(region_bytes() - 1)) + (address & (region_bytes() - 1));
    } else {
        const u32 i = address / PAGE & (wide ? 511 : 1023);
        const u64 lower = get_entry((u32)table_behind(current, region), i);
        if (!(lower & PTE_P)) return -1;
        physical |= (u32)lower & ~(PAGE - 1);
    }
    const u32 f = (physical - (u32)frames_at) / PAGE;
    return physical >= (u32)frames_at && f < FRAMES ? (int)f : -1;
}

u32 cr3_of(u32 space) { return wide ? (u32)roots[space] : (u32)frame(directory_of[space]); }

// --- start and checksum --------------------------------------------------------------------------------------------

static void build_identity(void) {
    u8* const root = wide ? (u8*)new_pae_root() : (u8*)new_directory();
    for (u32 a = 0; a < 16u << 20; a += PAGE) {
        // Global, as a kernel's memory is: supervisor accesses go direct only there.
        if (wide)
            *pae_pte((u64*)root, a) |= PTE_G;
        else
            *pte((u32*)root, a) |= PTE_G;
    }
    for (u32 s = 0; s < SPACES; ++s) {
        roots[s][0] = ((u64*)root)[0];
        roots[s][1] = (u32)frame(directory_of[s]) | PTE_P;
        if (!wide) memcpy(frame(directory_of[s]), root, 16);
    }
}

void build_world(void) {
    has_nx = wide && (cpuid(0x80000001).edx & 1u << 20);
    u32 next = DIRECTORY_FRAMES;
    while (roles[next] != ROLE_DATA) ++next;  // those of build_tables()
    for (u32 f = 0; f < FRAMES; ++f) {
        for (u32 i = DATA; i < DATA_END; ++i) frame(f)[i] = (u8)any32();
        write_function(f, FUNCTION);
    }
    for (u32 s = 0; s < SPACES; ++s) {
        directory_of[s] = s;
        roles[s] = ROLE_DIRECTORY;
        for (u32 r = 0; r < LARGE; ++r) {
            const u32 owner = r == PRIVATE ? s : r == HALF_SHARED && s == 2 ? 2 : 0;
            table_of[s][r] = owner == s ? next++ : table_of[owner][r];
            roles[table_of[s][r]] = ROLE_TABLE;
            for (u32 i = 0; owner == s && i < SLOTS; ++i)
                put_entry(table_of[s][r], FIRST_ENTRY + i, (u32)frame(DIRECTORY_FRAMES + below(FRAMES - DIRECTORY_FRAMES)) | PTE_USER);
        }
    }
    build_identity();
    for (u32 s = 0; s < SPACES; ++s) {
        for (u32 r = 0; r < LARGE; ++r) put_entry(directory_of[s], directory_index(r), (u32)frame(table_of[s][r]) | PTE_USER);
        put_entry(directory_of[s], directory_index(LARGE), upper_entry(s, PRIVATE));
    }
    if (has_nx) wrmsr(0xc0000080, 1u << 11);
    set_cr4(get_cr4() | (wide ? CR4_PAE : CR4_PSE) | CR4_OSFXSR);
    paging_on((void*)cr3_of(0));
    if (with_globals) set_cr4(get_cr4() | CR4_PGE);
}

void checksum_world(void) {
    for (u32 f = 0; f < FRAMES; ++f)
        for (u32 i = 0; i < PAGE / 4; ++i) mix(((u32*)frame(f))[i]);
}

void print_world(void) {
    for (u32 f = 0; f < FRAMES; ++f)
        for (u32 i = 0; i < PAGE / 4; ++i) print("# frame %u, role %u, at %x: %X\n", f, (u32)roles[f], i * 4, ((u32*)frame(f))[i]);
}
