// The high precision event timers.
#include "devices/hpet.h"

#include <algorithm>

#include "vmm/base/log.h"

namespace ringfold {

namespace {

// Registers (specification 1.0a, 2.3).
constexpr uint32_t kCapabilities = 0x000, kPeriod = 0x004, kConfig = 0x010, kStatus = 0x020, kCounter = 0x0f0,
                   kFirstTimer = 0x100, kTimerBytes = 0x20, kTimerConfig = 0, kTimerRoutes = 4, kComparator = 8;
constexpr uint32_t kFemtoseconds = static_cast<uint32_t>(Hpet::kTick) * 1'000'000;
constexpr uint32_t kEnable = 1 << 0, kLegacy = 1 << 1;
constexpr uint32_t kLevel = 1 << 1, kInterrupt = 1 << 2, kPeriodic = 1 << 3, kCanRepeat = 1 << 4, kIs64Bit = 1 << 5,
                   kSetValue = 1 << 6, kAs32Bit = 1 << 8, kRoute = 0x1f << 9;
constexpr uint32_t kTimerWritable = kLevel | kInterrupt | kPeriodic | kSetValue | kAs32Bit | kRoute;
constexpr unsigned kTimerIrq = 0, kRtcIrq = 8;
constexpr Nanoseconds kClosestMatches = 10 * kMicrosecond;
// Beyond this a match never comes: ticks that make nearly three centuries.
constexpr uint64_t kNever = uint64_t{1} << 59;

uint64_t width_mask(const Hpet::Timer& t) {
    return t.config & kAs32Bit ? UINT32_MAX : UINT64_MAX;
}

uint64_t with_half(uint64_t whole, unsigned half, uint32_t value) {
    const unsigned shift = 32 * half;
    return (whole & ~(uint64_t{UINT32_MAX} << shift)) | uint64_t{value} << shift;
}

uint64_t ticks(Nanoseconds t) {
    return static_cast<uint64_t>(t) / Hpet::kTick;
}

}  // namespace

bool Hpet::running() const {
    return state_.config & kEnable;
}
bool Hpet::replaces() const {
    return state_.config & kLegacy;
}

uint64_t Hpet::counter(Nanoseconds now) const {
    return running() ? state_.base + ticks(now) : state_.base;
}

// How many ticks behind `seen` the timer matches.
uint64_t Hpet::ahead(const Timer& t) const {
    const uint64_t distance = (t.comparator - state_.seen) & width_mask(t);
    if (distance) return distance;
    return t.config & kAs32Bit ? uint64_t{1} << 32 : UINT64_MAX;
}

void Hpet::reset() {
    if (replaces()) replace(false);
    const bool pit = state_.pit, rtc = state_.rtc;
    state_ = {};
    state_.pit = pit;
    state_.rtc = rtc;
    update_levels();
    deadline_moved();
}

// --- interrupts ----------------------------------------------------------------------------------------------------

void Hpet::set_irq(unsigned irq, bool level) {
    (irq == kTimerIrq ? state_.pit : state_.rtc) = level;
    if (!replaces()) irqs_.set_irq(irq, level);
}

void Hpet::replace(bool on) {
    irqs_.set_irq(kTimerIrq, !on && state_.pit);
    irqs_.set_irq(kRtcIrq, !on && state_.rtc);
    if (replaced_) replaced_(on);
}

// IRQ 0 and 8, or a pin of the I/O APIC: their numbers do not meet.
unsigned Hpet::route(unsigned n) const {
    if (replaces() && n < 2) return n ? kRtcIrq : kTimerIrq;
    return (state_.timers[n].config & kRoute) >> 9;
}

void Hpet::drive(unsigned route, bool level) {
    if (kRoutes >> route & 1) {
        if (pins_) pins_->set_irq(route, level);
    } else if (replaces() && (route == kTimerIrq || route == kRtcIrq)) {
        irqs_.set_irq(route, level);
    }
}

uint32_t Hpet::levels() const {
    uint32_t up = 0;
    for (unsigned n = 0; n < kTimers; ++n) {
        const uint32_t wanted = kLevel | kInterrupt;
        if (running() && state_.status >> n & 1 && (state_.timers[n].config & wanted) == wanted) up |= 1u << route(n);
    }
    return up;
}

void Hpet::update_levels() {
    const uint32_t up = levels(), changed = up ^ driven_;
    driven_ = up;
    for (unsigned n = 0; n < 32; ++n)
        if (changed >> n & 1) drive(n, up >> n & 1);
}

void Hpet::match(unsigned n) {
    const Timer& t = state_.timers[n];
    if (t.config & kLevel) {
        state_.status |= 1u << n;
        update_levels();
    } else if (t.config & kInterrupt) {
        const unsigned to = route(n);
        drive(to, false);
        drive(to, true);
        // The 8259 forgets a request whose line drops; the I/O APIC does not.
        if (kRoutes >> to & 1) drive(to, (driven_ >> to & 1) != 0);
    }
}

// --- time ------------------------------------------------------------------------------------------------------------

void Hpet::advance(Nanoseconds now) {
    if (!running()) return;
    const uint64_t count = counter(now), passed = count - state_.seen;
    std::array<bool, kTimers> matched{};
    for (unsigned n = 0; n < kTimers; ++n) {
        Timer& t = state_.timers[n];
        const uint64_t distance = ahead(t);
        matched[n] = distance <= passed;
        if (matched[n] && t.config & kPeriodic && t.period)
            t.comparator = (t.comparator + ((passed - distance) / t.period + 1) * t.period) & width_mask(t);
    }
    state_.seen = count;
    for (unsigned n = 0; n < kTimers; ++n)
        if (matched[n]) match(n);
}

// Only for what can be noticed without looking.
std::optional<Nanoseconds> Hpet::next_deadline() const {
    if (!running()) return std::nullopt;
    std::optional<Nanoseconds> next;
    for (const Timer& t : state_.timers) {
        if (!(t.config & kInterrupt) || ahead(t) > kNever) continue;
        const auto seen_at = static_cast<Nanoseconds>(state_.seen - state_.base) * kTick;
        const auto distance = static_cast<Nanoseconds>(ahead(t)) * kTick;
        const Nanoseconds at = seen_at + (t.config & kPeriodic ? std::max(distance, kClosestMatches) : distance);
        next = std::min(next.value_or(at), at);
    }
    return next;
}

// --- registers -------------------------------------------------------------------------------------------------------

uint32_t Hpet::read(uint32_t offset, unsigned size) {
    if (offset & 3 || size != 4) {
        log::print(log::GuestErrors, "HPET: a read of {} bytes at {:#x}\n", size, offset);
        return 0;
    }
    const Nanoseconds now = clock_.now();
    advance(now);  // periodic comparators move
    switch (offset) {
        case kCapabilities: return kId;
        case kPeriod: return kFemtoseconds;
        case kConfig: return state_.config;
        case kStatus: return state_.status;
        case kCounter: return static_cast<uint32_t>(counter(now));
        case kCounter + 4: return static_cast<uint32_t>(counter(now) >> 32);
        default: break;
    }
    if (offset < kFirstTimer || offset >= kFirstTimer + kTimers * kTimerBytes) return 0;
    return read_timer(state_.timers[(offset - kFirstTimer) / kTimerBytes], offset % kTimerBytes);
}

uint32_t Hpet::read_timer(const Timer& t, uint32_t offset) const {
    switch (offset) {
        case kTimerConfig: return t.config | kCanRepeat | kIs64Bit;
        case kTimerRoutes: return kRoutes;
        case kComparator: return static_cast<uint32_t>(t.comparator);
        case kComparator + 4: return static_cast<uint32_t>(t.comparator >> 32);
        default: return 0;
    }
}

void Hpet::write(uint32_t offset, unsigned size, uint32_t value) {
    if (offset & 3 || size != 4) {
        log::print(log::GuestErrors, "HPET: a write of {} bytes at {:#x}\n", size, offset);
        return;
    }
    advance(clock_.now());
    const uint32_t timer = (offset - kFirstTimer) / kTimerBytes, reg = offset % kTimerBytes;
    const bool upper = offset >= kFirstTimer && reg == kComparator + 4 && state_.high_half == timer + 1;
    if (!upper) state_.high_half = 0;
    if (offset == kConfig)
        write_config(value);
    else if (offset == kStatus)
        state_.status &= ~value;
    else if (offset == kCounter || offset == kCounter + 4)
        write_counter(offset == kCounter ? 0 : 1, value);
    else if (offset >= kFirstTimer && timer < kTimers && reg == kTimerConfig)
        write_timer_config(timer, value);
    else if (offset >= kFirstTimer && timer < kTimers && (reg & ~4u) == kComparator)
        write_comparator(timer, reg == kComparator ? 0 : 1, value);
    update_levels();
    deadline_moved();
}

void Hpet::write_config(uint32_t value) {
    const uint64_t count = counter(clock_.now());
    const uint32_t changed = (state_.config ^ value) & (kEnable | kLegacy);
    if (changed) {  // what is held up goes down where it is now
        for (unsigned n = 0; n < 32; ++n)
            if (driven_ >> n & 1) drive(n, false);
        driven_ = 0;
    }
    state_.config = value & (kEnable | kLegacy);
    if (changed & kEnable) {
        state_.base = running() ? count - ticks(clock_.now()) : count;
        state_.seen = count;
    }
    if (changed & kLegacy) replace(replaces());
}

// Only while it stands still (2.3.7).
void Hpet::write_counter(unsigned half, uint32_t value) {
    if (running()) return;
    state_.base = with_half(state_.base, half, value);
    state_.seen = state_.base;
}

void Hpet::write_timer_config(unsigned n, uint32_t value) {
    Timer& t = state_.timers[n];
    const bool offered = kRoutes >> ((value & kRoute) >> 9) & 1;
    t.config = value & kTimerWritable & ~(offered ? 0 : kRoute);
    if (!(t.config & kPeriodic)) t.config &= ~kSetValue;
    t.comparator &= width_mask(t);
    t.period &= width_mask(t);
}

// In periodic mode what is written is the period, and the comparator too if software has asked for that (2.3.8, bit 6).
void Hpet::write_comparator(unsigned n, unsigned half, uint32_t value) {
    Timer& t = state_.timers[n];
    const uint64_t before = t.comparator;
    const bool both = t.config & kSetValue || (half && state_.high_half);
    if (!(t.config & kPeriodic) || both) t.comparator = with_half(t.comparator, half, value) & width_mask(t);
    if (t.config & kPeriodic) t.period = with_half(t.period, half, value) & width_mask(t);
    state_.high_half = half == 0 && t.config & kSetValue ? static_cast<uint8_t>(n + 1) : 0;
    t.config &= ~kSetValue;
    if (running() && t.comparator != before && ((t.comparator ^ state_.seen) & width_mask(t)) == 0) match(n);
}

// The controllers' own states say what the lines are.
void Hpet::restore(const State& s) {
    state_ = s;
    driven_ = levels();
    if (replaced_) replaced_(replaces());
    deadline_moved();
}

}  // namespace ringfold
