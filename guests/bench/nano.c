// What single operations cost, in cycles of the time-stamp counter: the median of many timings of a loop around the
// operation, loop included ("empty loop" is what that costs). Runs unchanged on any machine; bench/nano is its runner.
#include "measure.h"
#include "paging.h"
#include "trap.h"

#define WINDOW 0x40000000u
#define ENTRIES 64u
#define ENTRIES_AT (WINDOW + 128 * PAGE)
#define TASK_PRIORITY 0xfee00080u  // of the local APIC; where there is none, device memory that nobody answers for

// --- ring 3 -------------------------------------------------------------------------------------------------
// Operations of user mode run there, n in ECX, the address they use in EBX; `int $0x51` returns here.

static u32 user_argument;

#define USER_LOOP(name, before, body)                                                            \
    extern const u8 name##_code[];                                                               \
    asm(".pushsection .text.snippets, \"ax\"\n" #name "_code:\n" before "\n1:" body              \
        "\n dec %ecx\n jnz 1b\n int $0x51\n.popsection");                                        \
    static void name(u32 n) { run_in_user(name##_code, n); }

// A bare world switch: run() of trap.h does too much for timing.
extern u32 bench_stack;
void enter_user(const void* code, u32 n, u32 argument);
asm(".text\nenter_user: pushal\n mov %esp, bench_stack\n mov 36(%esp), %eax\n mov 40(%esp), %ecx\n mov 44(%esp), %ebx\n"
    " mov $0x23, %edx\n mov %edx, %ds\n mov %edx, %es\n"
    " pushl $0x23\n pushl $user_snippet_stack + 4096\n pushl $2\n pushl $0x1b\n pushl %eax\n iretl\n"
    "leave_user: mov $0x10, %eax\n mov %eax, %ds\n mov %eax, %es\n mov bench_stack, %esp\n popal\n ret\n"
    "just_iret: iretl\n"
    "sysexit_back: mov %ecx, %edi\n mov %esi, %ecx\n mov %ebp, %edx\n sysexit\n"
    ".bss\n .balign 4\nbench_stack: .space 4\n .text\n");
extern const u8 leave_user[], just_iret[], sysexit_back[], page_fault_back[], divide_back[];

static void run_in_user(const void* code, u32 n) { enter_user(code, n, user_argument); }

USER_LOOP(empty_loop, "", "")
USER_LOOP(interrupt_and_return, "", "int $0x80")
// The counter goes through EDI, since SYSEXIT takes ECX and EDX.
extern const u8 fast_call_code[];
asm(".pushsection .text.snippets, \"ax\"\nfast_call_code: mov %esp, %esi\n mov $2f, %ebp\n1: sysenter\n2: mov %edi, %ecx\n dec %ecx\n jnz 1b\n int $0x51\n.popsection");
static void fast_call(u32 n) { run_in_user(fast_call_code, n); }
USER_LOOP(call_and_return, "jmp 1f\n9: ret\n", "call 9b")
USER_LOOP(indirect_call, "mov $9f, %edx\n jmp 1f\n9: ret\n", "call *%edx")
USER_LOOP(recursion, "jmp 1f\n8: cmp $2, %eax\n jb 7f\n push %eax\n dec %eax\n call 8b\n pop %eax\n sub $2, %eax\n js 7f\n call 8b\n7: ret\n", "mov $8, %eax\n call 8b")
USER_LOOP(load_ds, "mov %ds, %eax", "mov %eax, %ds")
USER_LOOP(flags_out_and_in, "", "pushfl\n popfl")
USER_LOOP(divide_by_zero, "xor %edi, %edi", "div %edi")
USER_LOOP(page_fault, "", "mov (%ebx), %eax")
USER_LOOP(privileged_instruction, "", "rdmsr")
USER_LOOP(undefined_instruction, "", "ud2")
USER_LOOP(load_loop, "", "mov (%ebx), %eax\n mov 4(%ebx), %edx")
USER_LOOP(store_loop, "", "mov %eax, (%ebx)\n mov %edx, 4(%ebx)")
asm(".text\npage_fault_back: add $4, %esp\n addl $2, (%esp)\n iretl\n"  // behind the two bytes of the load
    "divide_back: addl $2, (%esp)\n iretl\n");

// --- ring 0 -------------------------------------------------------------------------------------------------

#define KERNEL_LOOP(name, text, ...)                                                 \
    static void name(u32 n) {                                                        \
        asm volatile("1:" text "\n dec %0\n jnz 1b" : "+c"(n) : __VA_ARGS__ : "eax", "edx", "memory"); \
    }

static u32* entry;        // the page-table entry of WINDOW
static u32 entry_value;
static u32 spaces[2];     // roots of address spaces

KERNEL_LOOP(empty_kernel_loop, "")
KERNEL_LOOP(read_port, "in $0x80, %%al")
KERNEL_LOOP(disable_enable, "pushfl\n cli\n popfl")
KERNEL_LOOP(store_entry, "mov %2, (%1)", "b"(entry), "S"(entry_value))
KERNEL_LOOP(store_entry_and_touch, "mov %2, (%1)\n invlpg (%3)\n mov (%3), %%eax", "b"(entry), "S"(entry_value), "D"(WINDOW))
KERNEL_LOOP(device_store, "mov %%al, (%1)", "b"(0xb8000))
KERNEL_LOOP(task_priority_store, "mov %%edx, (%1)", "b"(TASK_PRIORITY))
KERNEL_LOOP(far_segment_load, "mov %1, %%es", "b"(SEL_KDATA))
KERNEL_LOOP(read_cr0, "mov %%cr0, %%eax")
KERNEL_LOOP(task_switched_flag, "mov %%cr0, %%eax\n or $8, %%eax\n mov %%eax, %%cr0\n clts")
KERNEL_LOOP(time_stamp, "rdtsc")
KERNEL_LOOP(identify, "push %%ebx\n push %%ecx\n xor %%eax, %%eax\n cpuid\n pop %%ecx\n pop %%ebx")

static void reload_and_touch(u32 n) {
    for (; n; --n) {
        set_cr3(spaces[n & 1]);
        for (u32 page = 0; page < 8; ++page) *(volatile u8*)(WINDOW + page * PAGE);
    }
}
static void reload_only(u32 n) {
    for (; n; --n) set_cr3(spaces[n & 1]);
}

// Stores to entries of pages that are otherwise in use, each once in a timing.
static u32* entries;

static void make_present(void) {
    for (u32 i = 0; i < ENTRIES; ++i) {
        entries[i] = entry_value;
        *(volatile u8*)(ENTRIES_AT + i * PAGE);
    }
}
static void make_absent(void) {
    for (u32 i = 0; i < ENTRIES; ++i) {
        entries[i] = 0;
        invlpg(ENTRIES_AT + i * PAGE);
    }
}
static void present_to_absent(u32 n) {
    for (u32 i = 0; i < n; ++i) ((volatile u32*)entries)[i] = 0;
}
static void absent_to_present(u32 n) {
    for (u32 i = 0; i < n; ++i) ((volatile u32*)entries)[i] = entry_value;
}
static void absent_to_present_touched(u32 n) {
    for (u32 i = 0; i < n; ++i) {
        ((volatile u32*)entries)[i] = entry_value;
        *(volatile u8*)(ENTRIES_AT + i * PAGE);
    }
}

// --- strings ------------------------------------------------------------------------------------------------

static u8 from[(1 << 20) + PAGE], to[(1 << 20) + PAGE];  // all zero
static u32 bytes;

// Across pages that begin at different places in both.
#define STRING_LOOP(name, text, elements, value)                                                              \
    static void name(u32 n) {                                                                                 \
        for (; n; --n) {                                                                                      \
            u32 count = elements;                                                                             \
            u8 *s = from + 0x230, *d = to + 0x460;                                                            \
            asm volatile(text : "+c"(count), "+S"(s), "+D"(d) : "a"(value) : "memory", "cc");                 \
        }                                                                                                     \
    }

STRING_LOOP(copy, "rep movsl", bytes / 4, 0)
STRING_LOOP(clear, "rep stosl", bytes / 4, 0)
STRING_LOOP(find, "repne scasb", bytes, 1)
STRING_LOOP(compare, "repe cmpsb", bytes, 0)

static void strings(void) {
    static const struct {
        const char* name;
        void (*operation)(u32);
        u32 bytes, repeat;
    } rows[] = {
        {"rep movsl, 16 bytes", copy, 16, 500},       {"rep movsl, 4 KiB", copy, 4096, 20},
        {"rep movsl, 1 MiB", copy, 1 << 20, 1},       {"rep stosl, 16 bytes", clear, 16, 500},
        {"rep stosl, 4 KiB", clear, 4096, 20},        {"rep stosl, 1 MiB", clear, 1 << 20, 1},
        {"repne scasb, 16 bytes", find, 16, 500},     {"repne scasb, 4 KiB", find, 4096, 10},
        {"repe cmpsb, 16 bytes", compare, 16, 500},   {"repe cmpsb, 4 KiB", compare, 4096, 10},
    };
    for (u32 i = 0; i < sizeof rows / sizeof rows[0]; ++i) {
        bytes = rows[i].bytes;
        measure(rows[i].name, rows[i].operation, rows[i].repeat, 20);
    }
}

// --- code that changes --------------------------------------------------------------------------------------

static u8* patched;
static void patch_and_call(u32 n) {
    for (; n; --n) {
        *(volatile u32*)(patched + 1) = n;
        u32 r;
        asm volatile("call *%1" : "=a"(r) : "r"(patched) : "memory");
        if (r != n) give_up("patched code returned %x where %x was due", r, n);
    }
}

static void in_user_mode(void) {
    set_idt_gate(0x51, SEL_KCODE, leave_user, ATTR_INT32 | ATTR_DPL(3));
    set_idt_gate(0x80, SEL_KCODE, just_iret, ATTR_INT32 | ATTR_DPL(3));
    set_idt_gate(VEC_PF, SEL_KCODE, page_fault_back, ATTR_INT32);
    set_idt_gate(VEC_GP, SEL_KCODE, page_fault_back, ATTR_INT32);
    set_idt_gate(VEC_DE, SEL_KCODE, divide_back, ATTR_INT32);
    set_idt_gate(VEC_UD, SEL_KCODE, divide_back, ATTR_INT32);
    wrmsr(0x174, SEL_KCODE);
    wrmsr(0x175, main_tss.esp0);
    wrmsr(0x176, (u32)sysexit_back);
    user_argument = WINDOW;
    measure("empty loop, user", empty_loop, 1000, 20);
    measure("int 0x80 + iret", interrupt_and_return, 100, 20);
    measure("sysenter + sysexit", fast_call, 100, 20);
    measure("call + ret", call_and_return, 1000, 20);
    measure("indirect call + ret", indirect_call, 1000, 20);
    measure("recursion, 67 calls", recursion, 100, 20);
    measure("load, 2 words", load_loop, 1000, 20);
    measure("store, 2 words", store_loop, 1000, 20);
    measure("mov ds", load_ds, 1000, 20);
    measure("pushf + popf, user", flags_out_and_in, 1000, 20);
    measure("divide by zero", divide_by_zero, 100, 20);
    user_argument = WINDOW + 64 * PAGE;
    measure("page fault", page_fault, 100, 20);
    measure("privileged instruction, user", privileged_instruction, 100, 20);
    measure("undefined instruction", undefined_instruction, 100, 20);
}

static void in_kernel_mode(void) {
    measure("empty loop, kernel", empty_kernel_loop, 1000, 20);
    measure("in 0x80", read_port, 100, 20);
    measure("pushf + cli + popf", disable_enable, 1000, 20);
    measure("mov es", far_segment_load, 1000, 20);
    measure("mov from cr0", read_cr0, 1000, 20);
    measure("set and clear TS", task_switched_flag, 100, 20);
    measure("rdtsc", time_stamp, 1000, 20);
    measure("cpuid", identify, 100, 20);
    measure("store of an unchanged page-table entry", store_entry, 100, 20);
    measure("store of an entry, invlpg, touch", store_entry_and_touch, 100, 20);
    make_absent();
    make_present();
    measure_after("store of an entry, present to not present", make_present, present_to_absent, ENTRIES, 20);
    measure_after("store of an entry, not present to present", make_absent, absent_to_present, ENTRIES, 20);
    measure_after("the same, then a touch", make_absent, absent_to_present_touched, ENTRIES, 20);
    measure("mov cr3", reload_only, 100, 20);
    measure("mov cr3, 8 touches", reload_and_touch, 100, 20);
    measure("device memory store", device_store, 100, 20);
    measure("APIC TPR store", task_priority_store, 100, 20);
    strings();
    measure("patch an instruction and call it", patch_and_call, 50, 20);
}

int main(void) {
    u32* directory = new_directory();
    u32* other = new_directory();
    for (u32 page = 0; page < 8; ++page) {
        const u32 frame = (u32)new_page();
        *pte(directory, WINDOW + page * PAGE) = frame | PTE_USER | PTE_A | PTE_D;
        *pte(other, WINDOW + page * PAGE) = frame | PTE_USER | PTE_A | PTE_D;
    }
    spaces[0] = (u32)directory;
    spaces[1] = (u32)other;
    entry = pte(directory, WINDOW);
    entry_value = *entry;
    entries = pte(directory, ENTRIES_AT);
    *pte(directory, TASK_PRIORITY) = (TASK_PRIORITY & -PAGE) | PTE_KERNEL | PTE_PCD | PTE_PWT | PTE_A | PTE_D;
    patched = new_page();
    patched[0] = 0xb8;
    patched[5] = 0xc3;
    paging_on(directory);
    in_user_mode();
    in_kernel_mode();
    check(true, "all measured");
    return 0;
}
