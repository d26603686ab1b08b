// COM1 to COM4 where a PC has them, each with its end on the host.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "devices/bus.h"
#include "devices/irq_line.h"
#include "devices/timed_device.h"
#include "devices/uart.h"
#include "vmm/char_outputs.h"
#include "vmm/snapshot/state_parts.h"

namespace ringfold {

// A wire that several devices pull.
class SharedIrq final : public IrqSink {
public:
    explicit SharedIrq(IrqLine line) : line_(line) {}
    void set_irq(unsigned input, bool level) override {
        pulled_ = level ? pulled_ | 1u << input : pulled_ & ~(1u << input);
        line_.set(pulled_ != 0);
    }
    IrqLine line(unsigned input) { return IrqLine(*this, input); }

private:
    IrqLine line_;
    unsigned pulled_ = 0;
};

class SerialPorts {
public:
    // COM1 is always there. `typed` is where the terminal's input comes from, for the port that has the terminal; null if
    // it is somebody else's.
    SerialPorts(const Clock& clock, IrqLine irq3, IrqLine irq4, const CharEnds& ends, CharOutputs& outputs, ByteSource* typed);

    void claim(Bus& bus);
    // On the vCPU's thread: looks at what the hosts' ends have.
    void service();
    void list_parts(StateParts& parts);
    const std::vector<TimedDevice*>& timed() const { return timed_; }

private:
    SharedIrq irq3_, irq4_;
    CharOutputs& outputs_;
    std::array<std::unique_ptr<Uart>, kSerialPorts> uarts_;
    std::vector<TimedDevice*> timed_;
};

}  // namespace ringfold
