// Task switches by jmp, call, iret and interrupt: what is saved and loaded, busy bits, NT and the back link, CR3, the
// LDT, TS, the T bit, the 16-bit form, and every reason for which a switch does not happen.
#include "paging.h"
#include "trap.h"

#define FLAT (ATTR_32 | ATTR_PAGES)
#define TASK SEL_TEST
#define TASK_GATE (SEL_TEST + 8)
#define OTHER (SEL_TEST + 16)
#define ERR_EXT 1u
#define ERR_IDT 2u

static struct tss task_tss __attribute__((aligned(128)));
static u8 task_stack[2048] __attribute__((aligned(16)));

static bool busy(u16 selector) { return *descriptor(selector) >> 41 & 1; }

SNIPPET(jump, "mov $0x11, %ebx\n mov $0x22, %ecx", "ljmp $0x40, $0x99999999");
SNIPPET(call, "mov $0x11, %ebx\n mov $0x22, %ecx", "lcall $0x40, $0x99999999");
SNIPPET(jump_gate, "nop", "ljmp $0x48, $0x99999999");
SNIPPET(call_gate, "nop", "lcall $0x4b, $0x99999999");
SNIPPET(jump_user, "nop", "ljmp $0x43, $0");
SNIPPET(interrupt, "nop", "int $0x70");
SNIPPET(iret_nt, "pushfl\n orl $0x4000, (%esp)\n popfl", "iretl");
SNIPPET(in_task, "nop", "nop");
SNIPPET(in_task_iret, "inc %eax", "iretl\n inc %eax\n iretl");
SNIPPET(in_task_jump_back, "nop", "ljmp $0x28, $0");
SNIPPET(in_task_ud, "nop", "ud2");

SNIPPET(bad_load, "mov $0x1238, %eax", "mov %eax, %ds");
SNIPPET(look, "nop", "mov 0x40000000, %eax\n mov %cr3, %edx");
SNIPPET(look_ldt, "nop", "mov %gs:0, %eax\n sldt %edx");

// A task in ring 0 with recognizable registers.
static void make_task(const u8* code) {
    task_tss = (struct tss){.cr3 = double_fault_tss.cr3, .eip = (u32)code, .eflags = FLAG_ONE | FLAG_CF | FLAG_SF,
                            .eax = 1, .ecx = 2, .edx = 3, .ebx = 4, .esp = (u32)task_stack + sizeof task_stack,
                            .ebp = 6, .esi = 7, .edi = 8, .es = SEL_KDATA, .cs = SEL_KCODE, .ss = SEL_KDATA,
                            .ds = SEL_KDATA, .fs = SEL_UDATA, .gs = 0, .ldt = SEL_LDT, .io_map = 104,
                            .esp0 = main_tss.esp0, .ss0 = main_tss.ss0};
    set_segment(TASK, (u32)&task_tss, sizeof task_tss - 1, ATTR_TSS32);
    *descriptor(TASK_GATE) = make_gate(TASK, 0, ATTR_TASK_GATE | ATTR_DPL(3), 0);
}

// Back to the task that main() is.
static void back(void) {
    set_segment(TASK, (u32)&task_tss, sizeof task_tss - 1, ATTR_TSS32);
    reload_task();
    load_ldt(SEL_LDT);
    asm volatile("clts");
    main_tss.link = 0;
}

static u16 task_register(void) {
    u16 r;
    asm volatile("str %0" : "=r"(r));
    return r;
}

static void jumps(void) {
    make_task(in_task);
    main_tss.link = 0x7777;
    set_cr0(get_cr0() & ~CR0_TS);
    struct trap t = run_kernel(jump);
    expect_done(&t, "jmp to a TSS");
    check(task_register() == TASK, "jmp: tr");
    check(!busy(SEL_TSS) && busy(TASK), "jmp: the old task is free, the new one busy");
    check(get_cr0() & CR0_TS, "jmp: sets TS");
    check(t.at.eax == 1 && t.at.ecx == 2 && t.at.edx == 3 && t.at.ebx == 4 && t.at.ebp == 6 && t.at.esi == 7 && t.at.edi == 8, "jmp: registers come from the TSS");
    check(t.at.esp == (u32)task_stack + sizeof task_stack && t.at.fs == SEL_UDATA && t.at.gs == 0, "jmp: esp and segments too");
    check_equal(t.at.eflags, FLAG_ONE | FLAG_CF | FLAG_SF, "jmp: eflags, NT clear");
    check(main_tss.eip == (u32)jump_end && main_tss.ebx == 0x11 && main_tss.ecx == 0x22 && main_tss.cs == SEL_KCODE &&
              main_tss.esp == (u32)kernel_snippet_stack + SNIPPET_STACK_BYTES, "jmp: saves the old task");
    check(main_tss.link == 0x7777 && task_tss.link == 0, "jmp: no back link");
    back();
    make_task(in_task);
    t = run_kernel(jump_gate);
    expect_done(&t, "jmp through a task gate");
    check_equal(main_tss.eip, (u32)jump_gate_end, "jmp through a task gate: saved eip");
    back();
    make_task(in_task_jump_back);
    t = run_kernel(jump);
    expect_done(&t, "jmp there and jmp back");
    check(t.at.ebx == 0x11 && t.at.eip == (u32)jump_end + 2 && task_register() == SEL_TSS && !busy(TASK) && busy(SEL_TSS), "jmp back: as it was");
    check_equal(task_tss.eip, (u32)in_task_jump_back_end, "jmp back: saves the other");
    back();
}

static void calls(void) {
    make_task(in_task);
    struct trap t = run_kernel(call);
    expect_done(&t, "call to a TSS");
    check_equal(t.at.eflags, FLAG_ONE | FLAG_CF | FLAG_SF | FLAG_NT, "call: sets NT");
    check(busy(SEL_TSS) && busy(TASK), "call: both are busy");
    check_equal(task_tss.link & 0xffff, SEL_TSS, "call: back link");
    check(!(main_tss.eflags & FLAG_NT), "call: the old task's flags without NT");
    back();
    make_task(in_task_iret);
    t = run_kernel(call);
    expect_done(&t, "call and iret");
    check(t.at.eip == (u32)call_end + 2 && t.at.ebx == 0x11 && !(t.at.eflags & FLAG_NT), "call and iret: as it was");
    check(busy(SEL_TSS) && !busy(TASK) && task_register() == SEL_TSS, "call and iret: busy bits, tr");
    check(task_tss.eip == (u32)in_task_iret_at + 1 && task_tss.eax == 2, "call and iret: the other goes on behind its iret");
    check(!(task_tss.eflags & FLAG_NT), "iret: saves the flags with NT clear");
    t = run_kernel(call);
    check_equal(task_tss.eax, 3, "a second call goes on where the first ended");
    back();
    make_task(in_task_iret);
    t = run_user(call_gate);
    expect_done(&t, "call from ring 3 by a task gate of DPL 3");
    check(t.at.cs == SEL_UCODE && t.at.esp == (u32)user_snippet_stack + SNIPPET_STACK_BYTES && t.at.ds == SEL_UDATA, "call from ring 3 and back: as it was");
    check(task_tss.eax == 2, "call from ring 3: the task ran");
    back();
    // Into a task of ring 3.
    make_task(in_task);
    task_tss.cs = SEL_UCODE;
    task_tss.ss = task_tss.ds = task_tss.es = SEL_UDATA;
    t = run_kernel(call);
    expect_done(&t, "call to a task of ring 3");
    check(t.at.cs == SEL_UCODE && t.at.ds == SEL_UDATA, "call to a task of ring 3: segments");
    back();
}

static void interrupts(void) {
    make_task(in_task);
    idt[0x70] = make_gate(TASK, 0, ATTR_TASK_GATE | ATTR_DPL(3), 0);
    struct trap t = run_user(interrupt);
    expect_done(&t, "int through a task gate");
    check((t.at.eflags & FLAG_NT) && busy(SEL_TSS) && (task_tss.link & 0xffff) == SEL_TSS, "int: NT, busy, back link");
    check(main_tss.eip == (u32)interrupt_end && main_tss.cs == SEL_UCODE && main_tss.esp == (u32)user_snippet_stack + SNIPPET_STACK_BYTES, "int: saves where it came from");
    back();
    make_task(in_task_iret);
    t = run_user(interrupt);
    expect_done(&t, "int and iret");
    check(t.at.cs == SEL_UCODE && t.at.eip == (u32)interrupt_end + 2, "int and iret: as it was");
    back();
    // An exception with an error code puts it on the task's stack.
    make_task(in_task);
    idt[VEC_GP] = idt[0x70];
    t = run_kernel(bad_load);
    expect_done(&t, "#GP through a task gate");
    check(t.at.esp == (u32)task_stack + sizeof task_stack - 4 && *(u32*)t.at.esp == 0x1238, "#GP: the error code is on the task's stack");
    check_equal(main_tss.eip, (u32)bad_load_at, "#GP: the old task's eip is the faulting instruction");
    back();
    reset_idt_gate(VEC_GP);
    reset_idt_gate(0x70);
}

static void refusals(void) {
    static const struct {
        const char* name;
        u32 attributes, limit, vector, error;
    } cases[] = {
        {"busy", ATTR_TSS32_BUSY, 103, VEC_GP, TASK},
        {"absent", ATTR_TSS32 & ~ATTR_PRESENT, 103, VEC_NP, TASK},
        {"too short", ATTR_TSS32, 102, VEC_TS, TASK},
        {"an LDT", ATTR_LDT, 103, VEC_GP, TASK},
    };
    for (u32 i = 0; i < sizeof cases / sizeof *cases; ++i) {
        make_task(in_task);
        set_segment(TASK, (u32)&task_tss, cases[i].limit, cases[i].attributes);
        struct trap t = run_kernel(jump);
        expect(&t, cases[i].vector, cases[i].error, jump_at, named("jmp to a TSS: %s", cases[i].name));
        check(task_register() == SEL_TSS && busy(SEL_TSS), "jmp to a TSS: %s: nothing happened", cases[i].name);
        t = run_kernel(call);
        expect(&t, cases[i].vector, cases[i].error, call_at, named("call to a TSS: %s", cases[i].name));
        t = run_kernel(jump_gate);
        expect(&t, cases[i].vector, cases[i].error, jump_gate_at, named("jmp to a task gate, TSS %s", cases[i].name));
        idt[0x70] = make_gate(TASK, 0, ATTR_TASK_GATE | ATTR_DPL(3), 0);
        t = run_kernel(interrupt);
        expect(&t, cases[i].vector, cases[i].error, interrupt_at, named("int to a task gate, TSS %s", cases[i].name));
    }
    make_task(in_task);
    struct trap t = run_user(jump_user);
    expect(&t, VEC_GP, TASK, jump_user_at, "jmp to a TSS: DPL below CPL");
    *descriptor(TASK_GATE) = make_gate(TASK, 0, ATTR_TASK_GATE, 0);
    t = run_user(call_gate);
    expect(&t, VEC_GP, TASK_GATE, call_gate_at, "call to a task gate: DPL below CPL");
    *descriptor(TASK_GATE) = make_gate(TASK, 0, ATTR_TASK_GATE & ~ATTR_PRESENT, 0);
    t = run_kernel(jump_gate);
    expect(&t, VEC_NP, TASK_GATE, jump_gate_at, "jmp to a task gate: absent");
    *descriptor(TASK_GATE) = make_gate(0x400, 0, ATTR_TASK_GATE, 0);
    t = run_kernel(jump_gate);
    expect(&t, VEC_GP, 0x400, jump_gate_at, "jmp to a task gate: TSS past the GDT");
    *descriptor(TASK_GATE) = make_gate(TASK | 4, 0, ATTR_TASK_GATE, 0);
    t = run_kernel(jump_gate);
    expect(&t, VEC_GP, TASK | 4, jump_gate_at, "jmp to a task gate: TSS in the LDT");
    // iret with NT: the back link must name a busy TSS.
    main_tss.link = 0x400;
    t = run_kernel(iret_nt);
    expect(&t, VEC_TS, 0x400, iret_nt_at, "iret: back link past the GDT");
    main_tss.link = TASK;
    t = run_kernel(iret_nt);
    expect(&t, VEC_TS, TASK, iret_nt_at, "iret: back link to a free TSS");
    main_tss.link = SEL_KDATA;
    t = run_kernel(iret_nt);
    expect(&t, VEC_TS, SEL_KDATA, iret_nt_at, "iret: back link to data");
    set_segment(TASK, (u32)&task_tss, sizeof task_tss - 1, ATTR_TSS32_BUSY & ~ATTR_PRESENT);
    main_tss.link = TASK;
    t = run_kernel(iret_nt);
    expect(&t, VEC_NP, TASK, iret_nt_at, "iret: back link to an absent TSS");
    back();
    reset_idt_gate(0x70);
}

// What is wrong inside the new TSS is found after the switch: the fault belongs to the new task.
static void faults_in_the_new_task(void) {
    set_segment(OTHER, 0, 0xfffff, (ATTR_DATA & ~ATTR_PRESENT) | FLAT);
    set_segment(OTHER + 8, 0, 0xfffff, (ATTR_CODE & ~ATTR_PRESENT) | FLAT);
    static const struct {
        const char* name;
        u32 offset, value, vector, error;
    } cases[] = {
        {"ldt past the GDT", offsetof(struct tss, ldt), 0x400, VEC_TS, 0x400},
        {"ldt is data", offsetof(struct tss, ldt), SEL_KDATA, VEC_TS, SEL_KDATA},
        {"cs null", offsetof(struct tss, cs), 0, VEC_TS, 0},
        {"cs is data", offsetof(struct tss, cs), SEL_KDATA, VEC_TS, SEL_KDATA},
        {"cs absent", offsetof(struct tss, cs), OTHER + 8, VEC_NP, OTHER + 8},
        {"ss null", offsetof(struct tss, ss), 0, VEC_TS, 0},
        {"ss of another level", offsetof(struct tss, ss), SEL_UDATA, VEC_TS, SEL_UDATA & ~3},
        {"ss absent", offsetof(struct tss, ss), OTHER, VEC_SS, OTHER},
        {"ds absent", offsetof(struct tss, ds), OTHER, VEC_NP, OTHER},
        {"es is a TSS", offsetof(struct tss, es), SEL_TSS, VEC_TS, SEL_TSS},
        {"gs past the GDT", offsetof(struct tss, gs), 0x400, VEC_TS, 0x400},
    };
    for (u32 i = 0; i < sizeof cases / sizeof *cases; ++i) {
        make_task(in_task);
        *(u32*)((u8*)&task_tss + cases[i].offset) = cases[i].value;
        // Delivered by a task, for the new one may have no stack. Its TSS's link tells who was running.
        idt[cases[i].vector] = idt[VEC_DF];
        const struct trap t = run_kernel(jump);
        check(t.vector == VEC_DF && t.error == cases[i].error, "in the new task: %s (as vector %u)", cases[i].name, cases[i].vector);
        if (t.error != cases[i].error) print("# error %x, want %x\n", t.error, cases[i].error);
        check_equal(double_fault_tss.link, TASK, "in the new task: %s: the fault is the new task's", cases[i].name);
        check_equal(task_tss.eip, (u32)in_task, "in the new task: %s: at its first instruction", cases[i].name);
        reset_idt_gate((u8)cases[i].vector);
        double_fault_tss.link = 0;
        back();
    }
}

static void address_space_and_ldt(void) {
    u32* first = new_directory();
    u32* second = new_directory();
    u32 *a = new_page(), *b = new_page();
    const u32 here = 0x40000000;
    *pte(first, here) = (u32)a | PTE_USER;
    *pte(second, here) = (u32)b | PTE_USER;
    *a = 0xaaaa, *b = 0xbbbb;
    paging_on(first);
    make_task(look);
    task_tss.cr3 = (u32)second;
    struct trap t = run_kernel(jump);
    expect_done(&t, "a task with its own CR3");
    check(t.at.eax == 0xbbbb && t.at.edx == (u32)second, "it sees its own pages");
    check_equal(main_tss.cr3, 0, "CR3 is not saved into the old TSS");
    back();
    paging_off();
    ldt[0] = make_segment(0x1000, 0xfff, ATTR_DATA | ATTR_32);
    static u64 other_ldt[4];
    other_ldt[0] = make_segment((u32)b, 0xfff, ATTR_DATA | ATTR_32);
    set_segment(OTHER, (u32)other_ldt, sizeof other_ldt - 1, ATTR_LDT);
    make_task(look_ldt);
    task_tss.ldt = OTHER;
    task_tss.gs = 4;
    t = run_kernel(jump);
    expect_done(&t, "a task with its own LDT");
    check(t.at.eax == 0xbbbb && (t.at.edx & 0xffff) == OTHER, "its segments come from there");
    back();
}

static void t_bit(void) {
    make_task(in_task);
    task_tss.trap = 1;
    set_cr0(get_cr0());
    asm volatile("mov %0, %%dr6" ::"r"(0xffff0ff0));
    const struct trap t = run_kernel(jump);
    expect(&t, VEC_DB, 0, in_task, "T bit: #DB before the task's first instruction");
    check(get_dr6() & 0x8000, "T bit: DR6.BT");
    set_dr6(0xffff0ff0);
    back();
}

struct tss16 {
    u16 link, sp0, ss0, sp1, ss1, sp2, ss2, ip, flags, ax, cx, dx, bx, sp, bp, si, di, es, cs, ss, ds, ldt;
};

static void sixteen_bits(void) {
    // The upper halves of its registers are not defined, ESP's neither: a task of ring 3, so that the trap's stack
    // is the TSS's.
    static struct tss16 tss16;
    extern u8 low_code[];
    static const u8 done[] = {0xcd, VEC_DONE};
    memcpy(low_code, done, 2);
    tss16 = (struct tss16){.ip = (u16)(u32)low_code, .flags = FLAG_ONE | FLAG_ZF, .ax = 1, .cx = 2, .dx = 3, .bx = 4, .sp = 0x8000,
                           .bp = 6, .si = 7, .di = 8, .es = SEL_UDATA, .cs = SEL_UCODE, .ss = SEL_UDATA, .ds = SEL_UDATA, .ldt = SEL_LDT, .sp0 = 0x8800, .ss0 = SEL_KDATA};
    set_segment(TASK, (u32)&tss16, sizeof tss16 - 1, ATTR_TSS16);
    struct trap t = run_kernel(call);
    expect(&t, VEC_DONE, 0, low_code + 2, "16-bit TSS");
    check((t.at.eax & 0xffff) == 1 && (t.at.edi & 0xffff) == 8 && (t.at.esp & 0xffff) == 0x8000 && (t.at.eflags & 0xffff) == (FLAG_ONE | FLAG_ZF | FLAG_NT), "16-bit TSS: registers");
    check(t.at.fs == 0 && t.at.gs == 0, "16-bit TSS: fs and gs become null");
    check_equal(tss16.link, SEL_TSS, "16-bit TSS: back link");
    back();
    set_segment(TASK, (u32)&tss16, sizeof tss16 - 2, ATTR_TSS16);
    t = run_kernel(call);
    expect(&t, VEC_TS, TASK, call_at, "16-bit TSS: too short");
    back();
}
asm("low_code = 0x9000");

int main(void) {
    jumps();
    calls();
    interrupts();
    refusals();
    faults_in_the_new_task();
    address_space_and_ldt();
    t_bit();
    sixteen_bits();
    return 0;
}
