// Code that changes itself: the next instruction, the same block, another page, through an alias, by string
// instructions, from user mode, on the stack, across pages, by remapping; and jumps into the middle of instructions.
#include "paging.h"
#include "trap.h"

#define WINDOW 0x40000000u  // nothing is mapped here but what a test maps
#define ROUNDS 40           // enough for a translator to find the code hot

static u32* directory;
static u8 *one, *two;  // frames to put code into

static void emit(u8** at, const void* bytes, u32 n) {
    memcpy(*at, bytes, n);
    *at += n;
}
#define EMIT(at, ...) emit(&(at), (const u8[]){__VA_ARGS__}, sizeof((const u8[]){__VA_ARGS__}))
#define BYTES4(v) (u8)(v), (u8)((v) >> 8), (u8)((v) >> 16), (u8)((v) >> 24)

// A function that returns `value`.
static void write_function(u8* at, u32 value) { EMIT(at, 0xb8, BYTES4(value), 0xc3); }
static u32 call(const void* code) {
    u32 r;
    asm volatile("call *%1" : "=a"(r) : "r"(code) : "ecx", "edx", "memory");
    return r;
}

// What a snippet in memory does, at either privilege.
static u32 eax_after(const void* code, bool user) {
    struct context c = user ? user_context(code) : kernel_context(code);
    const struct trap t = run(&c);
    if (t.vector != VEC_DONE) print("# vector %u error %x eip %x cr2 %x\n", t.vector, t.error, t.at.eip, t.cr2);
    return t.vector == VEC_DONE ? t.at.eax : ~0u;
}

// The store and the patched instruction are neighbours in one block.
static void next_instruction(bool user) {
    u32 wrong = 0;
    for (u32 i = 0; i < ROUNDS; ++i) {
        u8* at = one;
        EMIT(at, 0xc6, 0x05, BYTES4((u32)one + 8), (u8)i);  // movb $i, one+8
        EMIT(at, 0xb8, 0xee, 0, 0, 0);                      // mov $0xee, %eax: its immediate is one+8
        EMIT(at, 0xcd, VEC_DONE);
        wrong += eax_after(one, user) != i;
    }
    check(!wrong, "the next instruction's immediate, %s", user ? "user" : "kernel");
    wrong = 0;
    for (u32 i = 0; i < ROUNDS; ++i) {
        u8* at = one;
        EMIT(at, 0x31, 0xc0);                                              // xor %eax, %eax
        EMIT(at, 0xc6, 0x05, BYTES4((u32)one + 9), i & 1 ? 0x40 : 0x48);   // movb $inc or $dec, one+9
        EMIT(at, 0x90);                                                    // nop, to be replaced
        EMIT(at, 0xcd, VEC_DONE);
        wrong += eax_after(one, user) != (i & 1 ? 1 : ~0u);
    }
    check(!wrong, "the next instruction's opcode, %s", user ? "user" : "kernel");
    // The code is written once; only it changes itself after that.
    u8* at = one;
    EMIT(at, 0x8b, 0x0d, BYTES4((u32)two));            // mov two, %ecx
    EMIT(at, 0x89, 0x0d, BYTES4((u32)one + 0x20 + 1)); // mov %ecx, one+0x21
    EMIT(at, 0xeb, 0x12);                              // jmp one+0x20
    at = one + 0x20;
    EMIT(at, 0xb8, 0, 0, 0, 0);  // mov $?, %eax
    EMIT(at, 0xcd, VEC_DONE);
    wrong = 0;
    for (u32 i = 0; i < ROUNDS; ++i) {
        *(volatile u32*)two = i * 0x01010101;
        wrong += eax_after(one, user) != i * 0x01010101;
    }
    check(!wrong, "the next block, which only the code itself changes, %s", user ? "user" : "kernel");
}

// A loop whose body patches an instruction before the store, and one after it, on each turn.
static void earlier_in_the_block(void) {
    u8* at = one;
    EMIT(at, 0xb9, 100, 0, 0, 0);                  // mov $100, %ecx
    EMIT(at, 0x31, 0xc0);                          // xor %eax, %eax
    u8* const loop = at;
    EMIT(at, 0x05, 1, 0, 0, 0);                    // add $1, %eax: the immediate counts up
    EMIT(at, 0xfe, 0x05, BYTES4((u32)loop + 1));   // incb loop+1
    EMIT(at, 0x49);                                // dec %ecx
    EMIT(at, 0x75, (u8)(loop - (at + 2)));         // jnz loop
    EMIT(at, 0xcd, VEC_DONE);
    check_equal(eax_after(one, false), 5050, "an instruction earlier in the same block, 100 times");

    at = one;
    EMIT(at, 0xb9, 100, 0, 0, 0);
    EMIT(at, 0x31, 0xc0);
    u8* const again = at;
    EMIT(at, 0xfe, 0x05, BYTES4((u32)again + 7));  // incb on the immediate that follows
    EMIT(at, 0x05, 0, 0, 0, 0);                    // add $0, %eax
    EMIT(at, 0x49);
    EMIT(at, 0x75, (u8)(again - (at + 2)));
    EMIT(at, 0xcd, VEC_DONE);
    check_equal(eax_after(one, false), 5050, "an instruction later in the same block, 100 times");
}

static void another_page(void) {
    u32 wrong = 0;
    for (u32 i = 0; i < ROUNDS; ++i) {
        write_function(one, i);
        wrong += call(one) != i;
        write_function(one, i + 1000);
        wrong += call(one) != i + 1000;
    }
    check(!wrong, "a function rewritten between calls");
    wrong = 0;
    for (u32 i = 0; i < 2000; ++i) {
        write_function(one + 0x10 * (i & 3), i);
        wrong += call(one + 0x10 * (i & 3)) != i;
    }
    check(!wrong, "four functions in one page, rewritten 2000 times");
    // Data beside code: writes near it must not disturb it.
    write_function(one, 77);
    for (u32 i = 0; i < 1000; ++i) {
        *(volatile u32*)(one + 64) = i;
        *(volatile u8*)(one + 6) = (u8)i;
        wrong += call(one) != 77;
    }
    check(!wrong, "data beside code in the same page");
    // One byte of each instruction field.
    for (u32 i = 0; i < 5; ++i) {
        write_function(one, 0);
        call(one);
        one[i] = i ? 0x5a : 0xb9;
        const u32 want = i ? 0x5au << (i - 1) * 8 : 0x1234;
        u32 r;
        asm volatile("call *%1" : "=a"(r) : "r"(one), "a"(0x1234) : "ecx", "memory");
        wrong += r != want;
    }
    check(!wrong, "each byte of an instruction alone");
}

static void by_string_instructions(void) {
    u32 wrong = 0;
    for (u32 i = 0; i < ROUNDS; ++i) {
        write_function(two, i ^ 0x777);
        const void* from = two;
        void* to = one;
        u32 n = 6;
        asm volatile("rep movsb" : "+S"(from), "+D"(to), "+c"(n)::"memory");
        wrong += call(one) != (i ^ 0x777);
        to = one + 1;
        n = 1;
        asm volatile("rep stosl" : "+D"(to), "+c"(n) : "a"(i) : "memory");
        wrong += call(one) != i;
    }
    check(!wrong, "by rep movsb and rep stosl");
    // A rep stos that writes over itself: the iterations go on, then the new bytes run.
    u8* at = one;
    EMIT(at, 0xbf, BYTES4((u32)one + 12));  // mov $one+12, %edi
    EMIT(at, 0xb9, 8, 0, 0, 0);             // mov $8, %ecx
    EMIT(at, 0xf3, 0xaa);                   // rep stosb, at one+10
    EMIT(at, 0x48, 0x48, 0x48, 0x48, 0x48, 0x48, 0x48, 0x48);  // eight dec %eax, replaced by inc %eax
    EMIT(at, 0xcd, VEC_DONE);
    struct context c = kernel_context(one);
    c.eax = 0x40;
    const struct trap t = run(&c);
    check_equal(t.at.eax, 0x48, "rep stosb over the instructions behind it");
    check_equal(t.at.ecx, 0, "and it ran to its end");
    // Over itself: the elements that were left are not written if the instruction is gone.
    static const u8 done[] = {0xcd, VEC_DONE};
    memcpy(one + 0x40, done, 2);
    wrong = 0;
    for (u32 i = 0; i < ROUNDS; ++i) {
        at = one;
        EMIT(at, 0xc7, 0x05, BYTES4((u32)one + 11), 0x40, 0x40, 0x40, 0x40, 0x90);  // movl: four inc %eax
        EMIT(at, 0x48, 0x48, 0x48, 0x48, 0xcd, VEC_DONE);
        struct context d = kernel_context(one);
        const struct trap u = run(&d);
        wrong += u.at.eax != 4;
    }
    check(!wrong, "four instructions at once");
}

static void push_and_friends(void) {
    // push, call, xchg, lock add, cmpxchg8b, fstp: each is a store too.
    u32 wrong = 0;
    for (u32 i = 0; i < ROUNDS; ++i) {
        write_function(one, 0);
        call(one);
        asm volatile("mov %%esp, %%ecx\n lea 5(%0), %%esp\n push %1\n mov %%ecx, %%esp" ::"r"(one), "r"(i) : "ecx", "memory");
        wrong += call(one) != i;
        asm volatile("lock addl $3, 1(%0)" ::"r"(one) : "memory");
        wrong += call(one) != i + 3;
        u32 v = i * 2;
        asm volatile("xchg %0, 1(%1)" : "+r"(v) : "r"(one) : "memory");
        wrong += call(one) != i * 2;
        asm volatile("shll $1, 1(%0)" ::"r"(one) : "memory");
        wrong += call(one) != i * 4;
        asm volatile("btsl $31, 1(%0)" ::"r"(one) : "memory");
        wrong += call(one) != (i * 4 | 1u << 31);
        const u32 low = i * 5;
        asm volatile("fildl %0\n fistpl 1(%1)" ::"m"(low), "r"(one) : "memory");
        wrong += call(one) != i * 5;
        asm volatile("fildl %0\n fstps %0\n" ::"m"(low) : "memory");
        u64 old = *(u64*)one, now = (old & ~0xffffffff00ull) | (u64)(i * 6) << 8;
        asm volatile("lock cmpxchg8b (%2)" : "+A"(old) : "b"((u32)now), "S"(one), "c"((u32)(now >> 32)) : "memory");
        wrong += call(one) != i * 6;
    }
    check(!wrong, "by push, lock add, xchg, shl, bts, fistp, cmpxchg8b");
}

// Another linear address of the same frame.
static void alias(void) {
    *pte(directory, WINDOW) = (u32)one | PTE_USER;
    *pte(directory, WINDOW + PAGE) = (u32)one | PTE_USER;
    invlpg(WINDOW);
    invlpg(WINDOW + PAGE);
    u32 wrong = 0;
    for (u32 i = 0; i < ROUNDS; ++i) {
        write_function((u8*)WINDOW + PAGE, i);
        wrong += call((u8*)WINDOW) != i;
        wrong += call((u8*)WINDOW + PAGE) != i;
        wrong += call(one) != i;
        write_function((u8*)WINDOW, i + 7);
        wrong += call((u8*)WINDOW + PAGE) != i + 7;
        wrong += call(one) != i + 7;
    }
    check(!wrong, "through an alias mapping");
    // The code patches what comes next through the other address.
    for (u32 i = 0; i < ROUNDS; ++i) {
        u8* at = one;
        EMIT(at, 0xc6, 0x05, BYTES4(WINDOW + PAGE + 8), (u8)i);
        EMIT(at, 0xb8, 0xee, 0, 0, 0);
        EMIT(at, 0xcd, VEC_DONE);
        wrong += eax_after((u8*)WINDOW, i & 1) != i;
    }
    check(!wrong, "the next instruction through an alias mapping");
}

static void across_pages(void) {
    *pte(directory, WINDOW) = (u32)one | PTE_USER;
    *pte(directory, WINDOW + PAGE) = (u32)two | PTE_USER;
    invlpg(WINDOW);
    invlpg(WINDOW + PAGE);
    u8* const code = (u8*)WINDOW + PAGE;
    u32 wrong = 0;
    for (u32 split = 1; split < 5; ++split) {
        write_function(code - split, 0x11223344);
        wrong += call(code - split) != 0x11223344;
        for (u32 i = 0; i < ROUNDS; ++i) {
            code[-1] = split == 1 ? 0xb8 : (u8)i;
            code[0] = (u8)(i * 3);
            const u32 shift = (split - 1) * 8;
            u32 want = 0x11223344;
            if (split > 1) want = (want & ~(0xffu << (shift - 8))) | (u32)(u8)i << (shift - 8);
            want = (want & ~(0xffu << shift)) | (u32)(u8)(i * 3) << shift;
            wrong += call(code - split) != want;
        }
    }
    check(!wrong, "an instruction across two pages, either changed");
    // The second page mapped elsewhere, with the same first half.
    u8* three = new_page();
    write_function(code - 3, 0x11223344);
    memcpy(three, two, 16);
    three[0] = 0x99;
    wrong = 0;
    for (u32 i = 0; i < ROUNDS; ++i) {
        *pte(directory, WINDOW + PAGE) = (u32)(i & 1 ? three : two) | PTE_USER;
        invlpg(WINDOW + PAGE);
        wrong += call(code - 3) != (i & 1 ? 0x11993344 : 0x11223344);
    }
    check(!wrong, "an instruction across two pages, the second remapped");
    // A block that runs on into the second page.
    *pte(directory, WINDOW + PAGE) = (u32)two | PTE_USER;
    invlpg(WINDOW + PAGE);
    memset(code - 8, 0x90, 16);
    write_function(code + 8, 5);
    three[8] = 0;
    memset(three, 0x90, 8);
    write_function(three + 8, 6);
    for (u32 i = 0; i < ROUNDS; ++i) {
        *pte(directory, WINDOW + PAGE) = (u32)(i & 1 ? three : two) | PTE_USER;
        invlpg(WINDOW + PAGE);
        wrong += call(code - 8) != (i & 1 ? 6u : 5u);
    }
    check(!wrong, "a block that runs on into a remapped page");
    write_function(two + 8, 8);
    *pte(directory, WINDOW + PAGE) = (u32)two | PTE_USER;
    invlpg(WINDOW + PAGE);
    wrong += call(code - 8) != 8;
    check(!wrong, "and into a changed one");
}

static void remapping(void) {
    u32* other = new_directory();
    write_function(one, 111);
    write_function(two, 222);
    u32 wrong = 0;
    for (u32 i = 0; i < ROUNDS; ++i) {
        *pte(directory, WINDOW) = (u32)(i & 1 ? one : two) | PTE_USER;
        invlpg(WINDOW);
        wrong += call((u8*)WINDOW) != (i & 1 ? 111u : 222u);
    }
    check(!wrong, "a code page remapped, invlpg");
    for (u32 i = 0; i < ROUNDS; ++i) {
        *pte(directory, WINDOW) = (u32)(i & 1 ? one : two) | PTE_USER;
        set_cr3(get_cr3());
        wrong += call((u8*)WINDOW) != (i & 1 ? 111u : 222u);
    }
    check(!wrong, "a code page remapped, CR3 load");
    *pte(directory, WINDOW) = (u32)one | PTE_USER;
    *pte(other, WINDOW) = (u32)two | PTE_USER;
    for (u32 i = 0; i < ROUNDS; ++i) {
        set_cr3((u32)(i & 1 ? directory : other));
        wrong += call((u8*)WINDOW) != (i & 1 ? 111u : 222u);
    }
    check(!wrong, "two address spaces with different code");
    // Changed through one address space, run in the other.
    *pte(other, WINDOW) = (u32)one | PTE_USER;
    for (u32 i = 0; i < ROUNDS; ++i) {
        set_cr3((u32)(i & 1 ? directory : other));
        write_function((u8*)WINDOW, i);
        set_cr3((u32)(i & 1 ? other : directory));
        wrong += call((u8*)WINDOW) != i;
    }
    check(!wrong, "code changed in one address space, run in the other");
    // The block that is running changes its own page's mapping.
    SNIPPET(remap_self, "mov %ebx, (%esi)\n invlpg (%edi)\n call *%edi", "nop");
    set_cr3((u32)directory);
    for (u32 i = 0; i < ROUNDS; ++i) {
        struct context c = kernel_context(remap_self);
        c.ebx = (u32)(i & 1 ? one : two) | PTE_USER;
        c.esi = (u32)pte(directory, WINDOW);
        c.edi = WINDOW;
        write_function(one, 111);
        const struct trap t = run(&c);
        wrong += t.at.eax != (i & 1 ? 111u : 222u);
    }
    check(!wrong, "invlpg, then a call, in one piece of code");
    // The page under the running code is replaced: the instruction behind invlpg comes from the new frame.
    for (u32 i = 0; i < ROUNDS; ++i) {
        for (u32 k = 0; k < 2; ++k) {
            u8* at = k ? two : one;
            EMIT(at, 0x89, 0x1e);        // mov %ebx, (%esi)
            EMIT(at, 0x0f, 0x01, 0x3f);  // invlpg (%edi)
            EMIT(at, 0xb8, (u8)k, 0, 0, 0, 0xcd, VEC_DONE);
        }
        *pte(directory, WINDOW) = (u32)one | PTE_USER;
        invlpg(WINDOW);
        struct context c = kernel_context((u8*)WINDOW);
        c.ebx = (u32)two | PTE_USER;
        c.esi = (u32)pte(directory, WINDOW);
        c.edi = WINDOW;
        const struct trap t = run(&c);
        wrong += t.at.eax != 1;
    }
    check(!wrong, "the page under the running code replaced, invlpg");
}

static void middle_of_an_instruction(void) {
    u8* at = one;
    EMIT(at, 0xb8, 0x40, 0x40, 0x40, 0xc3);  // mov $0xc3404040, %eax; from its second byte: inc, inc, inc, ret
    EMIT(at, 0xc3);
    u32 wrong = 0;
    for (u32 i = 0; i < ROUNDS; ++i) {
        wrong += call(one) != 0xc3404040;
        for (u32 k = 1; k < 4; ++k) {
            u32 r;
            asm volatile("call *%1" : "=a"(r) : "r"(one + k), "a"(10) : "memory");
            wrong += r != 14 - k;
        }
    }
    check(!wrong, "jumps into the middle of an instruction");
    for (u32 i = 0; i < ROUNDS; ++i) {
        one[2] = i & 1 ? 0x48 : 0x40;
        u32 r;
        asm volatile("call *%1" : "=a"(r) : "r"(one + 1), "a"(10) : "memory");
        wrong += r != (i & 1 ? 11u : 13u);
        wrong += call(one) != (i & 1 ? 0xc3404840 : 0xc3404040);
    }
    check(!wrong, "and both readings see a change");
    // A jump over a prefix: `lock` or not.
    at = one;
    EMIT(at, 0x66, 0xb8, 0x34, 0x12, 0xc3, 0xc3, 0xc3);  // mov $0x1234, %ax; ret -- or mov $0xc3c31234, %eax
    for (u32 i = 0; i < ROUNDS; ++i) {
        u32 r;
        asm volatile("call *%1" : "=a"(r) : "r"(one), "a"(0x77770000) : "memory");
        wrong += r != 0x77771234;
        wrong += call(one + 1) != 0xc3c31234;
        one[6] = 0xc3;
    }
    check(!wrong, "over a prefix");
}

static void on_the_stack(void) {
    u32 wrong = 0;
    for (u32 i = 0; i < ROUNDS; ++i) {
        struct context c = i & 1 ? user_context(0) : kernel_context(0);
        u8* const code = (u8*)c.esp - 32;
        u8* at = code;
        EMIT(at, 0xb8, BYTES4(i * 0x10001));
        EMIT(at, 0x50);        // push %eax, close to the code
        EMIT(at, 0x5b);        // pop %ebx
        EMIT(at, 0xcd, VEC_DONE);
        c.eip = (u32)code;
        c.esp = (u32)code;
        const struct trap t = run(&c);
        wrong += t.vector != VEC_DONE || t.at.ebx != i * 0x10001;
    }
    check(!wrong, "code on the stack");
    // A push onto the code that is running.
    for (u32 i = 0; i < ROUNDS; ++i) {
        u8* at = one;
        EMIT(at, 0x68, 0x40, 0x40, 0x40, 0x40);  // push $0x40404040, onto one+8
        EMIT(at, 0x90, 0x90, 0x90);
        EMIT(at, 0x48, 0x48, 0x48, 0x48);
        EMIT(at, 0xcd, VEC_DONE);
        struct context c = user_context(one);
        c.esp = (u32)one + 12;
        const struct trap t = run(&c);
        wrong += t.vector != VEC_DONE || t.at.eax != 4;
    }
    check(!wrong, "a push over the code that comes next");
    // A call whose return address is code.
    for (u32 i = 0; i < ROUNDS; ++i) {
        u8* at = one;
        EMIT(at, 0xe8, 3, 0, 0, 0);   // call one+8: pushes one+5 over one+8
        EMIT(at, 0xcd, VEC_DONE, 0x90);
        EMIT(at, 0x48, 0x48, 0x48, 0x48, 0x48, 0xcd, VEC_DONE);
        struct context c = user_context(one);
        c.esp = (u32)one + 12;
        const struct trap t = run(&c);
        // The address one+5 runs now: 05 and three bytes of it, add $imm32, %eax, its last byte the fifth 48.
        wrong += t.vector != VEC_DONE || t.at.eax != ((u32)one >> 8 | 0x48000000);
    }
    check(!wrong, "a call that pushes its return address over its target");
}

// Page protection and code: write-protected by the guest itself, then made writable.
static void protected_code(void) {
    u32 wrong = 0;
    SNIPPET(store, "nop", "movl %eax, 1(%ebx)");
    for (u32 i = 0; i < ROUNDS; ++i) {
        write_function(one, 1);
        *pte(directory, WINDOW) = (u32)one | PTE_P | PTE_U;
        invlpg(WINDOW);
        wrong += call((u8*)WINDOW) != 1;
        struct context c = user_context(store);
        c.ebx = WINDOW;
        c.eax = i + 10;
        struct trap t = run(&c);
        wrong += t.vector != VEC_PF || t.error != (ERR_P | ERR_W | ERR_U);
        wrong += call((u8*)WINDOW) != 1;
        *pte(directory, WINDOW) |= PTE_W;
        invlpg(WINDOW);
        t = run(&c);
        wrong += t.vector != VEC_DONE;
        wrong += call((u8*)WINDOW) != i + 10;
    }
    check(!wrong, "code in a page that the guest protects and opens");
}

// A loop that an inner function changes: chains and return addresses must not keep the old code.
static void patched_callee(void) {
    u8* at = one;
    EMIT(at, 0xb9, 200, 0, 0, 0);                       // mov $200, %ecx
    EMIT(at, 0x31, 0xc0);                               // xor %eax, %eax
    u8* const loop = at;
    EMIT(at, 0xe8, BYTES4((u32)two - ((u32)at + 5)));   // call two
    EMIT(at, 0x49, 0x75, (u8)(loop - (at + 3)));        // dec %ecx; jnz loop
    EMIT(at, 0xcd, VEC_DONE);
    at = two;
    EMIT(at, 0x05, 1, 0, 0, 0);                         // add $1, %eax
    EMIT(at, 0x80, 0x35, BYTES4((u32)two + 1), 3);      // xorb $3, two+1: 1, 2, 1, 2, ...
    EMIT(at, 0xc3);
    check_equal(eax_after(one, false), 300, "a callee that changes itself on each call");
    // A function that changes its caller behind the call.
    at = one;
    EMIT(at, 0x31, 0xc0);
    EMIT(at, 0xb9, 50, 0, 0, 0);
    u8* const again = at;
    EMIT(at, 0xe8, BYTES4((u32)two - ((u32)at + 5)));
    u8* const patched = at;
    EMIT(at, 0x05, 0, 0, 0, 0);                         // add $0, %eax: counts up
    EMIT(at, 0x49, 0x75, (u8)(again - (at + 3)));
    EMIT(at, 0xcd, VEC_DONE);
    at = two;
    EMIT(at, 0xfe, 0x05, BYTES4((u32)patched + 1), 0xc3);
    check_equal(eax_after(one, true), 50 * 51 / 2, "a callee that changes what its caller does next");
}

// An immediate that is patched again and again, in each kind of instruction that has one of four bytes; then another
// byte of the instruction, and back.
static void patched_immediates(bool user) {
    static const struct {
        const char* name;
        u8 code[3], length;
    } kinds[] = {
        {"mov", {0xb8}, 1},          {"add", {0x05}, 1},         {"or", {0x0d}, 1},
        {"adc", {0x15}, 1},          {"sbb", {0x1d}, 1},         {"and", {0x25}, 1},
        {"sub", {0x2d}, 1},          {"xor", {0x35}, 1},         {"cmp", {0x3d}, 1},
        {"test", {0xa9}, 1},         {"push", {0x68}, 1},        {"mov memory", {0xc7, 0x03}, 2},
        {"add memory", {0x81, 0x03}, 2}, {"cmp memory", {0x81, 0x3b}, 2}, {"imul", {0x69, 0xc0}, 2},
        {"mov esi", {0xc7, 0xc6}, 2},
    };
    for (u32 k = 0; k < sizeof kinds / sizeof *kinds; ++k) {
        u32 wrong = 0;
        for (u32 i = 0; i < 60; ++i) {
            const u32 immediate = i * 0x9e3779b9u;
            // What was executed there often, and the same bytes where nothing was executed before.
            u8* at = one + 0x40;
            if (i == 0) {
                EMIT(at, 0xf9);  // stc
                emit(&at, kinds[k].code, kinds[k].length);
                EMIT(at, BYTES4(0), 0xcd, VEC_DONE);
            }
            u8* const patched = one + 0x41 + kinds[k].length;
            if (i % 7 == 6)
                for (u32 b = 0; b < 4; ++b) ((volatile u8*)patched)[b] = (u8)(immediate >> b * 8);
            else
                *(volatile u32*)patched = immediate;
            u8* fresh = two + i * 0x20;
            memcpy(fresh, one + 0x40, 0x20);
            struct context c = user ? user_context(one + 0x40) : kernel_context(one + 0x40);
            u32 memory = 0x12345678;
            c.eax = 0x10203040;
            c.ebx = (u32)&memory;
            const struct trap a = run(&c);
            const u32 memory_a = memory;
            memory = 0x12345678;
            c.eip = (u32)fresh;
            const struct trap b = run(&c);
            wrong += a.vector != VEC_DONE || a.at.eax != b.at.eax || a.at.esi != b.at.esi || a.at.esp != b.at.esp || a.at.eflags != b.at.eflags || memory_a != memory;
            if (k == 0) wrong += a.at.eax != immediate;
            if (k == 10 && !user) wrong += *(u32*)a.at.esp != immediate && a.at.esp > 64;
        }
        check(!wrong, "patched immediate of %s, %s", kinds[k].name, user ? "user" : "kernel");
    }
    // Neither may the rest of the instruction be forgotten, nor a store that meets both parts.
    u32 wrong = 0;
    write_function(one, 0);
    for (u32 i = 0; i < 40; ++i) {
        *(volatile u32*)(one + 1) = i;
        wrong += call(one) != i;
        if (i % 10 != 9) continue;
        *(volatile u16*)one = (u16)(0xb9 | (i + 1) << 8);  // mov to ecx, and another immediate
        u32 r, ecx;
        asm volatile("call *%2" : "=a"(r), "=c"(ecx) : "r"(one), "a"(0x1234) : "edx", "memory");
        wrong += r != 0x1234 || ecx != i + 1;
        *(volatile u8*)one = 0xb8;
        wrong += call(one) != i + 1;
    }
    check(!wrong, "a patched immediate, then the opcode");
    // Stored through another mapping's eyes: by a string instruction, and by an instruction of several bytes more.
    for (u32 i = 0; i < 40; ++i) {
        const u32 value = i * 0x01010101u;
        const void* s = &value;
        void* d = one + 1;
        u32 n = 4;
        asm volatile("rep movsb" : "+S"(s), "+D"(d), "+c"(n)::"memory");
        wrong += call(one) != value;
    }
    check(!wrong, "a patched immediate, by rep movsb");
}

// The instruction behind MOV SS, which a translator may leave to an interpreter with a memory of its own.
static void patched_in_a_shadow(void) {
    u8* at = one;
    EMIT(at, 0x8c, 0xd0, 0x8e, 0xd0);          // mov %ss, %eax; mov %eax, %ss
    EMIT(at, 0xb8, BYTES4(0), 0xcd, VEC_DONE);  // mov $?, %eax
    u32 wrong = 0;
    for (u32 i = 0; i < 60; ++i) {
        *(volatile u32*)(one + 5) = i;
        *(volatile u32*)(one + 0x80) = i;
        wrong += eax_after(one, false) != i;
    }
    check(!wrong, "a patched immediate behind mov ss");
}

// A patched immediate of a store that faults: what is stored once the page is there is what was patched last.
static void patched_immediate_of_a_fault(void) {
    u8* at = one;
    EMIT(at, 0xc7, 0x03, BYTES4(0), 0xcd, VEC_DONE);  // movl $?, (%ebx)
    u32 wrong = 0;
    for (u32 i = 0; i < 40; ++i) {
        *(volatile u32*)(one + 2) = i + 5;
        *pte(directory, WINDOW + PAGE) = i & 1 ? (u32)two | PTE_USER : 0;
        invlpg(WINDOW + PAGE);
        struct context c = user_context(one);
        c.ebx = WINDOW + PAGE;
        struct trap t = run(&c);
        if (i & 1) {
            wrong += t.vector != VEC_DONE || *(u32*)two != i + 5;
            continue;
        }
        wrong += t.vector != VEC_PF || t.at.eip != (u32)one || t.cr2 != WINDOW + PAGE;
        *(volatile u32*)(one + 2) = i + 500;
        *pte(directory, WINDOW + PAGE) = (u32)two | PTE_USER;
        t = run(&t.at);
        wrong += t.vector != VEC_DONE || *(u32*)two != i + 500;
    }
    check(!wrong, "a patched immediate of a store that faults");
    *pte(directory, WINDOW + PAGE) = 0;
    invlpg(WINDOW + PAGE);
}

// Through an alias, and data of every size right before and right behind code.
static void patched_through_an_alias(void) {
    *pte(directory, WINDOW) = (u32)one | PTE_USER;
    invlpg(WINDOW);
    u32 wrong = 0;
    write_function(one, 0);
    for (u32 i = 0; i < 60; ++i) {
        *(volatile u32*)(WINDOW + 1) = i;
        wrong += call(one) != i;
        wrong += call((u8*)WINDOW) != i;
        if (i % 20 == 19) {
            *(volatile u8*)WINDOW = 0xb9;
            u32 r;
            asm volatile("call *%1" : "=a"(r) : "r"(one), "a"(0x4321) : "ecx", "edx", "memory");
            wrong += r != 0x4321;
            *(volatile u8*)WINDOW = 0xb8;
        }
    }
    check(!wrong, "an immediate patched through an alias");
    write_function(one + 0x100, 99);
    for (u32 i = 0; i < 200; ++i) {
        *(volatile u32*)(one + 0xfc) = i;
        *(volatile u16*)(one + 0x106) = (u16)i;
        *(volatile u8*)(one + 0x108) = (u8)i;
        ++*(volatile u32*)(one + 0xf8);
        asm volatile("lock xaddl %0, (%1)\n lock incl 4(%1)" : : "r"(1), "r"(one + 0x200) : "memory", "cc");
        wrong += call(one + 0x100) != 99 || *(u32*)(one + 0xfc) != i || *(u16*)(one + 0x106) != (u16)i || one[0x108] != (u8)i;
        if (i % 50 == 49) {
            *(volatile u32*)(one + 0xfe) = 0xfab80000;  // two bytes of data, the opcode as it is, and an immediate
            wrong += call(one + 0x100) != 0xfa;
            *(volatile u8*)(one + 0x101) = 99;
        }
    }
    check(!wrong && *(u32*)(one + 0xf8) >= 200, "data right before and behind code");
    *pte(directory, WINDOW) = 0;
    invlpg(WINDOW);
}

int main(void) {
    asm volatile("fninit");
    directory = new_directory();
    one = new_page();
    two = new_page();
    for (u32 paged = 0; paged < 2; ++paged) {
        if (paged) paging_on(directory);
        print("# paging %s\n", paged ? "on" : "off");
        next_instruction(false);
        next_instruction(true);
        earlier_in_the_block();
        another_page();
        by_string_instructions();
        push_and_friends();
        middle_of_an_instruction();
        on_the_stack();
        patched_callee();
        patched_immediates(false);
        patched_immediates(true);
    }
    patched_in_a_shadow();
    patched_immediate_of_a_fault();
    patched_through_an_alias();
    alias();
    across_pages();
    remapping();
    protected_code();
    return 0;
}
