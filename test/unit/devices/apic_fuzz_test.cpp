// Random guests against the interrupt controllers: registers of both APICs and of the 8259 pair in any order, pins, time,
// and a CPU that takes what comes. Nothing breaks, what is in service is what was taken, no deadline lies in the past,
// and both go on the same from their saved states.
#include <random>

#include <catch2/catch.hpp>

#include "devices/apic/io_apic.h"
#include "devices/apic/isa_interrupts.h"
#include "devices/apic/local_apic.h"
#include "devices/pic.h"
#include "test/unit/devices/support.h"

using namespace ringfold;

namespace {

struct Controllers {
    explicit Controllers(ManualClock& c) : clock(c) {
        apic.connect(io);
        irqs.connect(io);
        pic.on_intr_changed([this] { apic.pic_changed(); });
    }
    void copy_state_of(const Controllers& other) {
        pic.restore(other.pic.state());
        io.restore(other.io.state());
        apic.restore(other.apic.state());
    }

    ManualClock& clock;
    Pic pic;
    bool pin = false;  // as the CPU was told
    LocalApic apic{clock, {.pic = pic, .pins_changed = [this] { pin = apic.intr(); }, .placed = {}, .init = {}}};
    IoApic io{apic};
    IsaInterrupts irqs{pic};
};

uint32_t random_entry(uint32_t r, uint32_t value) {
    // Mostly what works: a legal vector, unmasked, to the CPU itself.
    return r & 0x10000 ? value : (value & 0x80ff) | 0x20;
}

uint64_t event(Controllers& c, uint32_t r, uint32_t value) {
    const uint32_t offset = (r >> 8 & 0x3f) * 16;
    const unsigned size = r & 0x1000000 ? 1u << (r >> 25) % 3 : 4;
    switch (r % 16) {
        case 0:
        case 1:
            c.irqs.set_irq((r >> 8) % 16, value & 1);
            break;
        case 2:
            c.io.set_irq((r >> 8) % 30, value & 1);
            break;
        case 3:
        case 4:
            return c.apic.intr() ? c.apic.acknowledge() : 0;
        case 5:
            c.apic.write(0xb0, 4, 0);
            break;
        case 6:
            c.apic.write(0xf0, 4, 0x1ff);
            break;
        case 7:
            c.apic.write(0x320 + (r >> 8) % 7 * 16, 4, random_entry(r, value));
            break;
        case 8:
            c.io.write(0, 4, r >> 8);
            c.io.write(0x10, 4, random_entry(r, value));
            break;
        case 9:
            c.io.write(r >> 8 & 0x3f, size, value);
            return c.io.read(r >> 8 & 0x3f, size);
        case 10:
            c.pic.write(r >> 8 & 7, 1, value);
            return c.pic.read(r >> 11 & 7, 1);
        case 11:
            if (r & 0x700) break;
            return c.apic.set_apic_base(value & 0xfff00fff & (r & 0x800 ? ~0u : 0xfffff900));
        case 12:
            if (c.apic.nmi()) c.apic.acknowledge_nmi();
            break;
        case 13:
            return c.apic.read(offset + (r >> 28), size);
        default:
            c.apic.write(offset, size, value >> (value % 32));
    }
    return 0;
}

void step(Controllers& c) {
    c.apic.advance(c.clock.now());
    const auto next = c.apic.next_deadline();
    REQUIRE((!next || *next > c.clock.now()));
    REQUIRE(c.pin == c.apic.intr());
}

}  // namespace

TEST_CASE("random guests against the interrupt controllers") {
    const unsigned seed = GENERATE(range(1u, 21u));
    CAPTURE(seed);
    std::mt19937 random(seed);
    ManualClock clock;
    Controllers a(clock), b(clock);
    for (int round = 0; round < 100; ++round) {
        for (int i = 0; i < 200; ++i) {
            event(a, random(), random());
            clock.step(static_cast<Nanoseconds>(random() % 1000) << random() % 36 % (random() % 36 + 1));
            step(a);
        }
        b.copy_state_of(a);
        for (int i = 0; i < 200; ++i) {
            const uint32_t r = random(), value = random();
            CAPTURE(round, i, r, value);
            REQUIRE(event(a, r, value) == event(b, r, value));
            clock.step(static_cast<Nanoseconds>(random() % 1000) << random() % 20);
            step(a);
            step(b);
            REQUIRE(a.apic.intr() == b.apic.intr());
            REQUIRE(a.apic.nmi() == b.apic.nmi());
            REQUIRE(a.apic.next_deadline() == b.apic.next_deadline());
        }
    }
}
