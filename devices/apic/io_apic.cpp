// The 82093AA I/O APIC.
#include "devices/apic/io_apic.h"

#include "vmm/base/log.h"

namespace ringfold {

namespace {

// Registers behind the window (data sheet, 3.2).
constexpr uint8_t kId = 0, kVersionRegister = 1, kArbitration = 2, kTable = 0x10;
constexpr uint32_t kWritable = 0x1afff, kDestination = 0xff000000;

bool has_end(DeliveryMode mode) {
    return mode == DeliveryMode::Fixed || mode == DeliveryMode::LowestPriority;
}

}  // namespace

void IoApic::reset() {
    const uint32_t lines = state_.lines;
    state_ = {};
    state_.lines = lines;
}

uint32_t IoApic::read(uint32_t offset, unsigned size) {
    if (offset == 0) return state_.select;
    return offset == 0x10 && size == 4 ? read_register() : 0;
}

void IoApic::write(uint32_t offset, unsigned size, uint32_t value) {
    if (offset == 0)
        state_.select = static_cast<uint8_t>(value);
    else if (offset == 0x10 && size == 4)
        write_register(value);
    else
        log::print(log::GuestErrors, "I/O APIC: a write of {} bytes at {:#x}\n", size, offset);
}

uint32_t IoApic::read_register() const {
    const unsigned pin = (state_.select - kTable) / 2u;
    switch (state_.select) {
        case kId:
        case kArbitration:
            return uint32_t{state_.id} << 24;
        case kVersionRegister:
            return kVersion | (kPins - 1) << 16;
        default:
            if (state_.select < kTable || pin >= kPins) return 0;
            return state_.select & 1 ? state_.high[pin] : state_.low[pin];
    }
}

void IoApic::write_register(uint32_t value) {
    const unsigned pin = (state_.select - kTable) / 2u;
    if (state_.select == kId)
        state_.id = value >> 24 & 0xf;
    else if (state_.select < kTable || pin >= kPins)
        log::print(log::GuestErrors, "I/O APIC: a write of register {:#x}\n", state_.select);
    else if (state_.select & 1)
        state_.high[pin] = value & kDestination;
    else
        write_entry(pin, value);
}

void IoApic::write_entry(unsigned pin, uint32_t value) {
    uint32_t& low = state_.low[pin];
    const uint32_t bit = 1u << pin;
    const bool was_level = low & kLevel;
    low = (value & kWritable) | (low & kRemoteIrr);
    if (low & kLevel) {
        state_.waiting = (state_.waiting & ~bit) | (state_.lines & bit);
    } else {
        low &= ~kRemoteIrr;  // so software ends an interrupt where there is no EOI register
        if (was_level) state_.waiting &= ~bit;
    }
    service(pin);
}

// An edge at a masked pin is lost (data sheet, 3.2.4, interrupt mask).
void IoApic::set_irq(unsigned pin, bool level) {
    if (pin >= kPins) return;
    const uint32_t bit = 1u << pin, low = state_.low[pin];
    const bool rises = level && !(state_.lines & bit);
    state_.lines = level ? state_.lines | bit : state_.lines & ~bit;
    counts_[pin] += rises;
    if (low & kLevel)
        state_.waiting = level ? state_.waiting | bit : state_.waiting & ~bit;
    else if (rises && !(low & kMasked))
        state_.waiting |= bit;
    if (rises) service(pin);
}

void IoApic::service(unsigned pin) {
    const uint32_t bit = 1u << pin;
    uint32_t& low = state_.low[pin];
    if (!(state_.waiting & bit) || low & (kMasked | kRemoteIrr)) return;
    const auto mode = static_cast<DeliveryMode>(low >> 8 & 7);
    const bool level = low & kLevel && has_end(mode);
    // Before the message: its end may be told from inside.
    if (level) low |= kRemoteIrr;
    const bool accepted = cpus_.deliver({.vector = static_cast<uint8_t>(low),
                                         .mode = mode,
                                         .destination = static_cast<uint8_t>(state_.high[pin] >> 24),
                                         .logical = (low & kLogical) != 0,
                                         .level = level});
    if (!accepted)
        low &= ~kRemoteIrr;
    else if (!level)
        state_.waiting &= ~bit;
}

void IoApic::end_of_interrupt(uint8_t vector) {
    for (unsigned pin = 0; pin < kPins; ++pin) {
        uint32_t& low = state_.low[pin];
        if (!(low & kRemoteIrr) || static_cast<uint8_t>(low) != vector) continue;
        low &= ~kRemoteIrr;
        service(pin);
    }
}

void IoApic::offer_again() {
    for (unsigned pin = 0; pin < kPins; ++pin) service(pin);
}

}  // namespace ringfold
