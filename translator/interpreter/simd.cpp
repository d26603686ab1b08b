// MMX and SSE (to SSE4.2) around the host's arithmetic: availability, alignment, and exceptions without host signals.
#include "translator/interpreter/fpu.h"
#include "translator/interpreter/handlers.h"

namespace ringfold::interpreter {

namespace {

bool uses(const Instruction& i, OperandKind kind) {
    for (int n = 0; n < i.operand_count; ++n)
        if (i.op(n).kind == kind) return true;
    return false;
}

// An MMX register among the operands, that is: CVTPI2PS and CVTPI2PD from memory do not wait.
bool waits_on_x87(const Instruction& i) {
    return i.mnemonic == ZYDIS_MNEMONIC_EMMS || uses(i, OperandKind::Mmx);
}

// The converters to integers and to MMX registers name no XMM register when their source is memory.
bool is_sse(const Instruction& i) {
    const bool converts = i.opcode_map == 1 && (i.opcode & 0xfe) == 0x2c;
    return converts || uses(i, OperandKind::Xmm);
}

void require_simd(const CpuState& s, bool sse) {
    if (s.cr0 & cr0::EM) throw GuestFault::undefined();
    if (sse && !(s.cr4 & cr4::OSFXSR)) throw GuestFault::undefined();
    if (s.cr0 & cr0::TS) throw GuestFault::no_math();
}

bool may_be_unaligned(const Instruction& i) {
    switch (i.mnemonic) {
        case ZYDIS_MNEMONIC_MOVUPS: case ZYDIS_MNEMONIC_MOVUPD: case ZYDIS_MNEMONIC_MOVDQU: case ZYDIS_MNEMONIC_LDDQU:
        case ZYDIS_MNEMONIC_PCMPESTRI: case ZYDIS_MNEMONIC_PCMPESTRM: case ZYDIS_MNEMONIC_PCMPISTRI:
        case ZYDIS_MNEMONIC_PCMPISTRM: return true;
        default: return i.memory.size != 16;
    }
}

GuestVirt operand(Interpreter& cpu, const Instruction& i, Bounce& memory) {
    const bool written = i.writes_memory();
    const GuestVirt a = cpu.operand_address(i, written ? Access::Write : Access::Read);
    if (a.value % 16 && !may_be_unaligned(i)) throw GuestFault::general_protection();
    if (written)
        cpu.memory().check_write(a, i.memory.size, cpu.state().privilege());
    else
        cpu.memory().read_bytes(a, memory.bytes, i.memory.size, cpu.state().privilege());
    return a;
}

// Bytes of a result lane that may be tiny, and how many lanes; no lanes if the instruction cannot underflow.
struct Lanes {
    unsigned size, count;
};
Lanes result_lanes(const Instruction& i) {
    switch (i.mnemonic) {
        case ZYDIS_MNEMONIC_ADDPS: case ZYDIS_MNEMONIC_SUBPS: case ZYDIS_MNEMONIC_MULPS: case ZYDIS_MNEMONIC_DIVPS:
        case ZYDIS_MNEMONIC_ADDSUBPS: case ZYDIS_MNEMONIC_HADDPS: case ZYDIS_MNEMONIC_HSUBPS: case ZYDIS_MNEMONIC_DPPS: return {4, 4};
        case ZYDIS_MNEMONIC_ADDSS: case ZYDIS_MNEMONIC_SUBSS: case ZYDIS_MNEMONIC_MULSS: case ZYDIS_MNEMONIC_DIVSS:
        case ZYDIS_MNEMONIC_CVTSD2SS: return {4, 1};
        case ZYDIS_MNEMONIC_CVTPD2PS: return {4, 2};
        case ZYDIS_MNEMONIC_ADDPD: case ZYDIS_MNEMONIC_SUBPD: case ZYDIS_MNEMONIC_MULPD: case ZYDIS_MNEMONIC_DIVPD:
        case ZYDIS_MNEMONIC_ADDSUBPD: case ZYDIS_MNEMONIC_HADDPD: case ZYDIS_MNEMONIC_HSUBPD: case ZYDIS_MNEMONIC_DPPD: return {8, 2};
        case ZYDIS_MNEMONIC_ADDSD: case ZYDIS_MNEMONIC_SUBSD: case ZYDIS_MNEMONIC_MULSD: case ZYDIS_MNEMONIC_DIVSD: return {8, 1};
        default: return {4, 0};
    }
}

// Masked, #U is raised by what is tiny and inexact; unmasked, by what is tiny (SDM volume 1, 11.5.2.5).
bool exact_and_tiny(const CpuState& s, const Instruction& i) {
    const Lanes lanes = result_lanes(i);
    for (unsigned n = 0; n < lanes.count; ++n) {
        uint64_t value = 0;
        memcpy(&value, &s.fpu[FpuImage::kXmm + i.op(0).reg * FpuImage::kRegister + n * lanes.size], lanes.size);
        const unsigned fraction_bits = lanes.size == 4 ? 23 : 52, exponent_bits = lanes.size == 4 ? 8 : 11;
        const uint64_t fraction = value & ((uint64_t{1} << fraction_bits) - 1);
        const uint64_t exponent = value >> fraction_bits & ((uint64_t{1} << exponent_bits) - 1);
        if (exponent == 0 && fraction != 0) return true;
    }
    return false;
}

// Some exception is unmasked: runs with all masked and looks at what was raised. On one that the guest wants to see,
// only MXCSR's flags change.
void run_watched(CpuState& s, const Instruction& i, Bounce& memory) {
    const CpuState before = s;
    FpuImage image = fpu_image(s);
    const auto mxcsr = image.get<uint32_t>(FpuImage::kMxcsr);
    constexpr uint32_t kUnderflow = 0x10, kUnderflowMask = kUnderflow << 7, kFlushToZero = 0x8000;
    const bool underflow = !(mxcsr & kUnderflowMask);
    image.set<uint32_t>(FpuImage::kMxcsr, (mxcsr & ~(kMxcsrFlags | (underflow ? kFlushToZero : 0))) | kMxcsrMasks);
    run_waiting(s, i, memory);
    uint32_t raised = image.get<uint32_t>(FpuImage::kMxcsr) & kMxcsrFlags;
    if (underflow && exact_and_tiny(s, i)) raised |= kUnderflow;
    const uint32_t wanted = raised & ~(mxcsr >> 7) & kMxcsrFlags;
    // One found before the computation (#I, #D, #Z) keeps the others from being found (SDM volume 1, 11.5.4).
    constexpr uint32_t kPreComputation = 7;
    if (wanted & kPreComputation) raised &= kPreComputation;
    if (wanted) {
        s = before;
        if (waits_on_x87(i)) enter_mmx(s);  // has happened by then
    }
    image.set<uint32_t>(FpuImage::kMxcsr, mxcsr | raised);
    if (!wanted) return;
    if (s.cr4 & cr4::OSXMMEXCPT) throw GuestFault{Vector::XM, std::nullopt};
    throw GuestFault::undefined();
}

}  // namespace

void simd(Interpreter& cpu, const Instruction& i) {
    CpuState& s = cpu.state();
    require_simd(s, is_sse(i));
    if (waits_on_x87(i)) report_pending_x87(s);
    Bounce memory;
    GuestVirt a;
    if (i.has_memory) a = operand(cpu, i, memory);
    const bool all_masked = (fpu_image(s).get<uint32_t>(FpuImage::kMxcsr) & kMxcsrMasks) == kMxcsrMasks;
    if (all_masked)
        run_waiting(s, i, memory);
    else
        run_watched(s, i, memory);
    if (i.writes_memory()) cpu.memory().write_bytes(a, memory.bytes, i.memory.size, s.privilege());
}

// A plain store past the caches: it needs neither MMX nor SSE to be available.
void movnti(Interpreter& cpu, const Instruction& i) {
    cpu.write_operand(i, 0, cpu.read_operand(i, 1));
}

namespace {

// Stores the bytes of `data` whose `mask` byte has its top bit set. Faults are those of a store of all bytes, as on
// the host; with no byte selected there are none (the manual leaves both open).
void store_masked(Interpreter& cpu, const Instruction& i, const uint8_t* data, const uint8_t* mask, unsigned size) {
    CpuState& s = cpu.state();
    const auto selected = [&](unsigned n) { return (mask[n] & 0x80) != 0; };
    const uint32_t offset = i.address_size == 2 ? s.gpr[EDI] & 0xffff : s.gpr[EDI];
    const GuestVirt a = cpu.linear(i.memory.segment, offset, size, Access::Write);
    bool any = false;
    for (unsigned n = 0; n < size; ++n) any |= selected(n);
    if (any) cpu.memory().check_write(a, size, s.privilege());
    for (unsigned n = 0; n < size; ++n)
        if (selected(n)) cpu.memory().write<uint8_t>(a + n, data[n], s.privilege());
}

}  // namespace

void maskmovq(Interpreter& cpu, const Instruction& i) {
    CpuState& s = cpu.state();
    require_simd(s, false);
    report_pending_x87(s);
    enter_mmx(s);  // before the store: the host does so even when that faults
    auto mm = [&](unsigned reg) { return &s.fpu[FpuImage::kSt + reg * FpuImage::kRegister]; };
    store_masked(cpu, i, mm(i.op(0).reg), mm(i.op(1).reg), 8);
}

void maskmovdqu(Interpreter& cpu, const Instruction& i) {
    CpuState& s = cpu.state();
    require_simd(s, true);
    auto xmm = [&](unsigned reg) { return &s.fpu[FpuImage::kXmm + reg * FpuImage::kRegister]; };
    store_masked(cpu, i, xmm(i.op(0).reg), xmm(i.op(1).reg), 16);
}

// --- MXCSR and the whole state -------------------------------------------------------------------------------------

void ldmxcsr(Interpreter& cpu, const Instruction& i) {
    CpuState& s = cpu.state();
    require_simd(s, true);
    const uint32_t value = cpu.read_operand(i, 0);
    if (value & ~kMxcsrBits) throw GuestFault::general_protection();
    fpu_image(s).set<uint32_t>(FpuImage::kMxcsr, value);
}

void stmxcsr(Interpreter& cpu, const Instruction& i) {
    CpuState& s = cpu.state();
    require_simd(s, true);
    cpu.write_operand(i, 0, fpu_image(s).get<uint32_t>(FpuImage::kMxcsr));
}

namespace {

GuestVirt image_address(Interpreter& cpu, const Instruction& i, Access access) {
    if (cpu.state().cr0 & (cr0::EM | cr0::TS)) throw GuestFault::no_math();
    const GuestVirt a = cpu.operand_address(i, access);
    if (a.value % 16) throw GuestFault::general_protection();
    return a;
}

}  // namespace

// Writes what there is outside 64-bit mode: no XMM8 to 15, and the bytes behind them are the program's.
void fxsave(Interpreter& cpu, const Instruction& i) {
    CpuState& s = cpu.state();
    const GuestVirt a = image_address(cpu, i, Access::Write);
    fpu_image(s).set<uint32_t>(FpuImage::kMxcsrMask, kMxcsrBits);
    cpu.memory().write_bytes(a, s.fpu.data(), FpuImage::kEnd, s.privilege());
}

void fxrstor(Interpreter& cpu, const Instruction& i) {
    CpuState& s = cpu.state();
    const GuestVirt a = image_address(cpu, i, Access::Read);
    Bounce memory;
    cpu.memory().read_bytes(a, memory.bytes, sizeof(memory.bytes), s.privilege());
    const auto mxcsr = FpuImage(memory.bytes).get<uint32_t>(FpuImage::kMxcsr);
    if (mxcsr & ~kMxcsrBits) throw GuestFault::general_protection();
    memcpy(s.fpu.data(), memory.bytes, FpuImage::kEnd);
    normalise_fpu(s);
}

}  // namespace ringfold::interpreter
