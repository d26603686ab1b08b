// The local APIC.
#include "devices/apic/local_apic.h"

#include <utility>

#include "vmm/base/log.h"

namespace ringfold {

namespace {

// Registers by their offset divided by 16 (SDM volume 3, table 10-1).
enum Register : uint32_t {
    kId = 0x02, kVersionRegister = 0x03, kTaskPriority = 0x08, kArbitrationPriority = 0x09, kProcessorPriority = 0x0a,
    kEoi = 0x0b, kRemoteRead = 0x0c, kLogicalDestination = 0x0d, kDestinationFormat = 0x0e, kSpurious = 0x0f,
    kService = 0x10, kLevel = 0x18, kRequest = 0x20, kErrorStatus = 0x28, kCommand = 0x30, kCommandHigh = 0x31,
    kLvt = 0x32, kInitialCount = 0x38, kCurrentCount = 0x39, kDivide = 0x3e,
};

constexpr uint32_t kVersionValue = LocalApic::kVersion | (LocalApic::kLvtEntries - 1) << 16;
constexpr uint32_t kSpuriousBits = 0x3ff, kCommandBits = 0x000ccfff;
constexpr uint32_t kRemoteIrr = 1 << 14, kLevelTriggered = 1 << 15;
// What of each entry of the local vector table can be written (figure 10-8).
constexpr uint32_t kLvtBits[LocalApic::kLvtEntries] = {0x300ff, 0x107ff, 0x107ff, 0x1a7ff, 0x1a7ff, 0x100ff};
// ESR (figure 10-9).
constexpr uint8_t kSendIllegalVector = 1 << 5, kReceiveIllegalVector = 1 << 6, kIllegalRegister = 1 << 7;
constexpr uint8_t kFirstLegalVector = 16;
constexpr uint8_t kBroadcast = 0xff;

DeliveryMode mode_of(uint32_t entry) {
    return static_cast<DeliveryMode>(entry >> 8 & 7);
}

bool has_vector(DeliveryMode mode) {
    return mode == DeliveryMode::Fixed || mode == DeliveryMode::LowestPriority;
}

uint8_t priority_class(int vector) {
    return vector < 0 ? 0 : static_cast<uint8_t>(vector & 0xf0);
}

}  // namespace

LocalApic::LocalApic(const Clock& clock, Surroundings around) : clock_(clock), around_(std::move(around)) {}

// --- its place -----------------------------------------------------------------------------------------------

void LocalApic::place() {
    constexpr uint64_t kAddress = 0xffffff000;
    if (around_.placed)
        around_.placed(enabled() ? std::optional(GuestPhys(state_.base & kAddress)) : std::nullopt);
}

// IA32_APIC_BASE (figure 10-5). Which processor is the first is the board's to say.
bool LocalApic::set_apic_base(uint64_t value) {
    if (value & ~kBaseBits) return false;
    value = (value & ~kBootstrap) | (state_.base & kBootstrap);
    const bool switched_off = enabled() && !(value & kEnabled);
    state_.base = value;
    if (switched_off) reset();
    place();
    update();
    return true;
}

// The state of figure 10.4.7.1: without firmware behind it, nothing comes through LINT0.
void LocalApic::reset() {
    State fresh;
    fresh.base = state_.base;
    fresh.lvt[Lint0] = kMasked;
    state_ = fresh;
    timer_ = {};
    deadline_moved();
    update();
}

// --- what waits for the CPU ------------------------------------------------------------------------------------

uint8_t LocalApic::processor_priority() const {
    const uint8_t served = priority_class(state_.service.highest());
    return (state_.task_priority & 0xf0) >= served ? state_.task_priority : served;
}

// The 8259 pair asks, and the way through to the CPU is open.
bool LocalApic::external_waits() const {
    if (!around_.pic.intr()) return false;
    const uint32_t lint0 = state_.lvt[Lint0];
    return !enabled() || state_.external || (!(lint0 & kMasked) && mode_of(lint0) == DeliveryMode::ExtInt);
}

void LocalApic::update() {
    const bool own = accepts() && priority_class(state_.request.highest()) > (processor_priority() & 0xf0);
    const bool level = own || external_waits();
    const bool changed = level != intr_;
    intr_ = level;
    if ((changed || state_.nmi) && around_.pins_changed) around_.pins_changed();
}

uint8_t LocalApic::acknowledge() {
    if (external_waits()) {
        state_.external = false;
        const uint8_t vector = around_.pic.acknowledge();
        update();
        return vector;
    }
    const int vector = accepts() ? state_.request.highest() : -1;
    if (priority_class(vector) <= (processor_priority() & 0xf0)) return static_cast<uint8_t>(state_.spurious);
    const auto served = static_cast<uint8_t>(vector);
    state_.request.remove(served);
    state_.service.add(served);
    update();
    return served;
}

void LocalApic::end_of_interrupt() {
    const int highest = state_.service.highest();
    if (highest < 0) return;
    const auto vector = static_cast<uint8_t>(highest);
    state_.service.remove(vector);
    if (state_.level.contains(vector)) {
        uint32_t& lint0 = state_.lvt[Lint0];
        if (lint0 & kRemoteIrr && static_cast<uint8_t>(lint0) == vector) {
            lint0 &= ~kRemoteIrr;
            deliver_lint0();
        }
        if (source_) source_->end_of_interrupt(vector);
    }
    update();
}

// --- what comes in ---------------------------------------------------------------------------------------------

bool LocalApic::matches(uint8_t destination, bool logical) const {
    if (destination == kBroadcast) return true;
    if (!logical) return destination == state_.id;
    if (state_.destination_format == 0xf) return destination & state_.logical_destination;
    if (state_.destination_format != 0) return false;
    const bool cluster = (destination ^ state_.logical_destination) < 0x10;
    return cluster && destination & state_.logical_destination & 0xf;
}

bool LocalApic::deliver(const InterruptMessage& m) {
    return enabled() && matches(m.destination, m.logical) && take(m);
}

bool LocalApic::take(const InterruptMessage& m) {
    switch (m.mode) {
        case DeliveryMode::Fixed:
        case DeliveryMode::LowestPriority:
            return request(m.vector, m.level);
        case DeliveryMode::Nmi:
            state_.nmi = true;
            break;
        case DeliveryMode::ExtInt:
            state_.external = true;
            break;
        case DeliveryMode::Init:
            if (around_.init) around_.init();
            break;
        case DeliveryMode::StartUp:  // only a CPU that waits for it hears it
            break;
        default:
            log::print(log::GuestErrors, "local APIC: nothing is done for delivery mode {}\n", static_cast<int>(m.mode));
    }
    update();
    return true;
}

bool LocalApic::request(uint8_t vector, bool level) {
    if (!accepts()) return false;
    if (vector < kFirstLegalVector) {
        error(kReceiveIllegalVector);
        return true;
    }
    state_.request.add(vector);
    state_.level.put(vector, level);
    update();
    return true;
}

void LocalApic::deliver_local(Lvt entry) {
    const uint32_t lvt = state_.lvt[entry];
    if (lvt & kMasked) return;
    take({.vector = static_cast<uint8_t>(lvt), .mode = entry == Timer || entry == Error ? DeliveryMode::Fixed : mode_of(lvt)});
}

void LocalApic::deliver_lint0() {
    uint32_t& lint0 = state_.lvt[Lint0];
    if (lint0 & (kMasked | kRemoteIrr) || !around_.pic.intr() || mode_of(lint0) == DeliveryMode::ExtInt) return;
    const bool level = lint0 & kLevelTriggered && has_vector(mode_of(lint0));
    if (take({.vector = static_cast<uint8_t>(lint0), .mode = mode_of(lint0), .level = level}) && level)
        lint0 |= kRemoteIrr;
}

void LocalApic::pic_changed() {
    const bool rises = around_.pic.intr() && !pic_intr_;
    pic_intr_ = around_.pic.intr();
    if (rises && enabled()) deliver_lint0();
    update();
}

// ESR shows what has come together when it is written; the first new error interrupts.
void LocalApic::error(uint8_t bits) {
    if ((state_.errors | bits) == state_.errors) return;
    state_.errors |= bits;
    if (const uint32_t lvt = state_.lvt[Error]; !(lvt & kMasked) && static_cast<uint8_t>(lvt) >= kFirstLegalVector)
        deliver_local(Error);
}

// --- interrupt command register --------------------------------------------------------------------------------

void LocalApic::send_command() {
    enum Shorthand : uint32_t { None, Self, All, Others };
    constexpr uint32_t kAssert = 1 << 14;
    const uint32_t command = state_.command, shorthand = command >> 18 & 3;
    const InterruptMessage m{.vector = static_cast<uint8_t>(command),
                             .mode = mode_of(command),
                             .destination = state_.command_destination,
                             .logical = (command >> 11 & 1) != 0};
    if (m.mode == DeliveryMode::Init && command & kLevelTriggered && !(command & kAssert)) return;  // de-assert
    if (has_vector(m.mode) && m.vector < kFirstLegalVector) return error(kSendIllegalVector);
    if (shorthand == Others || (shorthand == Self && m.mode != DeliveryMode::Fixed)) return;
    if (shorthand != None || matches(m.destination, m.logical)) take(m);
}

// --- registers ---------------------------------------------------------------------------------------------------

uint32_t LocalApic::read(uint32_t offset, unsigned size) {
    if (offset & 0xf || size != 4) {
        log::print(log::GuestErrors, "local APIC: a read of {} bytes at {:#x}\n", size, offset);
        return 0;
    }
    return read_register(offset >> 4);
}

uint32_t LocalApic::read_register(uint32_t number) {
    switch (number) {
        case kId: return uint32_t{state_.id} << 24;
        case kVersionRegister: return kVersionValue;
        case kTaskPriority: return state_.task_priority;
        case kProcessorPriority: return processor_priority();
        case kArbitrationPriority: case kRemoteRead: case kEoi: return 0;  // of buses with several CPUs; write-only
        case kLogicalDestination: return uint32_t{state_.logical_destination} << 24;
        case kDestinationFormat: return uint32_t{state_.destination_format} << 28 | 0x0fffffff;
        case kSpurious: return state_.spurious;
        case kErrorStatus: return state_.errors_shown;
        case kCommand: return state_.command;
        case kCommandHigh: return uint32_t{state_.command_destination} << 24;
        case kInitialCount: return timer_.initial();
        case kCurrentCount: return timer_count();
        case kDivide: return timer_.divide();
        default: break;
    }
    if (number - kService < 8) return state_.service.word(number - kService);
    if (number - kLevel < 8) return state_.level.word(number - kLevel);
    if (number - kRequest < 8) return state_.request.word(number - kRequest);
    if (number - kLvt < kLvtEntries) return state_.lvt[number - kLvt];
    error(kIllegalRegister);
    return 0;
}

void LocalApic::write(uint32_t offset, unsigned size, uint32_t value) {
    if (offset & 0xf || size != 4)
        log::print(log::GuestErrors, "local APIC: a write of {} bytes at {:#x}\n", size, offset);
    else
        write_register(offset >> 4, value);
}

void LocalApic::write_register(uint32_t number, uint32_t value) {
    switch (number) {
        case kId:
            state_.id = static_cast<uint8_t>(value >> 24);
            return destination_changed();
        case kTaskPriority:
            state_.task_priority = static_cast<uint8_t>(value);
            return update();
        case kEoi:
            return end_of_interrupt();
        case kLogicalDestination:
            state_.logical_destination = static_cast<uint8_t>(value >> 24);
            return destination_changed();
        case kDestinationFormat:
            state_.destination_format = static_cast<uint8_t>(value >> 28);
            return destination_changed();
        case kSpurious:
            return write_spurious(value);
        case kErrorStatus:
            state_.errors_shown = std::exchange(state_.errors, uint8_t{0});
            return;
        case kCommand:
            state_.command = value & kCommandBits;
            return send_command();
        case kCommandHigh:
            state_.command_destination = static_cast<uint8_t>(value >> 24);
            return;
        case kInitialCount:
            advance(clock_.now());  // what ran out until now has been heard
            timer_.set_initial(value, clock_.now());
            return deadline_moved();
        case kDivide:
            advance(clock_.now());
            timer_.set_divide(static_cast<uint8_t>(value), clock_.now());
            return deadline_moved();
        default:
            break;
    }
    if (number - kLvt < kLvtEntries) return write_lvt(static_cast<Lvt>(number - kLvt), value);
    const bool read_only = number == kVersionRegister || (number >= kArbitrationPriority && number <= kRemoteRead) ||
                           number - kService < 24 || number == kCurrentCount;
    if (!read_only) error(kIllegalRegister);
}

// An APIC that software has disabled masks its whole local vector table (10.4.7.2).
void LocalApic::write_spurious(uint32_t value) {
    state_.spurious = value & kSpuriousBits;
    if (!(value & kSoftwareEnable))
        for (uint32_t& entry : state_.lvt) entry |= kMasked;
    deadline_moved();
    destination_changed();
}

void LocalApic::write_lvt(Lvt entry, uint32_t value) {
    if (entry == Timer) advance(clock_.now());  // what ran out until now still belongs to the old entry
    uint32_t& lvt = state_.lvt[entry];
    const uint32_t kept = entry == Lint0 && value & kLevelTriggered ? lvt & kRemoteIrr : 0;
    lvt = (value & kLvtBits[entry]) | kept;
    if (!(state_.spurious & kSoftwareEnable)) lvt |= kMasked;
    if (entry == Timer) {
        timer_.set_periodic(lvt & kPeriodic);
        deadline_moved();
    }
    if (entry == Lint0 && lvt & kLevelTriggered) deliver_lint0();
    update();
}

void LocalApic::destination_changed() {
    update();
    if (source_) source_->offer_again();
}

// --- time ----------------------------------------------------------------------------------------------------------

// A masked timer counts on, and nobody needs to look.
std::optional<Nanoseconds> LocalApic::next_deadline() const {
    return state_.lvt[Timer] & kMasked ? std::nullopt : timer_.next();
}

void LocalApic::advance(Nanoseconds now) {
    if (timer_.advance(now)) deliver_local(Timer);
}

// --- snapshots -----------------------------------------------------------------------------------------------------

LocalApic::State LocalApic::state() const {
    State s = state_;
    s.timer = timer_.state();
    return s;
}

void LocalApic::restore(const State& s) {
    state_ = s;
    timer_.restore(s.timer);
    pic_intr_ = around_.pic.intr();
    place();
    deadline_moved();
    update();
}

}  // namespace ringfold
