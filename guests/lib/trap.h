// Runs a piece of code at any privilege, with any registers, until it meets an exception or says that it is done;
// then tells what happened. This is how nearly all guest tests look at the CPU.
#pragma once

#include "descriptors.h"
#include "report.h"

enum {
    VEC_DE = 0, VEC_DB = 1, VEC_NMI = 2, VEC_BP = 3, VEC_OF = 4, VEC_BR = 5, VEC_UD = 6, VEC_NM = 7, VEC_DF = 8,
    VEC_TS = 10, VEC_NP = 11, VEC_SS = 12, VEC_GP = 13, VEC_PF = 14, VEC_MF = 16, VEC_AC = 17, VEC_XM = 19,
    VEC_IRQ = 0x20,   // where the tests put the interrupt controllers: 0x20 to 0x2f
    VEC_DONE = 0x50,  // a snippet's last instruction is `int $0x50`
};

// All registers of a piece of code. trap.S knows the offsets.
struct context {
    u32 eax, ecx, edx, ebx, ebp, esi, edi;
    u32 es, ds, fs, gs;
    u32 eip, cs, eflags, esp, ss;
};

struct trap {
    u32 vector;
    u32 error;  // 0 where the CPU pushes none
    u32 cr2;
    struct context at;  // the registers as the exception found them; eip is the pushed one
};

// What a trap stub leaves on the stack, for handlers that return. Segments of v86 follow.
struct frame {
    u32 gs, fs, es, ds;
    u32 edi, esi, ebp, unused, ebx, edx, ecx, eax;
    u32 vector, error;
    u32 eip, cs, eflags;
    u32 esp, ss;                          // only from an outer privilege
    u32 v86_es, v86_ds, v86_fs, v86_gs;   // only from v86
};

// Flat contexts; EFLAGS has no bit set but the one that always is.
struct context kernel_context(const void* code);
struct context user_context(const void* code);
// Real-mode style: code at cs:ip, all other segments equal to cs, sp at its top.
struct context v86_context(u16 cs, u16 ip);

struct trap run(const struct context* c);
struct trap run_kernel(const void* code);
struct trap run_user(const void* code);

// A function for one vector that gets the frame, may change it, and goes back to where it came from. Null: the
// exception ends run(), or the program if there was none.
typedef void handler(struct frame* f);
void set_handler(u8 vector, handler* h);

// Checks vector and error code, and that the pushed EIP is `eip` unless that is null.
void expect(const struct trap* t, u32 vector, u32 error, const void* eip, const char* name);
// The same for a snippet that should have run to its end.
void expect_done(const struct trap* t, const char* name);

// SNIPPET(name, before, at) makes three labels: name, name_at at the instruction that matters, and name_end at
// the `int` that ends it.
#define SNIPPET(name, before, at)                              \
    extern const u8 name[] __attribute__((unused)), name##_at[] __attribute__((unused)), \
        name##_end[] __attribute__((unused));                  \
    asm(".pushsection .text.snippets, \"ax\"\n" #name ":\n" before "\n" #name \
        "_at:\n" at "\n" #name "_end:\nint $0x50\n.popsection")

// The stacks of snippets, at the low end of which nothing is.
#define SNIPPET_STACK_BYTES 4096
extern u8 kernel_snippet_stack[SNIPPET_STACK_BYTES], user_snippet_stack[SNIPPET_STACK_BYTES];

// For descriptors.c.
const void* trap_stub(u8 vector);
extern const u8 double_fault_entry[];
