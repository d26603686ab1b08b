// Reads and marks descriptors in the guest's GDT and LDT, always with supervisor privilege.
#include "translator/interpreter/descriptor.h"

namespace ringfold::interpreter {

namespace {

constexpr uint8_t kAccessed = 1, kBusy = 2;

std::optional<GuestVirt> descriptor_address(Interpreter& cpu, uint16_t selector) {
    const CpuState& s = cpu.state();
    const uint32_t index = selector & 0xfff8;
    if (!is_local(selector)) {
        if (index + 7 > s.gdtr.limit) return std::nullopt;
        return GuestVirt(s.gdtr.base + index);
    }
    if (!s.ldtr.present() || index + 7 > s.ldtr.limit) return std::nullopt;
    return GuestVirt(s.ldtr.base + index);
}

}  // namespace

std::optional<Descriptor> find_descriptor(Interpreter& cpu, uint16_t selector) {
    const auto address = descriptor_address(cpu, selector);
    if (!address) return std::nullopt;
    const auto raw = cpu.memory().read<uint64_t>(*address, Privilege::Supervisor);
    return Descriptor{static_cast<uint32_t>(raw), static_cast<uint32_t>(raw >> 32)};
}

Descriptor fetch_descriptor(Interpreter& cpu, uint16_t selector, Vector vector, uint32_t ext) {
    if (auto d = find_descriptor(cpu, selector)) return *d;
    throw GuestFault{vector, selector_error(selector, ext)};
}

void mark_accessed(Interpreter& cpu, uint16_t selector, Descriptor& d) {
    if (d.high & (kAccessed << 8)) return;
    d.high |= kAccessed << 8;
    const auto address = descriptor_address(cpu, selector);
    cpu.memory().write<uint8_t>(*address + 5, static_cast<uint8_t>(d.high >> 8), Privilege::Supervisor);
}

void set_tss_busy(Interpreter& cpu, uint16_t selector, bool busy) {
    const auto address = descriptor_address(cpu, selector);
    if (!address) return;  // the GDT was made shorter under a running task: nothing is left to mark
    const auto type = cpu.memory().read<uint8_t>(*address + 5, Privilege::Supervisor);
    cpu.memory().write<uint8_t>(*address + 5, static_cast<uint8_t>(busy ? type | kBusy : type & ~kBusy),
                                Privilege::Supervisor);
}

}  // namespace ringfold::interpreter
