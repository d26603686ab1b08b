// A 16550A serial port (National Semiconductor PC16550D data sheet).
#pragma once

#include <array>
#include <cstdint>
#include <deque>

#include "devices/byte_stream.h"
#include "devices/device.h"
#include "devices/irq_line.h"
#include "devices/timed_device.h"

namespace ringfold {

// Registers: 0-7. Transmission takes no time unless the host's end is full; reception is as fast as the guest reads.
class Uart final : public Device, public TimedDevice {
public:
    struct State {
        uint8_t ier = 0, lcr = 0, mcr = 0, scratch = 0;
        uint8_t fcr = 0;          // bit 0 and the trigger level
        uint8_t lsr = 0;          // the error bits: what follows from the queues is not kept
        uint8_t msr_changes = 0;  // delta bits
        uint16_t divisor = 12;    // 9600 baud
        bool thre_interrupt = false;
        bool timed_out = false;  // character timeout indication
        std::array<uint8_t, 16> received{};
        uint8_t received_count = 0;
        Nanoseconds last_activity = 0;  // when the receive queue was last filled or read
        std::deque<uint8_t> unsent;     // written by the guest, not yet taken by the sink

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "ier", ier, "lcr", lcr, "mcr", mcr, "scratch", scratch, "fcr", fcr, "lsr", lsr,
                           "msr_changes", msr_changes, "divisor", divisor, "thre_interrupt", thre_interrupt,
                           "timed_out", timed_out, "received", received, "received_count", received_count,
                           "last_activity", last_activity, "unsent", unsent);
            archive.require(received_count <= received.size(), "received_count");
        }
    };

    // Without a sink, output vanishes; without a source there is no input.
    Uart(const Clock& clock, IrqLine irq, ByteSink* sink, ByteSource* source);

    uint32_t read(uint32_t offset, unsigned size) override;
    void write(uint32_t offset, unsigned size, uint32_t value) override;
    void reset() override;

    std::optional<Nanoseconds> next_deadline() const override;
    void advance(Nanoseconds now) override;

    // From the owner of sink and source.
    void output_ready();
    void input_ready();
    bool wants_output() const { return !state_.unsent.empty(); }
    bool wants_input() const;
    // The other side holds the line low: a break, with which Linux takes the next byte as a SysRq command.
    void receive_break();

    const State& state() const { return state_; }
    void restore(const State& s);

private:
    bool fifo_enabled() const { return state_.fcr & 1; }
    unsigned capacity() const { return fifo_enabled() ? 16 : 1; }
    unsigned trigger() const;
    Nanoseconds timeout() const;
    uint8_t line_status() const;
    uint8_t modem_lines() const;
    uint8_t interrupt_identity() const;
    uint8_t read_receive_buffer();
    uint8_t read_interrupt_identity();
    uint8_t read_line_status();
    uint8_t read_modem_status();
    void transmit(uint8_t byte);
    void receive(uint8_t byte);
    void send_unsent();
    void write_interrupt_enable(uint8_t value);
    void write_fifo_control(uint8_t value);
    void write_modem_control(uint8_t value);
    void update_irq();

    const Clock& clock_;
    IrqLine irq_;
    ByteSink* sink_;
    ByteSource* source_;
    State state_;
};

}  // namespace ringfold
