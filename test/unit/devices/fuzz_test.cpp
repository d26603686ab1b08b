// Random port accesses, inputs and times against all devices on one bus: whatever a guest does, no device breaks,
// each keeps its promises to the machine's loop, and each goes on the same from its saved state.
#include <random>

#include <catch2/catch.hpp>

#include "devices/bus.h"
#include "devices/i8042.h"
#include "devices/pic.h"
#include "devices/pit.h"
#include "devices/post_port.h"
#include "devices/reset_control.h"
#include "devices/rtc.h"
#include "devices/system_control.h"
#include "devices/uart.h"
#include "test/unit/devices/support.h"

using namespace ringfold;

namespace {

struct Platform {
    explicit Platform(ManualClock& c) : clock(c) {
        bus.claim(PortRange{.base = 0x20, .length = 2}, pic);
        bus.claim(PortRange{.base = 0xa0, .length = 2, .first_register = 2}, pic);
        bus.claim(PortRange{.base = 0x4d0, .length = 2, .first_register = 4}, pic);
        bus.claim(PortRange{.base = 0x40, .length = 4}, pit);
        bus.claim(PortRange{.base = 0x60, .length = 1}, keyboard);
        bus.claim(PortRange{.base = 0x64, .length = 1, .first_register = 1}, keyboard);
        bus.claim(PortRange{.base = 0x61, .length = 1}, ports);
        bus.claim(PortRange{.base = 0x92, .length = 1, .first_register = 1}, ports);
        bus.claim(PortRange{.base = 0x70, .length = 2}, rtc);
        bus.claim(PortRange{.base = 0x80, .length = 1}, post);
        bus.claim(PortRange{.base = 0x3f8, .length = 8}, uart);
        bus.claim(PortRange{.base = 0xcf8, .length = 4, .width = Width::Dword}, reset_control);
    }
    void copy_state_of(const Platform& other) {
        // Sources of interrupts first: they drive their lines, which the controller's own state then overrules.
        pit.restore(other.pit.state());
        rtc.restore(other.rtc.state());
        uart.restore(other.uart.state());
        keyboard.restore(other.keyboard.state());
        ports.restore(other.ports.state());
        post.restore(other.post.state());
        reset_control.restore(other.reset_control.state());
        a20.set(other.a20.enabled());
        pic.restore(other.pic.state());
    }

    ManualClock& clock;
    Bus bus;
    Pic pic;
    Pit pit{clock, pic.line(0)};
    Rtc rtc{clock, pic.line(8)};
    FakeSink sink;
    FakeSource source;
    Uart uart{clock, pic.line(4), &sink, &source};
    A20Gate a20;
    I8042 keyboard{pic.line(1), pic.line(12), a20, {}};
    SystemControl ports{clock, pit, a20, {}};
    PostPort post;
    ResetControl reset_control{{}};
};

constexpr uint16_t kPorts[] = {0x20,  0x21,  0xa0,  0xa1,  0x4d0, 0x4d1, 0x40,  0x41,  0x42,  0x43,
                               0x60,  0x61,  0x64,  0x92,  0x70,  0x71,  0x80,  0x3f8, 0x3f9, 0x3fa,
                               0x3fb, 0x3fc, 0x3fd, 0x3fe, 0x3ff, 0xcf8, 0xcf9, 0x5f,  0x44};

// One random event; the same for the same random numbers and the same state. Returns what the guest could see.
uint64_t event(Platform& p, uint32_t r, uint32_t value) {
    const uint16_t port = kPorts[(r >> 8) % std::size(kPorts)];
    const unsigned size = 1u << (r >> 16) % 3;
    switch (r % 16) {
        case 0:
            return p.keyboard.key(static_cast<uint8_t>(value), r & 0x100);
        case 1:
            p.keyboard.move_mouse(static_cast<int>(value), static_cast<int>(r), 1, static_cast<uint8_t>(r));
            break;
        case 2:
            p.source.add(std::string(value % 20, 'x'));
            p.uart.input_ready();
            break;
        case 3:
            p.sink.room = value % 8;
            p.uart.output_ready();
            break;
        case 4:
            return p.pic.intr() ? p.pic.acknowledge() : 0;
        case 5:
            p.uart.receive_break();
            break;
        case 6:
        case 7:
        case 8:
        case 9:
            return p.bus.in(port, size);
        default:
            p.bus.out(port, size, value);
    }
    return 0;
}

void advance(Platform& p) {
    const Nanoseconds now = p.clock.now();
    for (TimedDevice* device :
         {static_cast<TimedDevice*>(&p.pit), static_cast<TimedDevice*>(&p.rtc), static_cast<TimedDevice*>(&p.uart)}) {
        device->advance(now);
        // Else the machine's loop would turn on the spot.
        const auto next = device->next_deadline();
        REQUIRE((!next || *next > now));
    }
}

}  // namespace

TEST_CASE("random guests against all devices") {
    const unsigned seed = GENERATE(range(1u, 21u));
    CAPTURE(seed);
    std::mt19937 random(seed);
    ManualClock clock(1'700'000'000 * kSecond);
    Platform platform(clock), copy(clock);
    for (int round = 0; round < 100; round++) {
        for (int i = 0; i < 100; i++) {
            event(platform, random(), random());
            // Steps from nothing to days, small ones more often.
            clock.step(static_cast<Nanoseconds>(random() % 1000) << random() % 38 % (random() % 38 + 1));
            advance(platform);
        }
        copy.copy_state_of(platform);
        copy.sink = platform.sink;
        copy.source = platform.source;
        for (int i = 0; i < 100; i++) {
            const uint32_t r = random(), value = random();
            CAPTURE(round, i, r, value);
            REQUIRE(event(platform, r, value) == event(copy, r, value));
            clock.step(static_cast<Nanoseconds>(random() % 1000) << random() % 20);
            advance(platform);
            advance(copy);
            REQUIRE(platform.pic.intr() == copy.pic.intr());
        }
        REQUIRE(platform.sink.text == copy.sink.text);
    }
}
