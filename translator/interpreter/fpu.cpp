// The x87: what surrounds the arithmetic, which the host does. Availability, pending exceptions, pointers, and the
// environment images in the four formats of the manual.
#include "translator/interpreter/fpu.h"

#include "translator/interpreter/handlers.h"

namespace ringfold::interpreter {

namespace {

void require_x87(const CpuState& s) {
    if (s.cr0 & (cr0::EM | cr0::TS)) throw GuestFault::no_math();
}

// FIP, FCS, FOP, FDP and FDS of an instruction that is not a control instruction.
void set_pointers(CpuState& s, const Instruction& i, uint32_t operand_offset) {
    FpuImage image = fpu_image(s);
    image.set<uint32_t>(FpuImage::kFip, s.eip);
    image.set<uint32_t>(FpuImage::kFcs, s.segment[CS].selector);
    image.set<uint16_t>(FpuImage::kFop, static_cast<uint16_t>((i.opcode & 7) << 8 | i.modrm));
    if (!i.has_memory) return;
    image.set<uint32_t>(FpuImage::kFdp, operand_offset);
    image.set<uint32_t>(FpuImage::kFds, s.segment[i.memory.segment].selector);
}

// Checks a memory operand in full and, if it is read, loads it; returns its address.
GuestVirt load_operand(Interpreter& cpu, const Instruction& i, Bounce& memory) {
    const bool written = i.writes_memory();
    const GuestVirt a = written ? cpu.modify_address(i) : cpu.operand_address(i, Access::Read);
    if (!written) cpu.memory().read_bytes(a, memory.bytes, i.memory.size, cpu.state().privilege());
    return a;
}

// A store whose result an unmasked exception suppressed leaves memory alone. Precision is found after the store.
bool store_suppressed(CpuState& s) {
    constexpr unsigned kPrecision = 0x20;
    return fpu_image(s).unmasked() & ~kPrecision;
}

}  // namespace

void report_pending_x87(CpuState& s) {
    if (fpu_image(s).unmasked() && s.cr0 & cr0::NE) throw GuestFault{Vector::MF, std::nullopt};
}

void x87(Interpreter& cpu, const Instruction& i) {
    CpuState& s = cpu.state();
    require_x87(s);
    report_pending_x87(s);
    Bounce memory;
    GuestVirt a;
    uint32_t offset = 0;
    if (i.has_memory) {
        offset = cpu.effective_address(i);
        a = load_operand(cpu, i, memory);
    }
    const bool ignored = fpu_image(s).unmasked();
    run_waiting(s, i, memory);
    set_pointers(s, i, offset);
    if (i.writes_memory() && (ignored || !store_suppressed(s)))
        cpu.memory().write_bytes(a, memory.bytes, i.memory.size, s.privilege());
}

// Control instructions that look at no pending exception and leave the pointers alone.
void x87_quiet(Interpreter& cpu, const Instruction& i) {
    CpuState& s = cpu.state();
    require_x87(s);
    Bounce memory;
    GuestVirt a;
    if (i.has_memory) a = load_operand(cpu, i, memory);
    run_native(s, i, memory);
    if (i.has_memory) cpu.memory().write_bytes(a, memory.bytes, i.memory.size, s.privilege());
}

// FENI, FDISI and FSETPM meant something to coprocessors before the 387.
void x87_nothing(Interpreter& cpu, const Instruction&) {
    require_x87(cpu.state());
}

void fninit(Interpreter& cpu, const Instruction& i) {
    x87_quiet(cpu, i);
    memset(&cpu.state().fpu[FpuImage::kFop], 0, FpuImage::kMxcsr - FpuImage::kFop);
}

// Waits, but is a control instruction. The new control word may make an exception pending.
void fldcw(Interpreter& cpu, const Instruction& i) {
    CpuState& s = cpu.state();
    require_x87(s);
    report_pending_x87(s);
    const auto word = static_cast<uint16_t>(cpu.read_operand(i, 0));
    fpu_image(s).set<uint16_t>(FpuImage::kFcw, word);
    normalise_fpu(s);
}

void fwait(Interpreter& cpu, const Instruction&) {
    CpuState& s = cpu.state();
    if ((s.cr0 & (cr0::MP | cr0::TS)) == (cr0::MP | cr0::TS)) throw GuestFault::no_math();
    report_pending_x87(s);
}

// --- FNSTENV, FNSAVE, FLDENV, FRSTOR (SDM volume 1, 8.1.10) --------------------------------------------------------

namespace {

// An environment in memory: 28 bytes of seven doublewords, or 14 of seven words.
class Environment {
public:
    Environment(Bounce& memory, const CpuState& s, unsigned operand_size)
        : bytes_(memory.bytes), wide_(operand_size == 4), linear_(!s.protected_mode() || s.v86()) {}

    void store_pointers(const FpuImage& image) const {
        const auto fip = image.get<uint32_t>(FpuImage::kFip), fdp = image.get<uint32_t>(FpuImage::kFdp);
        const auto fcs = image.get<uint16_t>(FpuImage::kFcs), fds = image.get<uint16_t>(FpuImage::kFds);
        const auto fop = image.get<uint16_t>(FpuImage::kFop);
        if (linear_) {
            const uint32_t ip = fip + (uint32_t{fcs} << 4), dp = fdp + (uint32_t{fds} << 4);
            set(3, ip & 0xffff);
            set(4, (ip >> 16 << 12) | fop);
            set(5, dp & 0xffff);
            set(6, dp >> 16 << 12);
        } else {
            set(3, fip);
            set(4, wide_ ? uint32_t{fop} << 16 | fcs : fcs);
            set(5, fdp);
            set(6, 0xffff0000 | fds);  // as the host fills it
        }
    }
    void load_pointers(FpuImage image) const {
        uint32_t ip = get(3), dp = get(5), fop = 0;
        uint16_t fcs = 0, fds = 0;
        if (linear_) {
            ip |= get(4) >> 12 << 16;
            dp |= get(6) >> 12 << 16;
            fop = get(4) & 0x7ff;
        } else {
            fcs = static_cast<uint16_t>(get(4));
            fds = static_cast<uint16_t>(get(6));
            if (wide_) fop = get(4) >> 16 & 0x7ff;
        }
        image.set<uint32_t>(FpuImage::kFip, ip);
        image.set<uint32_t>(FpuImage::kFcs, fcs);
        image.set<uint32_t>(FpuImage::kFdp, dp);
        image.set<uint32_t>(FpuImage::kFds, fds);
        image.set<uint16_t>(FpuImage::kFop, static_cast<uint16_t>(fop));
    }

private:
    uint32_t get(unsigned n) const {
        uint32_t value = 0;
        memcpy(&value, bytes_ + n * width(), width());
        return value;
    }
    void set(unsigned n, uint32_t value) const { memcpy(bytes_ + n * width(), &value, width()); }
    unsigned width() const { return wide_ ? 4 : 2; }

    uint8_t* bytes_;
    bool wide_, linear_;
};

}  // namespace

// FNSTENV and FNSAVE: the host writes the image, the monitor puts the guest's pointers in.
void x87_save(Interpreter& cpu, const Instruction& i) {
    CpuState& s = cpu.state();
    require_x87(s);
    Bounce memory;
    const GuestVirt a = load_operand(cpu, i, memory);
    run_native(s, i, memory);
    Environment(memory, s, i.operand_size).store_pointers(fpu_image(s));
    if (i.mnemonic == ZYDIS_MNEMONIC_FNSAVE) memset(&s.fpu[FpuImage::kFop], 0, FpuImage::kMxcsr - FpuImage::kFop);
    cpu.memory().write_bytes(a, memory.bytes, i.memory.size, s.privilege());
}

namespace {

// TOP stays: the image names registers relative to it, and FLDENV changes it without moving them.
void forget_exceptions(FpuImage image) {
    constexpr uint16_t kConditionsAndTop = 0x7f00;
    image.set<uint16_t>(FpuImage::kFsw, image.get<uint16_t>(FpuImage::kFsw) & kConditionsAndTop);
}

}  // namespace

// FLDENV and FRSTOR.
void x87_restore(Interpreter& cpu, const Instruction& i) {
    CpuState& s = cpu.state();
    require_x87(s);
    report_pending_x87(s);
    Bounce memory;
    load_operand(cpu, i, memory);
    forget_exceptions(fpu_image(s));  // or the host would report what CR0.NE has ignored
    run_native(s, i, memory);
    Environment(memory, s, i.operand_size).load_pointers(fpu_image(s));
}

}  // namespace ringfold::interpreter
