// The wires IRQ 0 to 15 of a PC: each leads to its input of the 8259 pair and, on a board that has one, to the I/O
// APIC's pin of the same number. IRQ 0 sits at pin 2 there, which the cascade leaves free.
#pragma once

#include "devices/apic/io_apic.h"
#include "devices/irq_line.h"

namespace ringfold {

class IsaInterrupts final : public IrqSink {
public:
    explicit IsaInterrupts(IrqSink& pic) : pic_(pic) {}
    void connect(IoApic& io_apic) { io_apic_ = &io_apic; }

    void set_irq(unsigned irq, bool level) override {
        pic_.set_irq(irq, level);
        if (io_apic_) io_apic_->set_irq(irq ? irq : kTimerPin, level);
    }
    IrqLine line(unsigned irq) { return IrqLine(*this, irq); }

private:
    static constexpr unsigned kTimerPin = 2;
    IrqSink& pic_;
    IoApic* io_apic_ = nullptr;
};

}  // namespace ringfold
