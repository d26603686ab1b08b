// Real mode, entered from protected mode and left again: segments by shifting, the interrupt table at 0, faults
// through it without error codes, limits that stay from protected mode, and what is undefined there.
#include "trap.h"

#define CODE16 SEL_TEST          // 16-bit segments with a base of LOW, for the way down and up
#define DATA16 (SEL_TEST + 8)
#define LOW 0x20000              // where the real-mode code is copied to
#define LOW_SEGMENT (LOW >> 4)

// What the real-mode side leaves behind. It is part of the copied piece, at these offsets from LOW.
struct mailbox {
    u16 entry;                   // where the test's code is
    u16 vector, ip, cs, flags, sp;
    u32 eax, ebx, ecx, edx, esi, edi;
    u16 ds, es;
};

extern const u8 real_begin[], real_end[], real_down[], real_mail[];
void go_real(void);

// The copied piece. Every vector 0 to 31 leads to a stub that notes its number.
asm(".text\n .balign 16\n"
    "real_begin:\n"
    " .code16\n"
    "real_down:\n"               // here in a 16-bit protected-mode segment
    " mov $0x48, %ax\n mov %ax, %ds\n mov %ax, %es\n mov %ax, %ss\n mov %ax, %fs\n mov %ax, %gs\n"
    " mov %cr0, %eax\n and $0xfe, %al\n mov %eax, %cr0\n"
    " ljmp $0x2000, $(real_1 - real_begin)\n"
    "real_1: mov %cs, %ax\n mov %ax, %ds\n mov %ax, %es\n mov %ax, %ss\n mov $0xfff0, %sp\n"
    " lidtw (real_idt - real_begin)\n"
    " xor %eax, %eax\n mov %eax, %ebx\n mov %eax, %ecx\n mov %eax, %edx\n mov %eax, %esi\n mov %eax, %edi\n"
    " jmp *(real_mail - real_begin)\n"
    "real_idt: .word 0x3ff\n .long 0\n"
    " .balign 8\n"
    "real_stubs: .set n, 0\n .rept 64\n push $n\n jmp real_trap\n .balign 8\n .set n, n + 1\n .endr\n"
    "real_trap:\n"               // sp: vector, ip, cs, flags
    " push %ds\n push %cs\n pop %ds\n"
    " popw (real_mail - real_begin + 36)\n popw (real_mail - real_begin + 2)\n popw (real_mail - real_begin + 4)\n popw (real_mail - real_begin + 6)\n popw (real_mail - real_begin + 8)\n"
    " mov %sp, (real_mail - real_begin + 10)\n"
    " mov %eax, (real_mail - real_begin + 12)\n mov %ebx, (real_mail - real_begin + 16)\n mov %ecx, (real_mail - real_begin + 20)\n"
    " mov %edx, (real_mail - real_begin + 24)\n mov %esi, (real_mail - real_begin + 28)\n mov %edi, (real_mail - real_begin + 32)\n mov %es, (real_mail - real_begin + 38)\n"
    " cli\n mov %cr0, %eax\n or $1, %al\n mov %eax, %cr0\n"
    " ljmpl $8, $real_up\n"
    " .balign 4\n real_mail: .space 64\n"
    "real_end:\n"
    " .code32\n"
    "go_real: pushal\n mov %esp, real_stack\n sidt real_idt_kept\n ljmp $0x40, $(real_down - real_begin)\n"
    "real_up: mov $0x10, %eax\n mov %eax, %ds\n mov %eax, %es\n mov %eax, %ss\n mov %eax, %fs\n mov %eax, %gs\n"
    " mov real_stack, %esp\n pushl $2\n popfl\n lidt real_idt_kept\n popal\n ret\n"
    ".bss\n .balign 4\nreal_stack: .space 4\nreal_idt_kept: .space 8\n .text\n");
_Static_assert(offsetof(struct mailbox, eax) == 12 && offsetof(struct mailbox, ds) == 36, "offsets in the code above");

extern const u8 real_stubs[];

// Runs code at LOW_SEGMENT:0x1000 until a vector is taken; the code ends in `int $0x3f`.
#define START 0x1000
#define DONE 0x3f
static struct mailbox real(const void* code, u32 n) {
    static const u8 done[] = {0xcd, DONE};
    memcpy((void*)LOW, real_begin, (u32)(real_end - real_begin));
    memcpy((void*)(LOW + START), code, n);
    memcpy((void*)(LOW + START + n), done, 2);
    struct mailbox* const mail = (struct mailbox*)(LOW + (u32)(real_mail - real_begin));
    mail->entry = START;
    u32 kept[64];
    u32* volatile const table_at = 0;
    u32* const table = table_at;
    memcpy(kept, table, sizeof kept);
    for (u32 v = 0; v < 64; ++v) table[v] = LOW_SEGMENT << 16 | ((u32)(real_stubs - real_begin) + 8 * v);
    set_segment(CODE16, LOW, 0xffff, ATTR_CODE);
    set_segment(DATA16, LOW, 0xffff, ATTR_DATA);
    go_real();
    memcpy(table, kept, sizeof kept);
    return *mail;
}
#define REAL(...) real((const u8[]){__VA_ARGS__}, sizeof((const u8[]){__VA_ARGS__}))

static void expect_real(const struct mailbox* m, u32 vector, u32 ip, const char* name) {
    check(m->vector == vector && m->ip == ip && m->cs == LOW_SEGMENT, "%s", name);
    if (m->vector != vector || m->ip != ip) print("# vector %u at %x:%x, want %u at %x\n", m->vector, m->cs, m->ip, vector, ip);
}

static void basics(void) {
    struct mailbox m = REAL(0xb8, 0x34, 0x12, 0x8c, 0xcb);  // mov $0x1234, %ax; mov %cs, %bx
    expect_real(&m, DONE, START + 7, "real mode: runs, and int leads through the table at 0");
    check(m.eax == 0x1234 && m.ebx == LOW_SEGMENT && m.sp == 0xfff0, "real mode: registers; int pushes three words");
    *(u8*)0x34567 = 0x9a;
    m = REAL(0xb8, 0x56, 0x34, 0x8e, 0xc0, 0x26, 0xa0, 0x07, 0x10);  // es = 0x3456; mov %es:0x1007, %al
    check_equal(m.eax & 0xff, *(u8*)0x35567, "real mode: segment times 16 plus offset");
    *(u8*)0x35567 = 0x77;
    m = REAL(0xb8, 0x56, 0x34, 0x8e, 0xc0, 0x26, 0xa0, 0x07, 0x10);
    check_equal(m.eax & 0xff, 0x77, "real mode: and sees what is stored there");
    m = REAL(0x68, 0xd7, 0x7e, 0x9d, 0x9c, 0x58);  // push $0x7ed7; popf (without TF); pushf; pop %ax
    check_equal(m.eax & 0xffff, 0x7ed7, "real mode: popf may set IOPL, NT and IF");
    m = REAL(0x68, 0x00, 0x00, 0x9d, 0x9c, 0x58);
    check_equal(m.eax & 0xffff, 2, "real mode: bit 15 is clear, bit 1 set");
    m = REAL(0xfb, 0x90, 0xcd, DONE);
    check((m.flags & FLAG_IF), "real mode: int pushes the flags with IF");
    m = REAL(0x0f, 0x01, 0xe0);  // smsw %ax
    check(!(m.eax & 1), "real mode: PE is clear");
    // A far call and return, and iret.
    m = REAL(0x9a, 0x08, 0x10, 0x00, 0x20, 0xeb, 0x03, 0x00, 0x40, 0xcb);  // lcall $0x2000, $0x1008 ... at 0x1008: inc %ax; lret
    check(m.vector == DONE && m.eax == 1 && m.sp == 0xfff0, "real mode: far call and ret");
    m = REAL(0x9c, 0x0e, 0xe8, 0x02, 0x00, 0xeb, 0x02, 0x40, 0xcf);  // pushf; push %cs; call +2; jmp +2; inc %ax; iret
    check(m.vector == DONE && m.eax == 1 && m.sp == 0xfff0, "real mode: iret");
}

static void faults(void) {
    struct mailbox m = REAL(0x31, 0xc9, 0xf7, 0xf1);  // div %cx by 0
    expect_real(&m, VEC_DE, START + 2, "real mode: #DE");
    m = REAL(0x90, 0x0f, 0x0b);
    expect_real(&m, VEC_UD, START + 1, "real mode: #UD");
    m = REAL(0x90, 0xcc);
    expect_real(&m, VEC_BP, START + 2, "real mode: int3");
    m = REAL(0xbb, 0xff, 0xff, 0x8b, 0x07);  // mov $0xffff, %bx; mov (%bx), %ax
    expect_real(&m, VEC_GP, START + 3, "real mode: a word at offset 0xffff");
    check_equal(m.sp, 0xfff0, "real mode: no error code is pushed");
    m = REAL(0x67, 0x66, 0xa1, 0x00, 0x00, 0x01, 0x00);  // mov 0x10000, %eax
    expect_real(&m, VEC_GP, START, "real mode: an offset above 64 KiB");
    m = REAL(0xbd, 0xff, 0xff, 0x8b, 0x46, 0x00);  // mov $0xffff, %bp; mov (%bp), %ax
    expect_real(&m, VEC_SS, START + 3, "real mode: by bp it is #SS");
    static const struct {
        const char* name;
        u8 code[3], n;
    } undefined[] = {{"lldt", {0x0f, 0x00, 0xd0}, 3}, {"ltr", {0x0f, 0x00, 0xd8}, 3}, {"sldt", {0x0f, 0x00, 0xc0}, 3}, {"verr", {0x0f, 0x00, 0xe0}, 3},
                     {"lar", {0x0f, 0x02, 0xc0}, 3}, {"lsl", {0x0f, 0x03, 0xc0}, 3}, {"arpl", {0x63, 0xc0, 0x90}, 3}};
    for (u32 i = 0; i < sizeof undefined / sizeof *undefined; ++i) {
        m = real(undefined[i].code, undefined[i].n);
        expect_real(&m, VEC_UD, START, named("real mode: %s is undefined", undefined[i].name));
    }
    // A short interrupt table: int n past its limit is #GP.
    m = REAL(0x0f, 0x01, 0x1e, 0x08, 0x10, 0xcd, 0x30, 0x90, 0x7f, 0x00, 0, 0, 0, 0);  // lidt 0x1008; int $0x30; table limit 0x7f
    expect_real(&m, VEC_GP, START + 5, "real mode: int past the table's limit");
    // TF.
    m = REAL(0x9c, 0x58, 0x80, 0xcc, 0x01, 0x50, 0x9d, 0x90, 0x90);  // pushf; pop %ax; or $1, %ah; push %ax; popf; nop; nop
    expect_real(&m, VEC_DB, START + 8, "real mode: single step");
    check(m.flags & FLAG_TF, "real mode: single step pushes TF");
}

// Limits are kept from protected mode until the segment is loaded; a load changes the base alone.
static void kept_limits(void) {
    *(u32*)0x123450 = 0xfeedface;
    static const u8 unreal[] = {
        0xfa,                                      // cli
        0x0f, 0x20, 0xc0, 0x0c, 0x01, 0x0f, 0x22, 0xc0,  // cr0 |= 1
        0xbb, 0x10, 0x00, 0x8e, 0xdb,              // mov $0x10, %bx; mov %bx, %ds: flat, 4 GiB
        0x24, 0xfe, 0x0f, 0x22, 0xc0,              // cr0 &= ~1
        0x31, 0xdb, 0x8e, 0xdb,                    // xor %bx, %bx; mov %bx, %ds
        0x67, 0x66, 0xa1, 0x50, 0x34, 0x12, 0x00,  // mov 0x123450, %eax
        0x0e, 0x1f,                                // push %cs; pop %ds
    };
    const struct mailbox m = real(unreal, sizeof unreal);
    check(m.vector == DONE && m.eax == 0xfeedface, "real mode: a 4 GiB limit survives the way down and a load");
}

int main(void) {
    basics();
    faults();
    kept_limits();
    // And protected mode is as it was.
    SNIPPET(still_here, "nop", "nop");
    struct trap t = run_user(still_here);
    expect_done(&t, "back in protected mode");
    return 0;
}
