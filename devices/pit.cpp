// The 8254 interval timer: three counters behind ports 0x40 to 0x43, the first of them wired to IRQ0.
#include "devices/pit.h"

#include <algorithm>

namespace ringfold {

namespace {

// A count of two asks for 600,000 interrupts a second, and no host can wake that often. Edges that follow
// closer than this fall together.
constexpr PitCounter::Tick kClosestEdges = 12;  // 10 microseconds

PitCounter::Tick to_ticks(Nanoseconds t) {
    return static_cast<PitCounter::Tick>(static_cast<__int128>(t) * Pit::kFrequency / kSecond);
}

// The first nanosecond of a tick.
Nanoseconds to_time(PitCounter::Tick tick) {
    return static_cast<Nanoseconds>((static_cast<__int128>(tick) * kSecond + Pit::kFrequency - 1) / Pit::kFrequency);
}

}  // namespace

Pit::Pit(const Clock& clock, IrqLine irq0) : clock_(clock), irq0_(irq0) {
    reset();
}

PitCounter::Tick Pit::now() const {
    return to_ticks(clock_.now());
}

// The counters as firmware leaves them: 18.2 Hz on IRQ0, the speaker's gate closed. The chip's own power-on state
// is undefined.
void Pit::reset() {
    const PitCounter::Tick start = now();
    for (PitCounter& counter : counter_) {
        PitCounter::State s;
        s.start = start;
        counter.restore(s);
    }
    PitCounter::State speaker = counter_[2].state();
    speaker.gate = speaker.running = false;
    counter_[2].restore(speaker);
    irq_seen_ = start;
    irq0_.raise();
    deadline_moved();
}

uint32_t Pit::read(uint32_t offset, unsigned) {
    if (offset >= 3) return 0xff;  // the control word cannot be read
    const Nanoseconds time = clock_.now();
    advance(time);  // reading may bring in a waiting count: edges before that first
    return counter_[offset].read(to_ticks(time));
}

void Pit::write(uint32_t offset, unsigned, uint32_t value) {
    const Nanoseconds time = clock_.now();  // one for both: an edge in between would be nobody's
    const PitCounter::Tick tick = to_ticks(time);
    advance(time);
    if (offset == 3)
        control(static_cast<uint8_t>(value), tick);
    else if (offset < 3)
        counter_[offset].write(static_cast<uint8_t>(value), tick);
    irq0_.set(counter_[0].out(tick));
    deadline_moved();
}

void Pit::control(uint8_t word, PitCounter::Tick tick) {
    const unsigned select = word >> 6;
    if (select == 3)
        read_back(word, tick);
    else if (word & 0x30)
        counter_[select].control(word, tick);
    else
        counter_[select].latch_count(tick);
}

void Pit::read_back(uint8_t word, PitCounter::Tick tick) {
    for (unsigned i = 0; i < 3; i++) {
        if (!(word & 2u << i)) continue;
        if (!(word & 0x20)) counter_[i].latch_count(tick);
        if (!(word & 0x10)) counter_[i].latch_status(tick);
    }
}

void Pit::set_speaker_gate(bool level) {
    counter_[2].set_gate(level, now());
}

void Pit::set_heard(bool heard) {
    heard_ = heard;
    deadline_moved();
}

std::optional<Nanoseconds> Pit::next_deadline() const {
    if (!heard_) return std::nullopt;
    PitCounter counter = counter_[0];  // a copy: to ask may bring in a waiting count
    const auto rise = counter.next_rise(irq_seen_);
    if (!rise) return std::nullopt;
    return to_time(std::max(*rise, irq_seen_ + kClosestEdges));
}

void Pit::advance(Nanoseconds time) {
    const PitCounter::Tick tick = to_ticks(time);
    if (tick < irq_seen_ + kClosestEdges) return;
    const auto rise = counter_[0].next_rise(irq_seen_);
    if (!rise || *rise > tick) return;
    irq_seen_ = tick;
    irq0_.edge();
}

Pit::State Pit::state() const {
    return {{counter_[0].state(), counter_[1].state(), counter_[2].state()}, irq_seen_};
}

void Pit::restore(const State& s) {
    for (unsigned i = 0; i < 3; i++) counter_[i].restore(s.counter[i]);
    irq_seen_ = s.irq_seen;
    deadline_moved();
}

}  // namespace ringfold
