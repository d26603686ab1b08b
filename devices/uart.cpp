// A 16550A serial port (National Semiconductor PC16550D data sheet).
#include "devices/uart.h"

#include <algorithm>

namespace ringfold {

namespace {

enum Register { kData, kInterruptEnable, kInterruptIdentity, kLineControl, kModemControl, kLineStatus, kModemStatus };

constexpr uint8_t kErbfi = 1, kEtbei = 2, kElsi = 4, kEdssi = 8;
constexpr uint8_t kNone = 1, kModemChanged = 0, kTransmitEmpty = 2, kReceived = 4, kTimeout = 0xc, kLineError = 6;
constexpr uint8_t kDr = 1, kOverrun = 2, kBreak = 0x10, kErrors = 0x1e, kThre = 0x20, kTemt = 0x40, kFifoError = 0x80;
constexpr uint8_t kDlab = 0x80;
constexpr uint8_t kDtr = 1, kRts = 2, kOut1 = 4, kOut2 = 8, kLoop = 0x10;
constexpr uint8_t kCts = 0x10, kDsr = 0x20, kRi = 0x40, kDcd = 0x80;

// How much a guest that ignores THRE can write ahead of a host that takes nothing. Beyond it bytes are lost, as
// they are on a real port.
constexpr size_t kMostUnsent = 1 << 20;

}  // namespace

Uart::Uart(const Clock& clock, IrqLine irq, ByteSink* sink, ByteSource* source)
    : clock_(clock), irq_(irq), sink_(sink), source_(source) {}

void Uart::reset() {
    State fresh;
    fresh.unsent.swap(state_.unsent);  // was sent long ago, as far as the guest can tell
    fresh.scratch = state_.scratch;
    fresh.divisor = state_.divisor;
    state_ = std::move(fresh);
    update_irq();
    deadline_moved();
}

uint32_t Uart::read(uint32_t offset, unsigned) {
    const bool dlab = state_.lcr & kDlab;
    switch (offset) {
        case kData:
            return dlab ? state_.divisor & 0xff : read_receive_buffer();
        case kInterruptEnable:
            return dlab ? state_.divisor >> 8 : state_.ier;
        case kInterruptIdentity:
            return read_interrupt_identity();
        case kLineControl:
            return state_.lcr;
        case kModemControl:
            return state_.mcr;
        case kLineStatus:
            return read_line_status();
        case kModemStatus:
            return read_modem_status();
        default:
            return state_.scratch;
    }
}

void Uart::write(uint32_t offset, unsigned, uint32_t value) {
    const auto byte = static_cast<uint8_t>(value);
    const bool dlab = state_.lcr & kDlab;
    switch (offset) {
        case kData:
            if (dlab)
                state_.divisor = static_cast<uint16_t>((state_.divisor & 0xff00) | byte);
            else
                transmit(byte);
            break;
        case kInterruptEnable:
            if (dlab)
                state_.divisor = static_cast<uint16_t>((state_.divisor & 0xff) | byte << 8);
            else
                write_interrupt_enable(byte);
            break;
        case kInterruptIdentity:
            write_fifo_control(byte);
            break;
        case kLineControl:
            state_.lcr = byte;
            break;
        case kModemControl:
            write_modem_control(byte);
            break;
        case kLineStatus:
        case kModemStatus:
            break;  // read-only outside the factory
        default:
            state_.scratch = byte;
    }
}

unsigned Uart::trigger() const {
    static constexpr unsigned kLevels[] = {1, 4, 8, 14};
    return fifo_enabled() ? kLevels[state_.fcr >> 6] : 1;
}

// Four character times: start, data, parity and stop bits of 16 clocks of 1.8432 MHz / divisor each.
Nanoseconds Uart::timeout() const {
    const unsigned bits = 1 + 5 + (state_.lcr & 3) + (state_.lcr & 8 ? 1 : 0) + (state_.lcr & 4 ? 2 : 1);
    return 4 * bits * (std::max<Nanoseconds>(state_.divisor, 1) * kSecond / 115200);
}

uint8_t Uart::line_status() const {
    uint8_t lsr = state_.lsr;
    if (state_.received_count) lsr |= kDr;
    if (state_.unsent.empty()) lsr |= kThre | kTemt;
    if (fifo_enabled() && (lsr & (kErrors & ~kOverrun))) lsr |= kFifoError;
    return lsr;
}

// The modem's lines, or in loopback our own outputs. A terminal is always there and ready.
uint8_t Uart::modem_lines() const {
    if (!(state_.mcr & kLoop)) return kDcd | kDsr | kCts;
    return static_cast<uint8_t>((state_.mcr & kRts ? kCts : 0) | (state_.mcr & kDtr ? kDsr : 0) |
                                (state_.mcr & kOut1 ? kRi : 0) | (state_.mcr & kOut2 ? kDcd : 0));
}

// The four interrupts in the order of their priority (data sheet, table IV).
uint8_t Uart::interrupt_identity() const {
    if ((state_.ier & kElsi) && (state_.lsr & kErrors)) return kLineError;
    if (state_.ier & kErbfi) {
        if (state_.received_count >= trigger()) return kReceived;
        if (state_.timed_out) return kTimeout;
    }
    if ((state_.ier & kEtbei) && state_.thre_interrupt) return kTransmitEmpty;
    if ((state_.ier & kEdssi) && state_.msr_changes) return kModemChanged;
    return kNone;
}

// MCR's OUT2 gates the line on a real PC; as in QEMU it does not here, so that kernels tested there work.
void Uart::update_irq() {
    irq_.set(interrupt_identity() != kNone);
}

uint8_t Uart::read_receive_buffer() {
    if (state_.received_count == 0) return state_.received[0];
    const uint8_t byte = state_.received[0];
    std::copy(state_.received.begin() + 1, state_.received.end(), state_.received.begin());
    state_.received_count--;
    if (state_.received_count == 0) state_.received[0] = byte;  // an empty buffer shows the last byte again
    state_.timed_out = false;
    state_.last_activity = clock_.now();
    update_irq();
    input_ready();
    deadline_moved();
    return byte;
}

uint8_t Uart::read_interrupt_identity() {
    const uint8_t identity = interrupt_identity();
    // To be told of the empty transmitter clears that cause (data sheet, table IV).
    if (identity == kTransmitEmpty) state_.thre_interrupt = false;
    update_irq();
    return identity | (fifo_enabled() ? 0xc0 : 0);
}

uint8_t Uart::read_line_status() {
    const uint8_t lsr = line_status();
    state_.lsr = 0;
    update_irq();
    return lsr;
}

uint8_t Uart::read_modem_status() {
    const uint8_t msr = modem_lines() | state_.msr_changes;
    state_.msr_changes = 0;
    update_irq();
    return msr;
}

void Uart::transmit(uint8_t byte) {
    state_.thre_interrupt = false;
    update_irq();  // the line drops between two causes, so that the next one is an edge
    if (state_.mcr & kLoop) {
        receive(byte);
        state_.thre_interrupt = true;
    } else {
        if (state_.unsent.size() < kMostUnsent) state_.unsent.push_back(byte);
        send_unsent();
    }
    update_irq();
}

void Uart::send_unsent() {
    while (!state_.unsent.empty()) {
        // One byte a call: a deque has no span, and more than one waits only behind a slow host.
        const uint8_t byte = state_.unsent.front();
        if (sink_ && sink_->write({&byte, 1}) == 0) return;
        state_.unsent.pop_front();
    }
    state_.thre_interrupt = true;
}

void Uart::output_ready() {
    if (state_.unsent.empty()) return;
    send_unsent();
    update_irq();
}

bool Uart::wants_input() const {
    return !(state_.mcr & kLoop) && state_.received_count < capacity();
}

void Uart::input_ready() {
    if (!source_) return;
    while (wants_input()) {
        const auto byte = source_->take();
        if (!byte) break;
        receive(*byte);
    }
}

void Uart::receive(uint8_t byte) {
    if (state_.received_count == capacity()) {
        state_.lsr |= kOverrun;
        // Without FIFOs the new character replaces the old one; with them it is lost (data sheet, LSR bit 1).
        if (!fifo_enabled()) state_.received[0] = byte;
    } else {
        state_.received[state_.received_count++] = byte;
    }
    state_.last_activity = clock_.now();
    update_irq();
    deadline_moved();
}

void Uart::receive_break() {
    if (state_.mcr & kLoop) return;
    state_.lsr |= kBreak;
    receive(0);
}

void Uart::write_interrupt_enable(uint8_t value) {
    const uint8_t raised = value & ~state_.ier;
    state_.ier = value & 0x0f;
    // Enabling it with the transmitter empty interrupts at once; Linux tests ports for that.
    if ((raised & kEtbei) && state_.unsent.empty()) state_.thre_interrupt = true;
    update_irq();
    deadline_moved();
}

void Uart::write_fifo_control(uint8_t value) {
    const bool toggled = (value ^ state_.fcr) & 1;
    if (toggled || (value & 3) == 3) {
        state_.received_count = 0;
        state_.timed_out = false;
        state_.lsr &= static_cast<uint8_t>(~kBreak);
    }
    // Bit 2 clears the transmit FIFO, which is never seen filled: what waits for the host has left it.
    state_.fcr = value & 1 ? value & 0xc1 : 0;
    update_irq();
    input_ready();
    deadline_moved();
}

void Uart::write_modem_control(uint8_t value) {
    const uint8_t before = modem_lines();
    state_.mcr = value & 0x1f;
    const uint8_t after = modem_lines(), changed = before ^ after;
    state_.msr_changes |= static_cast<uint8_t>(changed >> 4 & ~(kRi >> 4));
    if (before & ~after & kRi) state_.msr_changes |= kRi >> 4;  // RI reports only its trailing edge
    update_irq();
    input_ready();
}

std::optional<Nanoseconds> Uart::next_deadline() const {
    const bool waits = fifo_enabled() && (state_.ier & kErbfi) && !state_.timed_out && state_.received_count &&
                       state_.received_count < trigger();
    if (!waits) return std::nullopt;
    return state_.last_activity + timeout();
}

void Uart::advance(Nanoseconds now) {
    const auto deadline = next_deadline();
    if (!deadline || *deadline > now) return;
    state_.timed_out = true;
    update_irq();
}

void Uart::restore(const State& s) {
    state_ = s;
    update_irq();
    deadline_moved();
}

}  // namespace ringfold
