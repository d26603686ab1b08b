// Virtual-8086 mode: segments, IOPL-sensitive instructions, interrupts out of it and IRET into it, ports, page faults,
// and the wrap at 64 KiB.
#include "paging.h"
#include "trap.h"

// Real-mode code is put at 0x2000:0; its data and stack are in the same 64 KiB.
#define SEGMENT 0x2000
#define BASE ((u8*)(SEGMENT << 4))
#define ERR_IDT 2u

static struct trap run_v86(const void* code, u32 n, u32 iopl, u32 more_flags) {
    static const u8 done[] = {0xcd, VEC_DONE};
    memcpy(BASE, code, n);
    memcpy(BASE + n, done, 2);
    struct context c = v86_context(SEGMENT, 0);
    c.eflags |= FLAG_IOPL(iopl) | more_flags;
    c.eax = 0x1234abcd;
    return run(&c);
}
#define V86(iopl, flags, ...) run_v86((const u8[]){__VA_ARGS__}, sizeof((const u8[]){__VA_ARGS__}), iopl, flags)
#define AT(offset) ((void*)(u32)(offset))

static void basics(void) {
    struct trap t = V86(3, 0, 0xb8, 0x34, 0x12, 0x8c, 0xcb, 0x8c, 0xd9);  // mov $0x1234, %ax; mov %cs, %bx; mov %ds, %cx
    expect(&t, VEC_DONE, 0, AT(9), "v86: code runs, int comes out");
    check(t.at.eax == 0x12341234 && (t.at.ebx & 0xffff) == SEGMENT && (t.at.ecx & 0xffff) == SEGMENT, "v86: registers");
    check(t.at.cs == SEGMENT && t.at.ss == SEGMENT && t.at.ds == SEGMENT && t.at.es == SEGMENT && t.at.fs == SEGMENT && t.at.gs == SEGMENT && t.at.esp == 0xfff0, "v86: segments and stack in the frame");
    check((t.at.eflags & (FLAG_VM | FLAG_IOPL(3))) == (FLAG_VM | FLAG_IOPL(3)), "v86: flags in the frame");

    // In the handler the data segments are null.
    extern const u8 look_at_segments[];
    set_idt_gate(0x70, SEL_KCODE, look_at_segments, ATTR_INT32 | ATTR_DPL(3));
    t = V86(3, 0, 0xcd, 0x70);
    expect(&t, 0x51, 0, 0, "v86: int to ring 0");
    check(t.at.eax == 0 && t.at.cs == SEL_KCODE && !(t.at.ebx & FLAG_VM), "v86: in the handler ds, es, fs, gs are null and VM is clear");
    check_equal(t.at.edx, main_tss.esp0 - 36, "v86: nine words on the stack");
    reset_idt_gate(0x70);

    // Segment arithmetic: a load is just a shift, whatever the GDT says.
    BASE[0x100] = 0x77;
    t = V86(3, 0, 0xb8, 0x10, 0x20, 0x8e, 0xc0, 0x26, 0xa0, 0x00, 0x00);  // mov $0x2010, %ax; mov %ax, %es; mov %es:0, %al
    check((t.at.eax & 0xff) == 0x77 && t.at.es == 0x2010, "v86: segment times 16");
    t = V86(3, 0, 0xb8, 0xff, 0xff, 0x8e, 0xd8, 0x8c, 0xd8, 0x8e, 0xd0);  // mov $0xffff, %ax; mov %ax, %ds; mov %ds, %ax; mov %ax, %ss
    check(t.vector == VEC_DONE && t.at.ds == 0xffff && t.at.ss == 0xffff, "v86: any value is a segment");
    *(u8*)0x10ffef = 0;
    const u8 above[] = {0xb8, 0xff, 0xff, 0x8e, 0xd8, 0xa0, 0xff, 0xff};  // al = ffff:ffff = 0x10ffef
    t = run_v86(above, sizeof above, 3, 0);
    check((t.at.eax & 0xff) == *(u8*)0x10ffef, "v86: reaches 64 KiB less 16 above 1 MiB");
    // Limits are 64 KiB.
    t = V86(3, 0, 0xbb, 0xff, 0xff, 0x8b, 0x07);  // mov $0xffff, %bx; mov (%bx), %ax
    expect(&t, VEC_GP, 0, AT(3), "v86: a word at offset 0xffff");
    t = V86(3, 0, 0x67, 0x66, 0xa1, 0xfd, 0xff, 0x00, 0x00);  // mov 0xfffd, %eax, 32-bit address
    expect(&t, VEC_GP, 0, AT(0), "v86: a doubleword at offset 0xfffd");
    t = V86(3, 0, 0x67, 0xa0, 0x00, 0x00, 0x01, 0x00);  // mov 0x10000, %al
    expect(&t, VEC_GP, 0, AT(0), "v86: a 32-bit offset above 64 KiB");
    t = V86(3, 0, 0xbc, 0x01, 0x00, 0x50);  // mov $1, %sp; push %ax
    expect(&t, VEC_SS, 0, AT(3), "v86: a push at sp 1");
    t = V86(3, 0, 0xbc, 0x00, 0x00, 0x50);  // mov $0, %sp; push %ax
    check(t.vector == VEC_DONE && (t.at.esp & 0xffff) == 0xfffe, "v86: a push at sp 0 wraps");
    // A far jump and a far call are real-mode ones.
    static const u8 done[] = {0xcd, VEC_DONE};
    memcpy(BASE + 0x205, done, 2);
    t = V86(3, 0, 0xea, 0x05, 0x00, 0x20, 0x20);  // ljmp $0x2020, $5
    expect(&t, VEC_DONE, 0, AT(7), "v86: far jmp");
    check_equal(t.at.cs, SEGMENT + 0x20, "v86: far jmp: cs");
    t = V86(3, 0, 0x9a, 0x05, 0x00, 0x20, 0x20);
    check(t.at.cs == SEGMENT + 0x20 && t.at.esp == 0xffec && *(u16*)(BASE + 0xffec) == 5 && *(u16*)(BASE + 0xffee) == SEGMENT, "v86: far call");
    static const u8 far_return[] = {0xcb};
    memcpy(BASE + 0x205, far_return, 1);
    t = V86(3, 0, 0x9a, 0x05, 0x00, 0x20, 0x20);
    expect(&t, VEC_DONE, 0, AT(7), "v86: far call and far ret");
}

static void sensitive(void) {
    static const struct {
        const char* name;
        u8 code[4], n;
    } cases[] = {
        {"cli", {0xfa}, 1}, {"sti", {0xfb}, 1}, {"pushf", {0x9c}, 1}, {"popf", {0x9d}, 1}, {"int", {0xcd, 0x80}, 2},
        {"iret", {0xcf}, 1}, {"pushfl", {0x66, 0x9c}, 2}, {"popfl", {0x66, 0x9d}, 2}, {"iretl", {0x66, 0xcf}, 2},
    };
    for (u32 i = 0; i < sizeof cases / sizeof *cases; ++i)
        for (u32 iopl = 0; iopl < 3; ++iopl) {
            const struct trap t = run_v86(cases[i].code, cases[i].n, iopl, 0);
            expect(&t, VEC_GP, 0, AT(0), named("v86: %s with IOPL %u", cases[i].name, iopl));
            check_equal(t.at.esp, 0xfff0, "v86: %s with IOPL %u: sp stays", cases[i].name, iopl);
        }
    static const struct {
        const char* name;
        u8 code[4], n;
    } always[] = {
        {"hlt", {0xf4}, 1}, {"lgdt", {0x0f, 0x01, 0x17}, 3}, {"lidt", {0x0f, 0x01, 0x1f}, 3}, {"mov cr0", {0x0f, 0x20, 0xc0}, 3},
        {"mov to cr3", {0x0f, 0x22, 0xd8}, 3}, {"mov dr7", {0x0f, 0x21, 0xf8}, 3}, {"clts", {0x0f, 0x06}, 2}, {"lmsw", {0x0f, 0x01, 0xf0}, 3}, {"invd", {0x0f, 0x08}, 2}, {"rdmsr", {0x0f, 0x32}, 2},
    };
    for (u32 i = 0; i < sizeof always / sizeof *always; ++i) {
        const struct trap t = run_v86(always[i].code, always[i].n, 3, 0);
        expect(&t, VEC_GP, 0, AT(0), named("v86: %s is privileged", always[i].name));
    }
    static const struct {
        const char* name;
        u8 code[4], n;
    } undefined[] = {
        {"lar", {0x0f, 0x02, 0xc0}, 3}, {"lsl", {0x0f, 0x03, 0xc0}, 3}, {"arpl", {0x63, 0xc0}, 2}, {"verr", {0x0f, 0x00, 0xe0}, 3},
        {"verw", {0x0f, 0x00, 0xe8}, 3}, {"sldt", {0x0f, 0x00, 0xc0}, 3}, {"str", {0x0f, 0x00, 0xc8}, 3}, {"lldt", {0x0f, 0x00, 0xd0}, 3}, {"ltr", {0x0f, 0x00, 0xd8}, 3},
    };
    for (u32 i = 0; i < sizeof undefined / sizeof *undefined; ++i) {
        const struct trap t = run_v86(undefined[i].code, undefined[i].n, 3, 0);
        expect(&t, VEC_UD, 0, AT(0), named("v86: %s is undefined", undefined[i].name));
    }
    struct trap t = V86(0, 0, 0x0f, 0x01, 0xe0, 0x0f, 0x01, 0x07);  // smsw %ax; sgdt (%bx)
    expect(&t, VEC_GP, 0, AT(6), "v86: smsw and sgdt work, and int is sensitive");
}

static void with_iopl_3(void) {
    struct trap t = V86(3, 0, 0xfb, 0x90, 0x9c, 0x58, 0xfa, 0x9c, 0x5b);  // sti; nop; pushf; pop %ax; cli; pushf; pop %bx
    check(t.vector == VEC_DONE && (t.at.eax & FLAG_IF) && !(t.at.ebx & FLAG_IF), "v86, IOPL 3: sti and cli");
    check_equal(t.at.eax >> 12 & 3, 3, "v86, IOPL 3: pushf shows IOPL");
    t = V86(3, 0, 0x68, 0xd7, 0x0e, 0x9d);  // push $0x0ed7; popf
    check((t.at.eflags & 0xffff) == (0x0ed7 | FLAG_IOPL(3)) && (t.at.eflags & FLAG_VM), "v86, IOPL 3: popf sets IF and keeps IOPL");
    t = V86(3, 0, 0x66, 0x9c, 0x66, 0x58);  // pushfl; pop %eax
    check(!(t.at.eax & (FLAG_VM | FLAG_RF)), "v86, IOPL 3: pushfl hides VM");
    t = V86(3, 0, 0x66, 0x68, 0xd7, 0x0e, 0x02, 0x00, 0x66, 0x9d);  // push $0x20ed7; popfl
    check(t.vector == VEC_DONE && (t.at.eflags & FLAG_VM), "v86, IOPL 3: popfl leaves VM");
    // iret: real-mode form.
    static const u8 done[] = {0xcd, VEC_DONE};
    memcpy(BASE + 0x305, done, 2);
    t = V86(3, 0, 0x68, 0x01, 0x02, 0x68, 0x30, 0x20, 0x68, 0x05, 0x00, 0xcf);  // push $0x201; push $0x2030; push $5; iret
    expect(&t, VEC_DONE, 0, AT(7), "v86, IOPL 3: iret");
    check(t.at.cs == 0x2030 && (t.at.eflags & 0xfff) == 0x203 && t.at.esp == 0xfff0, "v86, IOPL 3: iret: cs, flags, sp");
    t = V86(3, 0, 0xcc);
    expect(&t, VEC_BP, 0, AT(1), "v86: int3");
    t = V86(0, 0, 0xcc);
    expect(&t, VEC_BP, 0, AT(1), "v86: int3 is not sensitive to IOPL");
    t = V86(0, FLAG_OF, 0xce);
    expect(&t, VEC_OF, 0, AT(1), "v86: nor is into");
    t = V86(3, 0, 0xcd, 0x71);
    expect(&t, VEC_GP, 0x71 * 8 + ERR_IDT, AT(0), "v86, IOPL 3: int through a gate of DPL 0");
    // A gate to code that is not ring 0.
    set_segment(SEL_TEST, 0, 0xfffff, ATTR_CODE | ATTR_DPL(1) | ATTR_32 | ATTR_PAGES);
    set_idt_gate(0x70, SEL_TEST, 0, ATTR_INT32 | ATTR_DPL(3));
    t = V86(3, 0, 0xcd, 0x70);
    expect(&t, VEC_GP, SEL_TEST, AT(0), "v86: interrupts go to ring 0 only");
    set_segment(SEL_TEST, 0, 0xfffff, ATTR_CONFORMING | ATTR_32 | ATTR_PAGES);
    t = V86(3, 0, 0xcd, 0x70);
    expect(&t, VEC_GP, SEL_TEST, AT(0), "v86: and not to conforming code");
    reset_idt_gate(0x70);
}

static void faults_in_v86(void) {
    struct trap t = V86(3, 0, 0x31, 0xc9, 0xf7, 0xf1);  // xor %cx, %cx; div %cx
    expect(&t, VEC_DE, 0, AT(2), "v86: #DE");
    t = V86(3, 0, 0x0f, 0x0b);
    expect(&t, VEC_UD, 0, AT(0), "v86: #UD");
    u32* directory = new_directory();
    paging_on(directory);
    *pte(directory, SEGMENT * 16 + 0x5000) = 0;
    invlpg(SEGMENT * 16 + 0x5000);
    t = V86(3, 0, 0xc6, 0x06, 0x34, 0x50, 0x01);  // movb $1, 0x5034
    expect(&t, VEC_PF, ERR_U | ERR_W, AT(0), "v86: #PF");
    check_equal(t.cr2, SEGMENT * 16 + 0x5034, "v86: #PF: CR2 is linear");
    for (u32 turn = 0; turn < 3; ++turn) {  // it may be translated at its second run
        t = V86(3, 0, 0xbc, 0xf4, 0x5f, 0x66, 0x60);  // mov $0x5ff4, %sp; pushal
        expect(&t, VEC_PF, ERR_U | ERR_W, AT(3), "v86: pushal without its page");
        check_equal(t.cr2, SEGMENT * 16 + 0x5ff0, "v86: pushal stores eax first");
        t = V86(3, 0, 0xbc, 0xf4, 0x5f, 0x9a, 0, 0, 0, 0);  // mov $0x5ff4, %sp; lcall $0, $0
        expect(&t, VEC_PF, ERR_U | ERR_W, AT(3), "v86: far call without its page");
        check_equal(t.cr2, SEGMENT * 16 + 0x5ff2, "v86: far call stores cs first");
    }
    *pte(directory, SEGMENT * 16 + 0x5000) = (SEGMENT * 16 + 0x5000) | PTE_KERNEL;
    t = V86(3, 0, 0xa0, 0x34, 0x50);
    expect(&t, VEC_PF, ERR_U | ERR_P, AT(0), "v86: runs as user");
    paging_off();
}

static void ports(void) {
    static u8 map[104 + 0x20 + 1];
    const struct tss kept = main_tss;
    struct trap t = V86(3, 0, 0xe6, 0x80);
    expect(&t, VEC_GP, 0, AT(0), "v86: out is up to the bitmap, even with IOPL 3");
    memset(map, 0xff, sizeof map);
    memcpy(map, &main_tss, 104);
    map[104 + 0x80 / 8] = 0xfe;
    *(u16*)(map + 102) = 104;
    set_segment(SEL_TSS, (u32)map, sizeof map - 1, ATTR_TSS32);
    load_tr(SEL_TSS);
    t = V86(0, 0, 0xe6, 0x80, 0x0f, 0x0b);
    expect(&t, VEC_UD, 0, AT(2), "v86: out that the bitmap allows");
    t = V86(3, 0, 0xe6, 0x81);
    expect(&t, VEC_GP, 0, AT(0), "v86: out that it does not");
    t = V86(3, 0, 0xe7, 0x80);
    expect(&t, VEC_GP, 0, AT(0), "v86: a word needs both bits");
    main_tss = kept;
    reload_task();
}

SNIPPET(iret_to_v86, "nop", "iretl");

static void entry(void) {
    static const u8 done[] = {0xcd, VEC_DONE};
    memcpy(BASE + 0x10, done, 2);
    struct context c = kernel_context(iret_to_v86);
    const u32 frame[] = {0x10, SEGMENT, FLAG_VM | FLAG_ONE | FLAG_IOPL(3) | FLAG_IF, 0x8000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005};
    c.esp -= sizeof frame;
    memcpy((void*)c.esp, frame, sizeof frame);
    struct trap t = run(&c);
    expect(&t, VEC_DONE, 0, AT(0x12), "iret from ring 0 enters v86");
    check(t.at.ss == 0x2001 && t.at.es == 0x2002 && t.at.ds == 0x2003 && t.at.fs == 0x2004 && t.at.gs == 0x2005 && t.at.esp == 0x8000, "and loads all segments");
    // From ring 3 the VM bit is not for the taking.
    c = user_context(iret_to_v86);
    const u32 user_frame[] = {(u32)iret_to_v86_end, SEL_UCODE, FLAG_VM | FLAG_ONE};
    c.esp -= 0x100;
    memcpy((void*)c.esp, user_frame, sizeof user_frame);
    t = run(&c);
    expect(&t, VEC_DONE, 0, iret_to_v86_end + 2, "iret in ring 3 with VM in the image");
    check(!(t.at.eflags & FLAG_VM), "does not enter v86");
    SNIPPET(popf_vm, "push $0x20002\n popfl", "nop");
    t = run_kernel(popf_vm);
    check(!(t.at.eflags & FLAG_VM), "nor does popf in ring 0");
}
asm(".text\nlook_at_segments: mov %esp, %edx\n mov %ds, %eax\n mov %es, %ecx\n or %ecx, %eax\n mov %fs, %ecx\n or %ecx, %eax\n mov %gs, %ecx\n or %ecx, %eax\n"
    " pushfl\n pop %ebx\n int $0x51");

int main(void) {
    basics();
    sensitive();
    with_iopl_3();
    faults_in_v86();
    ports();
    entry();
    return 0;
}
