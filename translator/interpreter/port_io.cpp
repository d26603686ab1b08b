// IN, OUT, INS and OUTS.
#include "translator/interpreter/port_io.h"

#include "translator/interpreter/debug.h"
#include "translator/interpreter/handlers.h"

namespace ringfold::interpreter {

namespace {

constexpr uint32_t kBitmapBaseOffset = 0x66;

bool bitmap_allows(Interpreter& cpu, uint16_t port, unsigned size) {
    const SegmentRegister& tr = cpu.state().tr;
    const bool wide_tss = tr.present() && (tr.type() & 8);
    if (!wide_tss || tr.limit < kBitmapBaseOffset + 1) return false;
    const uint32_t bitmap =
        cpu.memory().read<uint16_t>(GuestVirt(tr.base + kBitmapBaseOffset), Privilege::Supervisor);
    const uint32_t at = bitmap + port / 8;
    // Two bytes are read always, so the manual wants a byte of ones behind the bitmap.
    if (at + 1 > tr.limit) return false;
    const uint32_t bits = cpu.memory().read<uint16_t>(GuestVirt(tr.base + at), Privilege::Supervisor);
    return ((bits >> (port % 8)) & ((1u << size) - 1)) == 0;
}

}  // namespace

void check_io(Interpreter& cpu, uint16_t port, unsigned size) {
    const CpuState& s = cpu.state();
    const bool by_bitmap = s.protected_mode() && (s.v86() || s.cpl > s.iopl());
    if (by_bitmap && !bitmap_allows(cpu, port, size)) throw GuestFault::general_protection();
}

namespace {

uint32_t port_in(Interpreter& cpu, uint16_t port, unsigned size) {
    note_io_access(cpu.state(), port, size);
    return cpu.ports().in(port, size);
}

void port_out(Interpreter& cpu, uint16_t port, unsigned size, uint32_t value) {
    note_io_access(cpu.state(), port, size);
    cpu.ports().out(port, size, value);
}

// E4 to E7 name the port in a byte, EC to EF in DX; the lowest opcode bit tells a byte from a word.
uint16_t port_operand(const CpuState& s, const Instruction& i) {
    const bool in_dx = i.opcode & 8;
    return static_cast<uint16_t>(in_dx ? s.gpr[EDX] : i.immediate & 0xff);
}
unsigned data_size(const Instruction& i) { return i.opcode & 1 ? i.operand_size : 1; }
uint32_t size_mask(unsigned size) { return size == 4 ? 0xffffffff : (1u << (8 * size)) - 1; }

// --- INS and OUTS ------------------------------------------------------------------------------------------

// The string registers, at the instruction's address size.
uint32_t masked(const Instruction& i, uint32_t value) { return i.address_size == 2 ? value & 0xffff : value; }
void advance(CpuState& s, const Instruction& i, Gpr reg, uint32_t by) {
    const uint32_t keep = i.address_size == 2 ? 0xffff0000 : 0;
    s.gpr[reg] = (s.gpr[reg] & keep) | masked(i, s.gpr[reg] + by);
}

uint32_t string_step(const CpuState& s, unsigned size) { return s.direction_flag ? 0u - size : size; }

// Everything that can fault goes before the port is touched, since a read may change the device.
void ins_element(Interpreter& cpu, const Instruction& i, unsigned size) {
    CpuState& s = cpu.state();
    const auto port = static_cast<uint16_t>(s.gpr[EDX]);
    const uint32_t offset = masked(i, s.gpr[EDI]);
    const GuestVirt to = cpu.linear(ES, offset, size, Access::Write);
    cpu.memory().check_write(to, size, s.privilege());
    cpu.write(ES, offset, size, port_in(cpu, port, size));
    advance(s, i, EDI, string_step(s, size));
}

void outs_element(Interpreter& cpu, const Instruction& i, unsigned size) {
    CpuState& s = cpu.state();
    const auto port = static_cast<uint16_t>(s.gpr[EDX]);
    port_out(cpu, port, size, cpu.read(i.memory.segment, masked(i, s.gpr[ESI]), size));
    advance(s, i, ESI, string_step(s, size));
}

using Element = void (*)(Interpreter&, const Instruction&, unsigned size);

// A fault leaves the registers at the element that met it, so that the instruction goes on from there. The port's
// permission is checked first, even if there is nothing to repeat.
void repeat(Interpreter& cpu, const Instruction& i, unsigned size, Element element) {
    CpuState& s = cpu.state();
    check_io(cpu, static_cast<uint16_t>(s.gpr[EDX]), size);
    if (!i.rep && !i.repne) return element(cpu, i, size);
    while (masked(i, s.gpr[ECX]) != 0) {
        element(cpu, i, size);
        advance(s, i, ECX, 0u - 1);
        if (cpu.stops() && masked(i, s.gpr[ECX]) != 0) {
            cpu.next_eip = s.eip;
            return;
        }
    }
}

}  // namespace

void in(Interpreter& cpu, const Instruction& i) {
    CpuState& s = cpu.state();
    const uint16_t port = port_operand(s, i);
    const unsigned size = data_size(i);
    check_io(cpu, port, size);
    const uint32_t value = port_in(cpu, port, size), mask = size_mask(size);
    s.gpr[EAX] = (s.gpr[EAX] & ~mask) | (value & mask);
}

void out(Interpreter& cpu, const Instruction& i) {
    const CpuState& s = cpu.state();
    const uint16_t port = port_operand(s, i);
    const unsigned size = data_size(i);
    check_io(cpu, port, size);
    port_out(cpu, port, size, s.gpr[EAX] & size_mask(size));
}

void insb(Interpreter& cpu, const Instruction& i) { repeat(cpu, i, 1, ins_element); }
void insw(Interpreter& cpu, const Instruction& i) { repeat(cpu, i, 2, ins_element); }
void insd(Interpreter& cpu, const Instruction& i) { repeat(cpu, i, 4, ins_element); }
void outsb(Interpreter& cpu, const Instruction& i) { repeat(cpu, i, 1, outs_element); }
void outsw(Interpreter& cpu, const Instruction& i) { repeat(cpu, i, 2, outs_element); }
void outsd(Interpreter& cpu, const Instruction& i) { repeat(cpu, i, 4, outs_element); }

}  // namespace ringfold::interpreter
