// The hardware task switch, and what else reads the TSS for a stack.
#include "translator/interpreter/task.h"

#include <array>

#include "translator/interpreter/debug.h"
#include "translator/interpreter/segment.h"

namespace ringfold::interpreter {

namespace {

// Where things lie in the two formats (SDM volume 3, figures 7-2 and 7-10).
struct TssLayout {
    unsigned size;         // of each general item
    uint32_t min_limit;
    uint32_t ip, flags, gpr, segments, segment_stride, segment_count, ldt;
    uint32_t saved, saved_bytes;  // the part that a switch writes: EIP to the last segment
};
constexpr TssLayout kTss16Layout{2, 0x2b, 0x0e, 0x10, 0x12, 0x22, 2, 4, 0x2a, 0x0e, 0x1c};
constexpr TssLayout kTss32Layout{4, 0x67, 0x20, 0x24, 0x28, 0x48, 4, 6, 0x60, 0x20, 0x40};
constexpr uint32_t kCr3Offset = 0x1c, kTrapOffset = 0x64;

constexpr bool is_32bit(unsigned tss_type) { return tss_type & 8; }
const TssLayout& layout_of(unsigned tss_type) { return is_32bit(tss_type) ? kTss32Layout : kTss16Layout; }

uint32_t read_item(Interpreter& cpu, uint32_t base, uint32_t offset, unsigned size) {
    const GuestVirt at(base + offset);
    return size == 4 ? cpu.memory().read<uint32_t>(at, Privilege::Supervisor)
                     : cpu.memory().read<uint16_t>(at, Privilege::Supervisor);
}

void write_item(Interpreter& cpu, uint32_t base, uint32_t offset, unsigned size, uint32_t value) {
    const GuestVirt at(base + offset);
    if (size == 4)
        cpu.memory().write<uint32_t>(at, value, Privilege::Supervisor);
    else
        cpu.memory().write<uint16_t>(at, static_cast<uint16_t>(value), Privilege::Supervisor);
}

// What a TSS holds of a task.
struct TaskImage {
    uint32_t eip, eflags, cr3 = 0;
    std::array<uint32_t, 8> gpr{};
    std::array<uint16_t, kSegments> selector{};  // ES CS SS DS FS GS; FS and GS null out of a 16-bit TSS
    uint16_t ldt;
    bool trap = false;
};

TaskImage read_task(Interpreter& cpu, uint32_t base, unsigned type) {
    const TssLayout& l = layout_of(type);
    const uint32_t upper = is_32bit(type) ? 0 : 0xffff0000;  // undefined for 16-bit tasks
    TaskImage t{read_item(cpu, base, l.ip, l.size), read_item(cpu, base, l.flags, l.size)};
    for (uint32_t n = 0; n < 8; ++n) t.gpr[n] = upper | read_item(cpu, base, l.gpr + n * l.size, l.size);
    for (uint32_t n = 0; n < l.segment_count; ++n)
        t.selector[n] = static_cast<uint16_t>(read_item(cpu, base, l.segments + n * l.segment_stride, 2));
    t.ldt = static_cast<uint16_t>(read_item(cpu, base, l.ldt, 2));
    if (is_32bit(type)) {
        t.cr3 = read_item(cpu, base, kCr3Offset, 4);
        t.trap = read_item(cpu, base, kTrapOffset, 2) & 1;
    }
    return t;
}

void save_task(Interpreter& cpu, uint32_t return_eip, uint32_t eflags) {
    const CpuState& s = cpu.state();
    const TssLayout& l = layout_of(s.tr.type());
    const uint32_t base = s.tr.base;
    write_item(cpu, base, l.ip, l.size, return_eip);
    write_item(cpu, base, l.flags, l.size, eflags);
    for (uint32_t n = 0; n < 8; ++n) write_item(cpu, base, l.gpr + n * l.size, l.size, s.gpr[n]);
    for (uint32_t n = 0; n < l.segment_count; ++n)
        write_item(cpu, base, l.segments + n * l.segment_stride, 2, s.segment[n].selector);
}

// Everything that can fault in the old task is tried here, before anything changes.
void check_both_tasks(Interpreter& cpu, uint16_t selector, const Descriptor& tss, TaskSwitch how, uint32_t ext) {
    const CpuState& s = cpu.state();
    if (tss.limit() < layout_of(tss.type()).min_limit) throw GuestFault::invalid_tss(selector_error(selector, ext));
    const TssLayout& old = layout_of(s.tr.type());
    if (!s.tr.present() || s.tr.limit < old.saved + old.saved_bytes - 1)
        throw GuestFault::invalid_tss(selector_error(s.tr.selector, ext));
    cpu.memory().check_write(GuestVirt(s.tr.base + old.saved), old.saved_bytes, Privilege::Supervisor);
    if (how == TaskSwitch::Nest) cpu.memory().check_write(GuestVirt(tss.base()), 2, Privilege::Supervisor);
    read_task(cpu, tss.base(), tss.type());
}

// --- loading, in the new task's context ---------------------------------------------------------------------

void load_ldt(Interpreter& cpu, uint16_t selector, uint32_t ext) {
    SegmentRegister& ldtr = cpu.state().ldtr;
    ldtr = {selector, 0, 0, 0};
    if (is_null(selector)) return;
    const GuestFault bad = GuestFault::invalid_tss(selector_error(selector, ext));
    if (is_local(selector)) throw bad;
    const Descriptor d = fetch_descriptor(cpu, selector, Vector::TS, ext);
    if (!d.is_system() || d.type() != system_type::kLdt || !d.present()) throw bad;
    ldtr = d.as_register(selector);
}

void load_task_code(Interpreter& cpu, uint16_t selector, uint32_t ext) {
    const GuestFault bad = GuestFault::invalid_tss(selector_error(selector, ext));
    if (is_null(selector)) throw bad;
    Descriptor d = fetch_descriptor(cpu, selector, Vector::TS, ext);
    if (!d.is_code()) throw bad;
    if (d.conforming() ? d.dpl() > rpl(selector) : d.dpl() != rpl(selector)) throw bad;
    if (!d.present()) throw GuestFault::not_present(selector_error(selector, ext));
    mark_accessed(cpu, selector, d);
    set_code_segment(cpu.state(), d.as_register(selector), rpl(selector));
}

void load_task_data(Interpreter& cpu, unsigned segment, uint16_t selector, uint32_t ext) {
    if (is_null(selector)) return;
    CpuState& s = cpu.state();
    const GuestFault bad = GuestFault::invalid_tss(selector_error(selector, ext));
    Descriptor d = fetch_descriptor(cpu, selector, Vector::TS, ext);
    if (!d.readable()) throw bad;
    if (!d.conforming() && d.dpl() < std::max(rpl(selector), unsigned{s.cpl})) throw bad;
    if (!d.present()) throw GuestFault::not_present(selector_error(selector, ext));
    mark_accessed(cpu, selector, d);
    s.segment[segment] = d.as_register(selector);
}

void load_segments(Interpreter& cpu, const TaskImage& t, uint32_t ext) {
    CpuState& s = cpu.state();
    // Until a descriptor is loaded, its register shows the selector and is unusable.
    for (unsigned n = 0; n < kSegments; ++n)
        s.segment[n] = s.v86() ? v86_segment(t.selector[n]) : SegmentRegister{t.selector[n], 0, 0, 0};
    s.cpl = s.v86() ? 3 : static_cast<uint8_t>(rpl(t.selector[CS]));
    load_ldt(cpu, t.ldt, ext);
    if (s.v86()) return;
    load_task_code(cpu, t.selector[CS], ext);
    s.segment[SS] = new_stack_segment(cpu, t.selector[SS], s.cpl, Vector::TS, ext);
    for (const SegmentIndex n : {DS, ES, FS, GS}) load_task_data(cpu, n, t.selector[n], ext);
}

void load_task_cr3(Interpreter& cpu, uint32_t cr3) {
    CpuState& s = cpu.state();
    if (!s.paging()) return;
    if ((s.cr4 & cr4::PAE) && !cpu.memory().load_pdptes(cr3, s.pdpte)) throw GuestFault::general_protection();
    s.cr3 = cr3;
    cpu.memory().cr3_loaded();
}

constexpr uint32_t kLocalBreakpointEnables = 0x155;

void load_task(Interpreter& cpu, const TaskImage& t, TaskSwitch how, bool wide, uint32_t ext) {
    CpuState& s = cpu.state();
    s.cr0 |= cr0::TS;
    s.dr[7] &= ~kLocalBreakpointEnables;
    s.gpr = t.gpr;
    s.eip = cpu.next_eip = t.eip;
    s.set_eflags((wide ? t.eflags : t.eflags & 0xffff) | (how == TaskSwitch::Nest ? flag::NT : 0));
    if (wide) load_task_cr3(cpu, t.cr3);
    load_segments(cpu, t, ext);
    if (t.trap) s.pending_debug |= dr6::BT;
}

}  // namespace

RingStack ring_stack(Interpreter& cpu, unsigned cpl, uint32_t ext) {
    const SegmentRegister& tr = cpu.state().tr;
    const unsigned size = is_32bit(tr.type()) ? 4 : 2;
    const uint32_t offset = size + cpl * 2 * size;
    if (offset + size + 1 > tr.limit) throw GuestFault::invalid_tss(selector_error(tr.selector, ext));
    const uint32_t esp = read_item(cpu, tr.base, offset, size);
    return {static_cast<uint16_t>(read_item(cpu, tr.base, offset + size, 2)), esp};
}

Descriptor find_task(Interpreter& cpu, uint16_t selector, uint32_t ext) {
    const GuestFault bad = GuestFault::general_protection(selector_error(selector, ext));
    if (is_null(selector) || is_local(selector)) throw bad;
    const Descriptor d = fetch_descriptor(cpu, selector, Vector::GP, ext);
    if (!d.is_available_tss()) throw bad;
    if (!d.present()) throw GuestFault::not_present(selector_error(selector, ext));
    return d;
}

void switch_task(Interpreter& cpu, uint16_t selector, const Descriptor& tss, TaskSwitch how, uint32_t return_eip,
                 uint32_t ext) {
    CpuState& s = cpu.state();
    check_both_tasks(cpu, selector, tss, how, ext);
    const uint16_t old_selector = s.tr.selector;
    if (how != TaskSwitch::Nest) set_tss_busy(cpu, old_selector, false);
    save_task(cpu, return_eip, s.eflags() & ~(how == TaskSwitch::Return ? flag::NT : 0));
    const TaskImage t = read_task(cpu, tss.base(), tss.type());  // after saving: a task may return to itself
    if (how == TaskSwitch::Nest) write_item(cpu, tss.base(), 0, 2, old_selector);
    if (how != TaskSwitch::Return) set_tss_busy(cpu, selector, true);
    Descriptor busy = tss;
    busy.high |= 2u << 8;
    s.tr = busy.as_register(selector);
    load_task(cpu, t, how, is_32bit(tss.type()), ext);
}

void return_from_task(Interpreter& cpu, uint32_t return_eip) {
    const auto selector = static_cast<uint16_t>(read_item(cpu, cpu.state().tr.base, 0, 2));
    const GuestFault bad = GuestFault::invalid_tss(selector_error(selector));
    if (is_local(selector)) throw bad;
    const Descriptor tss = fetch_descriptor(cpu, selector, Vector::TS);
    if (!tss.is_busy_tss()) throw bad;
    if (!tss.present()) throw GuestFault::not_present(selector_error(selector));
    switch_task(cpu, selector, tss, TaskSwitch::Return, return_eip);
}

}  // namespace ringfold::interpreter
