// One counter of the 8254: its six modes as functions of time, measured in ticks of its 1.193182 MHz input.
#include "devices/pit_counter.h"

#include <algorithm>

namespace ringfold {

namespace {

bool periodic(uint8_t mode) {
    return mode == 2 || mode == 3;
}

bool gate_triggered(uint8_t mode) {
    return mode == 1 || mode == 5;
}

uint32_t decode_bcd(uint16_t raw) {
    return (raw >> 12) * 1000u + (raw >> 8 & 15) * 100u + (raw >> 4 & 15) * 10u + (raw & 15);
}

}  // namespace

uint16_t PitCounter::encode(uint32_t count) const {
    if (!state_.bcd) return static_cast<uint16_t>(count);
    const uint32_t n = count % 10000;
    return static_cast<uint16_t>(n / 1000 << 12 | n / 100 % 10 << 8 | n / 10 % 10 << 4 | n % 10);
}

PitCounter::Tick PitCounter::elapsed(Tick now) const {
    return state_.running ? std::max<Tick>(now - state_.start, 0) : state_.elapsed;
}

void PitCounter::load(uint32_t reload, Tick now) {
    state_.reload = reload;
    state_.next_reload.reset();
    state_.loaded = true;
    state_.next_reload.reset();
    state_.start = now + 1;  // a count enters the counter on the CLK pulse after it was written
    state_.running = state_.gate || gate_triggered(state_.mode);
    state_.elapsed = 0;
}

void PitCounter::hold(Tick now) {
    state_.elapsed = elapsed(now);
    state_.running = false;
}

// Brings in a count that was written while an earlier one was counting, once its turn has come.
void PitCounter::settle(Tick now) {
    if (!periodic(state_.mode) || !state_.running || !state_.next_reload || now < state_.next_reload_at) return;
    const Tick at = state_.next_reload_at;
    const bool mid_period = state_.mode == 3 && out(at - 1);
    state_.reload = *state_.next_reload;
    state_.next_reload.reset();
    // In mode 3 the turn may come between the high and the low half (data sheet, mode 3).
    state_.start = mid_period ? at - high_ticks(state_.reload) : at;
}

void PitCounter::control(uint8_t word, Tick now) {
    const uint8_t mode = word >> 1 & 7;
    state_.mode = mode > 5 ? mode & 3 : mode;
    state_.access = word >> 4 & 3;
    state_.bcd = word & 1;
    hold(now);
    state_.elapsed = 0;
    state_.loaded = false;
    state_.triggered = false;
    state_.next_reload.reset();
    state_.write_high_next = state_.read_high_next = false;
    state_.latched_status.reset();
    state_.latched_bytes = 0;
}

void PitCounter::write(uint8_t value, Tick now) {
    settle(now);
    if (state_.access == 1) return accept(value, now);
    if (state_.access == 2) return accept(static_cast<uint16_t>(value << 8), now);
    if (!state_.write_high_next) {
        state_.written_low = value;
        state_.write_high_next = true;
        // The first byte stops a count in mode 0, and OUT goes low at once (data sheet, mode 0).
        if (state_.mode == 0) {
            hold(now);
            state_.loaded = false;
        }
        return;
    }
    state_.write_high_next = false;
    accept(static_cast<uint16_t>(value << 8 | state_.written_low), now);
}

void PitCounter::accept(uint16_t raw, Tick now) {
    uint32_t reload = state_.bcd ? decode_bcd(raw) : raw;
    if (reload == 0) reload = state_.bcd ? 10000 : 0x10000;  // the largest count is written as 0
    if (gate_triggered(state_.mode)) {
        state_.loaded = true;
        state_.next_reload = reload;  // waits for the gate
    } else if (periodic(state_.mode) && state_.loaded && state_.running) {
        state_.next_reload = reload;
        const Tick t = elapsed(now), period = state_.reload;
        const Tick period_start = std::max(now, state_.start) - t % period;
        const bool high_half = state_.mode == 3 && t % period < high_ticks(state_.reload);
        state_.next_reload_at = period_start + (high_half ? high_ticks(state_.reload) : period);
    } else {
        load(reload, now);
    }
}

void PitCounter::set_gate(bool level, Tick now) {
    settle(now);
    if (level == state_.gate) return;
    state_.gate = level;
    if (!state_.loaded) return;
    if (gate_triggered(state_.mode)) {
        if (!level) return;
        load(state_.next_reload.value_or(state_.reload), now);
        state_.triggered = true;
    } else if (periodic(state_.mode)) {
        level ? load(state_.next_reload.value_or(state_.reload), now) : hold(now);
    } else if (level) {
        state_.start = now - state_.elapsed;
        state_.running = true;
    } else {
        hold(now);
    }
}

bool PitCounter::out(Tick now) {
    settle(now);
    const Tick t = elapsed(now), n = state_.reload;
    if (!state_.loaded) return state_.mode != 0;
    switch (state_.mode) {
        case 0:
            return t >= n;
        case 1:
            return !state_.triggered || now < state_.start || t >= n;
        case 2:
            return !state_.running || t % n != n - 1;
        case 3:
            return !state_.running || t % n < high_ticks(state_.reload);
        case 4:
            return t != n;  // one CLK pulse low when the count reaches zero
        default:
            return !state_.triggered || t != n;
    }
}

std::optional<PitCounter::Tick> PitCounter::next_rise(Tick after) {
    settle(after);
    if (!state_.loaded || !state_.running) return std::nullopt;
    if (gate_triggered(state_.mode) && !state_.triggered) return std::nullopt;
    const Tick n = state_.reload;
    if (periodic(state_.mode)) {
        if (state_.next_reload) {
            // If a low half begins with it, its length is already the new count's.
            const bool mid_period = state_.mode == 3 && out(state_.next_reload_at - 1);
            const Tick low = mid_period ? *state_.next_reload - high_ticks(*state_.next_reload) : 0;
            return state_.next_reload_at + low;
        }
        if (n == 1) return std::nullopt;  // illegal in both modes: OUT cannot toggle
        const Tick periods = after < state_.start ? 1 : (after - state_.start) / n + 1;
        return state_.start + periods * n;
    }
    const Tick rise = state_.start + n + (state_.mode >= 4 ? 1 : 0);
    if (rise > after) return rise;
    return std::nullopt;
}

uint16_t PitCounter::count(Tick now) {
    settle(now);
    const Tick t = elapsed(now), n = state_.reload;
    switch (state_.mode) {
        case 2:
            return encode(static_cast<uint32_t>(n - t % n));
        case 3: {  // counts by two, twice per period; an odd count loses one when it is loaded
            const Tick phase = t % n, high = high_ticks(state_.reload);
            const Tick since = phase < high ? phase : phase - high;
            return encode(static_cast<uint32_t>((n & ~Tick{1}) - 2 * since));
        }
        default: {
            const Tick modulus = state_.bcd ? 10000 : 0x10000;
            return encode(static_cast<uint32_t>(((n - t) % modulus + modulus) % modulus));
        }
    }
}

void PitCounter::latch_count(Tick now) {
    if (state_.latched_bytes) return;  // a second latch command before the read is ignored
    state_.latched_count = count(now);
    state_.latched_bytes = state_.access == 3 ? 2 : 1;
    if (state_.access == 3) state_.read_high_next = false;
}

void PitCounter::latch_status(Tick now) {
    if (state_.latched_status) return;
    const bool null_count = !state_.loaded || state_.next_reload || (state_.running && now < state_.start);
    state_.latched_status = static_cast<uint8_t>((out(now) ? 0x80 : 0) | (null_count ? 0x40 : 0) | state_.access << 4 |
                                                 state_.mode << 1 | (state_.bcd ? 1 : 0));
}

uint8_t PitCounter::read(Tick now) {
    if (state_.latched_status) {
        const uint8_t status = *state_.latched_status;
        state_.latched_status.reset();
        return status;
    }
    const uint16_t value = state_.latched_bytes ? state_.latched_count : count(now);
    if (state_.latched_bytes) state_.latched_bytes--;
    const bool high = state_.access == 2 || (state_.access == 3 && state_.read_high_next);
    if (state_.access == 3) state_.read_high_next = !state_.read_high_next;
    return static_cast<uint8_t>(high ? value >> 8 : value);
}

}  // namespace ringfold
