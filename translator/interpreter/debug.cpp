// Matches addresses against the debug registers, and MOV to and from them.
#include "translator/interpreter/debug.h"

#include "translator/interpreter/handlers.h"

namespace ringfold::interpreter {

namespace {

enum Condition : unsigned { Execute = 0, Write = 1, Io = 2, ReadWrite = 3 };

bool enabled(const CpuState& s, unsigned n) { return (s.dr[7] >> (2 * n)) & 3; }
unsigned condition(const CpuState& s, unsigned n) { return (s.dr[7] >> (16 + 4 * n)) & 3; }

// LEN 2 means 8 bytes where it means anything.
uint32_t length(const CpuState& s, unsigned n) {
    static constexpr uint32_t kLength[4] = {1, 2, 8, 4};
    return kLength[(s.dr[7] >> (18 + 4 * n)) & 3];
}

// The breakpoint's address is taken aligned to its length.
bool meets(const CpuState& s, unsigned n, uint32_t address, unsigned size) {
    const uint32_t start = s.dr[n] & ~(length(s, n) - 1);
    return address - start < length(s, n) || start - address < size;
}

template <class Wanted>
uint32_t matches(const CpuState& s, uint32_t address, unsigned size, Wanted wanted) {
    uint32_t bits = 0;
    for (unsigned n = 0; n < 4; ++n)
        if (enabled(s, n) && wanted(condition(s, n)) && meets(s, n, address, size)) bits |= 1u << n;
    return bits;
}

}  // namespace

uint32_t code_breakpoints(const CpuState& s, GuestVirt address) {
    uint32_t bits = 0;
    for (unsigned n = 0; n < 4; ++n)
        if (enabled(s, n) && condition(s, n) == Execute && s.dr[n] == address.value) bits |= 1u << n;
    return bits;
}

void note_data_access(CpuState& s, GuestVirt address, unsigned size, Access access) {
    s.pending_debug |= matches(s, address.value, size, [access](unsigned c) {
        return c == ReadWrite || (c == Write && access == Access::Write);
    });
}

void note_io_access(CpuState& s, uint16_t port, unsigned size) {
    if (!breakpoints_enabled(s) || !(s.cr4 & cr4::DE)) return;
    s.pending_debug |= matches(s, port, size, [](unsigned c) { return c == Io; });
}

bool data_breakpoints_enabled(const CpuState& s) {
    for (unsigned n = 0; n < 4; ++n)
        if (enabled(s, n) && condition(s, n) != Execute) return true;
    return false;
}

void record_debug_cause(CpuState& s, uint32_t bits) {
    s.dr[6] = (s.dr[6] & ~dr6::kBreakpoints) | bits;
    s.dr[7] &= ~dr7::GD;
}

namespace {

constexpr uint32_t kDr6Fixed = 0xffff0ff0, kDr6Writable = 0xe00f;
constexpr uint32_t kDr7Fixed = 0x400, kDr7Writable = 0xffff23ff;

// DR4 and DR5 are other names for DR6 and DR7, unless debugging extensions are on (SDM volume 3, 17.2.2).
unsigned debug_register(const CpuState& s, unsigned n) {
    if (n != 4 && n != 5) return n;
    if (s.cr4 & cr4::DE) throw GuestFault::undefined();
    return n + 2;
}

void write_debug_register(CpuState& s, unsigned n, uint32_t value) {
    if (n == 6) value = (value & kDr6Writable) | kDr6Fixed;
    if (n == 7) value = (value & kDr7Writable) | kDr7Fixed;
    s.dr[n] = value;
}

}  // namespace

void mov_debug(Interpreter& cpu, const Instruction& i) {
    CpuState& s = cpu.state();
    const bool to_debug = i.op(0).kind == OperandKind::Debug;
    if (s.cpl != 0) throw GuestFault::general_protection();
    const unsigned n = debug_register(s, i.op(to_debug ? 0 : 1).reg);
    if (s.dr[7] & dr7::GD) {
        record_debug_cause(s, dr6::BD);
        throw GuestFault{Vector::DB, std::nullopt};
    }
    if (to_debug)
        write_debug_register(s, n, s.gpr[i.op(1).reg]);
    else
        s.gpr[i.op(0).reg] = s.dr[n];
}

}  // namespace ringfold::interpreter
