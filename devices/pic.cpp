// Two cascaded 8259A interrupt controllers, as the PC wires them (Intel 8259A data sheet, 231468).
#include "devices/pic.h"

#include "vmm/base/log.h"

namespace ringfold {

namespace {

constexpr unsigned kCascade = 2;

constexpr uint8_t bit(unsigned n) {
    return static_cast<uint8_t>(1u << (n & 7));
}

}  // namespace

void PicChip::reset() {
    const uint8_t lines = state_.lines;
    state_ = State{};
    state_.lines = lines;
}

void PicChip::set_input(unsigned input, bool level) {
    const uint8_t mask = bit(input);
    const bool was = state_.lines & mask;
    state_.lines = level ? state_.lines | mask : state_.lines & ~mask;
    // A request lasts only as long as its line: an edge sets the latch, and a line that drops before INTA clears it.
    if (!level)
        state_.request &= ~mask;
    else if (!was || (state_.level & mask))
        state_.request |= mask;
}

void PicChip::set_elcr(uint8_t value) {
    state_.level = value & level_capable_;
    state_.request |= state_.lines & state_.level;
}

// The member of `set` with the highest priority; priorities go up from lowest + 1, around.
int PicChip::highest(uint8_t set) const {
    for (unsigned i = 1; i <= 8; i++) {
        const unsigned input = (state_.lowest + i) & 7;
        if (set & bit(input)) return static_cast<int>(input);
    }
    return -1;
}

int PicChip::pending() const {
    if (state_.init_step) return -1;
    const int candidate = highest(state_.request & ~state_.mask);
    if (candidate < 0) return -1;
    uint8_t blocking = state_.service;
    // Special mask mode: a level in service that is masked blocks nobody (data sheet, OCW3).
    if (state_.special_mask) blocking &= ~state_.mask;
    // Special fully nested mode: a slave in service may ask again for something more urgent.
    if (state_.special_fully_nested && cascade_ < 8) blocking &= ~bit(cascade_);
    const int served = highest(blocking);
    if (served < 0) return candidate;
    const auto rank = [this](int input) { return (static_cast<unsigned>(input) - state_.lowest - 1) & 7; };
    return rank(candidate) < rank(served) ? candidate : -1;
}

int PicChip::acknowledge() {
    const int input = pending();
    if (input < 0) return -1;
    const uint8_t mask = bit(static_cast<unsigned>(input));
    if (!(state_.level & mask)) state_.request &= ~mask;
    if (!state_.auto_eoi)
        state_.service |= mask;
    else if (state_.rotate_on_auto_eoi)
        state_.lowest = static_cast<uint8_t>(input);
    return input;
}

uint8_t PicChip::read(bool odd_port) {
    if (state_.poll) {  // the read acts as INTA (data sheet, poll command)
        state_.poll = false;
        const int input = acknowledge();
        return input < 0 ? 0 : static_cast<uint8_t>(0x80 | input);
    }
    if (odd_port) return state_.mask;
    return state_.read_service ? state_.service : state_.request;
}

void PicChip::write(bool odd_port, uint8_t value) {
    if (odd_port) {
        if (state_.init_step)
            continue_initialisation(value);
        else
            state_.mask = value;
    } else if (value & 0x10) {
        begin_initialisation(value);
    } else if (value & 0x08) {
        operation_command3(value);
    } else {
        operation_command2(value);
    }
}

void PicChip::begin_initialisation(uint8_t icw1) {
    State fresh;
    fresh.lines = state_.lines;
    // Bit 3, LTIM, does nothing here: the PC's chips take the trigger mode from ELCR.
    fresh.level = state_.level;
    // An input that is already high makes no new edge; a level one keeps asking.
    fresh.request = state_.lines & state_.level;
    fresh.vector_base = state_.vector_base;
    fresh.wants_icw4 = icw1 & 1;
    fresh.single = icw1 & 2;
    fresh.init_step = 2;
    state_ = fresh;
}

void PicChip::continue_initialisation(uint8_t value) {
    switch (state_.init_step) {
        case 2:
            state_.vector_base = value & 0xf8;
            state_.init_step = !state_.single ? 3 : state_.wants_icw4 ? 4 : 0;
            break;
        case 3:  // which inputs have slaves, or the slave's number: fixed in the PC
            state_.init_step = state_.wants_icw4 ? 4 : 0;
            break;
        default:
            if (!(value & 1)) log::print(log::GuestErrors, "8259: ICW4 {:#x} asks for MCS-80 mode\n", value);
            state_.auto_eoi = value & 2;
            state_.special_fully_nested = value & 0x10;
            state_.init_step = 0;
    }
}

void PicChip::end_of_interrupt(unsigned input, bool rotate) {
    state_.service &= ~bit(input);
    if (rotate) state_.lowest = input & 7;
}

void PicChip::operation_command2(uint8_t value) {
    const unsigned level = value & 7;
    switch (value >> 5) {  // R, SL, EOI
        case 0b000:
            state_.rotate_on_auto_eoi = false;
            break;
        case 0b100:
            state_.rotate_on_auto_eoi = true;
            break;
        case 0b001:
        case 0b101: {
            // A non-specific EOI does not clear a level that special mask mode has masked (data sheet, EOI).
            const int top = highest(state_.special_mask ? state_.service & ~state_.mask : state_.service);
            if (top >= 0) end_of_interrupt(static_cast<unsigned>(top), value & 0x80);
            break;
        }
        case 0b011:
        case 0b111:
            end_of_interrupt(level, value & 0x80);
            break;
        case 0b110:
            state_.lowest = static_cast<uint8_t>(level);
            break;
        default:
            break;  // 010: no operation
    }
}

void PicChip::operation_command3(uint8_t value) {
    if (value & 0x40) state_.special_mask = value & 0x20;
    if (value & 0x02) state_.read_service = value & 0x01;
    state_.poll = value & 0x04;
}

uint32_t Pic::read(uint32_t offset, unsigned) {
    uint8_t value = 0xff;
    switch (offset) {
        case 0:
        case 1:
            value = master_.read(offset & 1);
            break;
        case 2:
        case 3:
            value = slave_.read(offset & 1);
            break;
        case 4:
            return master_.elcr();
        case 5:
            return slave_.elcr();
        default:
            break;
    }
    update();  // a poll acknowledges
    return value;
}

void Pic::write(uint32_t offset, unsigned, uint32_t value) {
    const auto byte = static_cast<uint8_t>(value);
    switch (offset) {
        case 0:
        case 1:
            master_.write(offset & 1, byte);
            break;
        case 2:
        case 3:
            slave_.write(offset & 1, byte);
            break;
        case 4:
            master_.set_elcr(byte);
            break;
        case 5:
            slave_.set_elcr(byte);
            break;
        default:
            break;
    }
    update();
}

void Pic::reset() {
    master_.reset();
    slave_.reset();
    update();
}

void Pic::set_irq(unsigned input, bool level) {
    if (input == kCascade) return;
    if (const PicChip::State& s = (input < 8 ? master_ : slave_).state(); level && !(s.lines >> (input & 7) & 1))
        ++counts_[input & 15];
    (input < 8 ? master_ : slave_).set_input(input & 7, level);
    update();
}

uint8_t Pic::acknowledge() {
    const int input = master_.acknowledge();
    uint8_t vector = master_.vector(input < 0 ? 7 : static_cast<unsigned>(input));
    if (input == kCascade) {
        const int slave_input = slave_.acknowledge();
        // Nothing asks any more: IR7's vector, without a bit in service (data sheet, interrupt sequence).
        vector = slave_.vector(slave_input < 0 ? 7 : static_cast<unsigned>(slave_input));
        // INTA drops the slave's INT, so that what it asks for next is a new edge at the master.
        master_.set_input(kCascade, false);
    }
    update();
    return vector;
}

void Pic::update() {
    master_.set_input(kCascade, slave_.output());
    const bool level = master_.output();
    if (level == intr_) return;
    intr_ = level;
    if (intr_changed_) intr_changed_();
}

void Pic::restore(const State& s) {
    master_.restore(s.master);
    slave_.restore(s.slave);
    update();
}

}  // namespace ringfold
