// One wire from a device to an interrupt controller's input.
#pragma once

namespace ringfold {

class IrqSink {
public:
    virtual ~IrqSink() = default;
    virtual void set_irq(unsigned input, bool level) = 0;
};

// A copyable handle on that wire. A line to nowhere is what a device gets whose interrupt is not connected.
class IrqLine {
public:
    IrqLine(IrqSink& sink, unsigned input) : sink_(&sink), input_(input) {}
    static IrqLine none() { return IrqLine(); }

    void set(bool level) const {
        if (sink_) sink_->set_irq(input_, level);
    }
    void raise() const { set(true); }
    void lower() const { set(false); }
    // A new edge whatever the level was; ends high.
    void edge() const {
        lower();
        raise();
    }

private:
    IrqLine() = default;
    IrqSink* sink_ = nullptr;
    unsigned input_ = 0;
};

}  // namespace ringfold
