// CR0 to CR4, and the instructions that are other ways to them: CLTS, LMSW, SMSW, INVLPG (SDM volume 3, 2.5).
#include "translator/interpreter/privilege.h"
#include "translator/interpreter/handlers.h"

namespace ringfold::interpreter {

namespace {

constexpr uint32_t kCr0Defined = cr0::PE | cr0::MP | cr0::EM | cr0::TS | cr0::NE | cr0::WP | cr0::AM | cr0::NW |
                                 cr0::CD | cr0::PG;
// What CPUID offers; the rest is reserved.
constexpr uint32_t kCr4Defined = cr4::TSD | cr4::DE | cr4::PSE | cr4::PAE | cr4::PGE | cr4::PCE | cr4::OSFXSR |
                                 cr4::OSXMMEXCPT;

void load_pdptes(Interpreter& cpu, uint32_t cr3) {
    if (!cpu.memory().load_pdptes(cr3, cpu.state().pdpte)) throw GuestFault::general_protection();
}

// Leaving protected mode keeps the segment registers as they are, but CPL is 0 from then on.
void set_cr0(Interpreter& cpu, uint32_t value) {
    CpuState& s = cpu.state();
    value = (value & kCr0Defined) | cr0::ET;
    if ((value & cr0::PG) && !(value & cr0::PE)) throw GuestFault::general_protection();
    if ((value & cr0::NW) && !(value & cr0::CD)) throw GuestFault::general_protection();
    const uint32_t changed = value ^ s.cr0;
    const bool pae = (value & cr0::PG) && (s.cr4 & cr4::PAE);
    const bool loads = pae && (changed & (cr0::PG | cr0::CD | cr0::NW));
    if (loads) load_pdptes(cpu, s.cr3);
    s.cr0 = value;
    if (changed & (cr0::PG | cr0::WP))
        cpu.memory().paging_mode_changed();
    else if (loads)
        cpu.memory().cr3_loaded();
}

void set_cr3(Interpreter& cpu, uint32_t value) {
    CpuState& s = cpu.state();
    if (s.paging() && (s.cr4 & cr4::PAE)) load_pdptes(cpu, value);
    s.cr3 = value;
    cpu.memory().cr3_loaded();
}

void set_cr4(Interpreter& cpu, uint32_t value) {
    CpuState& s = cpu.state();
    if (value & ~kCr4Defined) throw GuestFault::general_protection();
    constexpr uint32_t kPagingBits = cr4::PSE | cr4::PAE | cr4::PGE;
    const uint32_t changed = (value ^ s.cr4) & kPagingBits;
    if (changed && s.paging() && (value & cr4::PAE)) load_pdptes(cpu, s.cr3);
    s.cr4 = value;
    if (changed) cpu.memory().paging_mode_changed();
}

uint32_t read_control(const CpuState& s, unsigned n) {
    switch (n) {
        case 0: return s.cr0;
        case 2: return s.cr2;
        case 3: return s.cr3;
        case 4: return s.cr4;
        default: throw GuestFault::undefined();
    }
}

void write_control(Interpreter& cpu, unsigned n, uint32_t value) {
    switch (n) {
        case 0: return set_cr0(cpu, value);
        case 2: cpu.state().cr2 = value; return;
        case 3: return set_cr3(cpu, value);
        case 4: return set_cr4(cpu, value);
        default: throw GuestFault::undefined();
    }
}

}  // namespace

void mov_control(Interpreter& cpu, const Instruction& i) {
    CpuState& s = cpu.state();
    const bool to_control = i.op(0).kind == OperandKind::Control;
    const unsigned n = i.op(to_control ? 0 : 1).reg;
    const uint32_t old = read_control(s, n);  // #UD goes before #GP
    require_ring0(s);
    if (to_control)
        write_control(cpu, n, s.gpr[i.op(1).reg]);
    else
        s.gpr[i.op(0).reg] = old;
}

void clts(Interpreter& cpu, const Instruction&) {
    require_ring0(cpu.state());
    cpu.state().cr0 &= ~cr0::TS;
}

void smsw(Interpreter& cpu, const Instruction& i) { cpu.write_operand(i, 0, cpu.state().cr0); }

// LMSW reaches PE, MP, EM and TS, and cannot clear PE.
void lmsw(Interpreter& cpu, const Instruction& i) {
    CpuState& s = cpu.state();
    require_ring0(s);
    constexpr uint32_t kReached = cr0::PE | cr0::MP | cr0::EM | cr0::TS;
    const uint32_t value = cpu.read_operand(i, 0) & kReached;
    set_cr0(cpu, (s.cr0 & ~(kReached & ~cr0::PE)) | value);
}

void invlpg(Interpreter& cpu, const Instruction& i) {
    CpuState& s = cpu.state();
    if (!i.has_memory) throw GuestFault::undefined();
    require_ring0(s);
    cpu.memory().invalidate_page(GuestVirt(s.segment[i.memory.segment].base + cpu.effective_address(i)));
}

// There is no cache of ours that could be stale.
void invd(Interpreter& cpu, const Instruction&) { require_ring0(cpu.state()); }
void wbinvd(Interpreter& cpu, const Instruction&) { require_ring0(cpu.state()); }

void hlt(Interpreter& cpu, const Instruction&) {
    require_ring0(cpu.state());
    cpu.state().activity = Activity::Halted;
}

}  // namespace ringfold::interpreter
