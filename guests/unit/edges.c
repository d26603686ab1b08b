// The ends of the address space and of memory: accesses around 4 GiB, stacks that wrap, bit strings that reach far,
// addresses that nothing answers. Where the architecture leaves it open whether such an access wraps or faults, either
// is right; what is not is anything else, such as memory that belongs to nobody in the guest.
#include "paging.h"
#include "trap.h"

#define CODE(n, text) SNIPPET(n, "nop", text)
CODE(load_1, "movzbl (%ebx), %eax");
CODE(load_2, "movzwl (%ebx), %eax");
CODE(load_4, "mov (%ebx), %eax");
CODE(load_8, "movq (%ebx), %mm0\n movd %mm0, %eax\n emms");
CODE(load_10, "fldt (%ebx)\n fstp %st(0)");
CODE(load_16, "movups (%ebx), %xmm0");
CODE(store_1, "movb %al, (%ebx)");
CODE(store_2, "movw %ax, (%ebx)");
CODE(store_4, "mov %eax, (%ebx)");
CODE(store_8, "movd %eax, %mm0\n movq %mm0, (%ebx)\n emms");
CODE(store_16, "movd %eax, %xmm0\n movups %xmm0, (%ebx)");
CODE(modify_4, "add %eax, (%ebx)");
CODE(exchange_4, "xchg %eax, (%ebx)");
CODE(exchange_8, "cmpxchg8b (%ebx)");
CODE(save_512, "fxsave (%ebx)");
CODE(string_store, "mov %ebx, %edi\n mov $8, %ecx\n rep stosb");
CODE(string_copy, "mov %ebx, %esi\n mov $buffer_low, %edi\n mov $8, %ecx\n rep movsb");
CODE(push_there, "mov %ebx, %esp\n push %eax");
CODE(pop_there, "mov %ebx, %esp\n pop %eax");
CODE(pusha_there, "mov %ebx, %esp\n pusha");
CODE(call_there, "mov %ebx, %esp\n call 1f\n1: nop");
CODE(displaced, "mov 0x7fffffff(%ebx), %eax");
CODE(scaled, "mov 0x10(,%ebx,8), %eax");
CODE(two_registers, "mov (%ebx,%ebx), %eax");
CODE(far_load, "lfs (%ebx), %eax");
CODE(bound_there, "bound %eax, (%ebx)");
asm(".bss\n .balign 16\nbuffer_low: .space 64\n .text");

static u32* directory;
static u8 *last, *zero;     // the frames of the last page and of page 0

static struct trap at(const u8* code, u32 address, bool user) {
    struct context c = user ? user_context(code) : kernel_context(code);
    c.ebx = address;
    c.eax = 0x5a5a5a5a;
    return run(&c);
}

static bool plausible(const struct trap* t) {
    return t->vector == VEC_DONE || (t->vector == VEC_GP && t->error == 0) || (t->vector == VEC_SS && t->error == 0) || t->vector == VEC_PF || t->vector == VEC_BR ||
           (t->vector == VEC_GP && t->at.eip == (u32)far_load_at) || t->vector == VEC_NP;
}

static const u8* const codes[] = {
    load_1, load_2, load_4, load_8, load_10, load_16, store_1, store_2, store_4, store_8, store_16, modify_4, exchange_4, exchange_8, save_512,
    string_store, string_copy, push_there, pop_there, pusha_there, call_there, displaced, scaled, two_registers, far_load, bound_there,
};
#define CODES (sizeof codes / sizeof *codes)
// Those that put the stack there: ring 0 would have nowhere to take its fault.
static bool moves_stack(const u8* code) { return code == push_there || code == pop_there || code == pusha_there || code == call_there; }

// Every instruction at every address near the end, with either page present or absent, in both modes, hot and cold.
static void around_the_end(void) {
    u32 wrong = 0;
    for (u32 shape = 0; shape < 4; ++shape) {
        *pte(directory, 0xfffff000) = (u32)last | (shape & 1 ? PTE_USER : 0);
        *pte(directory, 0) = (u32)zero | (shape & 2 ? PTE_USER : 0);
        set_cr3(get_cr3());
        for (u32 k = 0; k < CODES; ++k)
            for (int offset = -17; offset <= 17; ++offset) {
                const struct trap t = at(codes[k], (u32)offset, (offset & 1) || moves_stack(codes[k]));
                if (plausible(&t)) continue;
                if (++wrong < 5) print("# code %u at %x, shape %u: vector %u error %x eip %x\n", k, (u32)offset, shape, t.vector, t.error, t.at.eip);
            }
    }
    check(!wrong, "every access near 4 GiB does something sensible");
    // What is inside the address space must simply work.
    *pte(directory, 0xfffff000) = (u32)last | PTE_USER;
    *pte(directory, 0) = (u32)zero | PTE_USER;
    set_cr3(get_cr3());
    memset(last + PAGE - 16, 0x77, 16);
    memset(zero, 0x33, 16);
    struct trap t = at(load_4, 0xfffffffc, true);
    check(t.vector == VEC_DONE && t.at.eax == 0x77777777, "the last doubleword");
    t = at(store_4, 0xfffffffc, true);
    check(t.vector == VEC_DONE && *(u32*)(last + PAGE - 4) == 0x5a5a5a5a, "a store to the last doubleword");
    t = at(load_1, 0xffffffff, false);
    check(t.vector == VEC_DONE && t.at.eax == 0x5a, "the last byte");
    t = at(load_16, 0xfffffff0, true);
    expect_done(&t, "the last sixteen bytes");
    t = at(push_there, 0, true);
    check(t.vector == VEC_DONE && t.at.esp == 0xfffffffc, "a push at esp 0 goes to the top");
    t = at(pop_there, 0xfffffffc, true);
    check(t.vector == VEC_DONE && t.at.esp == 0, "a pop from the top ends at esp 0");
    t = at(call_there, 0, true);
    check(t.vector == VEC_DONE && t.at.esp == 0xfffffffc && *(u32*)(last + PAGE - 4) != 0x5a5a5a5a, "a call at esp 0");
    t = at(displaced, 0x80000001, true);
    check(t.vector == VEC_DONE && t.at.eax == 0x33333333, "base plus displacement wraps");
    t = at(scaled, 0x1ffffffe, true);
    check(t.vector == VEC_DONE && t.at.eax == 0x33333333, "a scaled index wraps");
    t = at(two_registers, 0x80000002, true);
    check(t.vector == VEC_DONE && t.at.eax == 0x33333333, "base plus index wraps");
}

SNIPPET(bit_string, "nop", "bts %ecx, (%ebx)");
SNIPPET(bit_test, "nop", "bt %ecx, (%ebx)");
SNIPPET(bit_string_16, "nop", "btcw %cx, (%ebx)");

static void bit_strings(void) {
    static u8 bits[64] __attribute__((aligned(16)));
    static const int offsets[] = {0, 31, 32, 63, 200, -1, -32, -33, -100};
    u32 wrong = 0;
    for (u32 k = 0; k < sizeof offsets / sizeof *offsets; ++k) {
        memset(bits, 0, sizeof bits);
        struct context c = user_context(bit_string);
        c.ebx = (u32)bits + 32;
        c.ecx = (u32)offsets[k];
        run(&c);
        const int bit = 256 + offsets[k];
        for (u32 i = 0; i < 512; ++i) wrong += (bits[i / 8] >> i % 8 & 1) != ((int)i == bit);
    }
    check(!wrong, "bit strings reach before and behind their operand");
    // As far as they can: 256 MiB either way.
    u8* frame = new_page();
    *pte(directory, 0x50000000) = (u32)frame | PTE_USER;
    invlpg(0x50000000);
    frame[0] = 0;
    struct context c = user_context(bit_string);
    c.ebx = 0x40000000;
    c.ecx = 0x7fffffff;  // 0x40000000 + 0x0fffffff
    struct trap t = run(&c);
    check(t.vector == VEC_PF && t.cr2 >> 12 == 0x4ffff, "bts with the largest offset faults where it reaches");
    c.ebx = 0x40000004;
    t = run(&c);
    check(t.vector == VEC_DONE && frame[3] == 0x80, "bts with the largest offset reaches 256 MiB up");
    c.ebx = 0x60000000;
    c.ecx = 0x80000000;
    t = run(&c);
    check(t.vector == VEC_DONE && frame[0] == 1, "bts with the smallest offset reaches 256 MiB down");
    c = user_context(bit_string_16);
    memset(bits, 0, sizeof bits);
    c.ebx = (u32)bits + 32;
    c.ecx = 0xffff8000 | 0x7fff;
    run(&c);
    check(bits[32 - 1] == 0x80 || bits[31] == 0x80, "btc, 16 bits: a signed 16-bit offset");
}

// Physical addresses that are neither memory nor a device.
static void nowhere(void) {
    const u32 far = 0x48000000;
    *pte(directory, far) = 0xd0000000 | PTE_USER;
    *pte(directory, far + PAGE) = 0xd0001000 | PTE_USER;
    invlpg(far);
    invlpg(far + PAGE);
    u32 wrong = 0;
    for (u32 k = 0; k < CODES; ++k)
        for (u32 offset = 0; offset < 3; ++offset) {
            const struct trap t = at(codes[k], far + PAGE - 2 * offset, (offset & 1) || moves_stack(codes[k]));
            if (plausible(&t)) continue;
            if (++wrong < 5) print("# code %u: vector %u error %x eip %x\n", k, t.vector, t.error, t.at.eip);
        }
    check(!wrong, "accesses to addresses that nothing answers");
    struct trap t = at(load_4, far, true);
    check(t.at.eax == 0xffffffff || t.at.eax == 0, "they read as ones or zeros");
    // A stack there, with calls and returns that lead nowhere.
    t = at(push_there, far + 0x100, true);
    check_equal(t.at.esp, far + 0xfc, "a push to nowhere");
    // Page tables there: every entry is all ones or zeros, so it is reserved bits, absent, or leads nowhere again.
    u32* other = new_directory();
    other[0x48000000 >> 22] = 0xd0000000 | PTE_USER;
    set_cr3((u32)other);
    t = at(load_4, 0x48000000, true);
    check(plausible(&t), "a page table in the middle of nowhere");
    set_cr3((u32)directory);
}

int main(void) {
    asm volatile("fninit");
    set_cr4(get_cr4() | CR4_OSFXSR);
    directory = new_directory();
    last = new_page();
    zero = new_page();
    paging_on(directory);
    around_the_end();
    bit_strings();
    nowhere();
    return 0;
}
