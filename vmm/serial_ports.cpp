// The PC's serial ports.
#include "vmm/serial_ports.h"

#include <fmt/format.h>

namespace ringfold {

namespace {

constexpr uint16_t kBases[kSerialPorts] = {0x3f8, 0x2f8, 0x3e8, 0x2e8};

}  // namespace

SerialPorts::SerialPorts(const Clock& clock, IrqLine irq3, IrqLine irq4, const CharEnds& ends, CharOutputs& outputs,
                         ByteSource* typed)
    : irq3_(irq3), irq4_(irq4), outputs_(outputs) {
    for (unsigned n = 0; n < kSerialPorts; ++n) {
        if (n > 0 && !ends.serials[n]) continue;
        CharStream& end = outputs.serials[n];
        ByteSource* const source = ends.port_on_terminal() == n ? typed : &end;
        uarts_[n] = std::make_unique<Uart>(clock, (n % 2 ? irq3_ : irq4_).line(n), &end, source);
        timed_.push_back(uarts_[n].get());
    }
}

void SerialPorts::claim(Bus& bus) {
    for (size_t n = 0; n < kSerialPorts; ++n)
        if (uarts_[n]) bus.claim({.base = kBases[n], .length = 8}, *uarts_[n]);
}

void SerialPorts::service() {
    for (size_t n = 0; n < kSerialPorts; ++n) {
        if (!uarts_[n]) continue;
        if (outputs_.serials[n].take_break()) uarts_[n]->receive_break();
        uarts_[n]->output_ready();
        uarts_[n]->input_ready();
    }
}

void SerialPorts::list_parts(StateParts& parts) {
    for (size_t n = 0; n < kSerialPorts; ++n)
        if (uarts_[n]) parts.add(n == 0 ? "serial" : fmt::format("serial{}", n + 1), *uarts_[n]);
}

}  // namespace ringfold
