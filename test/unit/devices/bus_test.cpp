// The bus: who answers at an address, and how accesses are cut.
#include "devices/bus.h"

#include <string>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "vmm/base/result.h"

using namespace ringfold;

namespace {

// Answers each register with 0x10 + its number in every byte, and writes down what is asked of it.
class Recorder final : public Device {
public:
    uint32_t read(uint32_t offset, unsigned size) override {
        log += fmt::format("r{:x}:{} ", offset, size);
        return ((0x10 + offset) & 0xff) * 0x01010101u;
    }
    void write(uint32_t offset, unsigned size, uint32_t value) override {
        log += fmt::format("w{:x}:{}={:x} ", offset, size, value);
    }
    void reset() override {}
    std::string log;
};

}  // namespace

TEST_CASE("a port that nobody claims reads as all ones and swallows writes") {
    Bus bus;
    CHECK(bus.in(0x300, 1) == 0xff);
    CHECK(bus.in(0x300, 2) == 0xffff);
    CHECK(bus.in(0x300, 4) == 0xffffffff);
    bus.out(0x300, 4, 0x12345678);
}

TEST_CASE("a device sees offsets from its first register") {
    Bus bus;
    Recorder device;
    bus.claim(PortRange{.base = 0x20, .length = 2}, device);
    bus.claim(PortRange{.base = 0xa0, .length = 2, .first_register = 2}, device);
    CHECK(bus.in(0x21, 1) == 0x11);
    CHECK(bus.in(0xa1, 1) == 0x13);
    bus.out(0xa0, 1, 0x55);
    CHECK(device.log == "r1:1 r3:1 w2:1=55 ");
}

TEST_CASE("wide accesses to an 8-bit device become bytes, low port first") {
    Bus bus;
    Recorder device;
    bus.claim(PortRange{.base = 0x70, .length = 4}, device);
    CHECK(bus.in(0x70, 4) == 0x13121110);
    bus.out(0x71, 2, 0xbeef);
    CHECK(device.log == "r0:1 r1:1 r2:1 r3:1 w1:1=ef w2:1=be ");
}

TEST_CASE("an access over the end of a range reaches the neighbour, or nobody") {
    Bus bus;
    Recorder low, high;
    bus.claim(PortRange{.base = 0x100, .length = 1, .width = Width::Dword}, low);
    bus.claim(PortRange{.base = 0x101, .length = 1}, high);
    CHECK(bus.in(0x100, 4) == 0xffff1010);
    CHECK(low.log == "r0:1 ");
    CHECK(high.log == "r0:1 ");
    // The last port: what follows is not port 0.
    bus.claim(PortRange{.base = 0xffff, .length = 1}, low);
    bus.claim(PortRange{.base = 0, .length = 1}, high);
    CHECK(bus.in(0xffff, 2) == 0xff10);
}

TEST_CASE("a wide device takes wide accesses whole and sees nothing above them") {
    Bus bus;
    Recorder device;
    bus.claim(PortRange{.base = 0x1f0, .length = 8, .width = Width::Word}, device);
    CHECK(bus.in(0x1f0, 2) == 0x1010);
    bus.out(0x1f0, 2, 0xabcd1234);
    bus.out(0x1f0, 4, 0xabcd1234);
    CHECK(device.log == "r0:2 w0:2=1234 w0:2=1234 w2:2=abcd ");
}

TEST_CASE("overlapping and impossible port ranges are refused") {
    Bus bus;
    Recorder a, b;
    bus.claim(PortRange{.base = 0x60, .length = 5}, a);
    CHECK_THROWS_AS(bus.claim(PortRange{.base = 0x64, .length = 1}, b), HostError);
    CHECK_THROWS_AS(bus.claim(PortRange{.base = 0x5e, .length = 3}, b), HostError);
    CHECK_THROWS_AS(bus.claim(PortRange{.base = 0x10, .length = 0}, b), HostError);
    CHECK_THROWS_AS(bus.claim(PortRange{.base = 0xffff, .length = 2}, b), HostError);
    CHECK_NOTHROW(bus.claim(PortRange{.base = 0x65, .length = 1}, b));
    // A refused range leaves nothing behind.
    CHECK(bus.in(0x5e, 1) == 0xff);
}

TEST_CASE("a released device answers no more, and its ports can be claimed again") {
    Bus bus;
    Recorder a, b;
    bus.claim(PortRange{.base = 0x60, .length = 2}, a);
    bus.claim(MmioRange{GuestPhys{0xfed00000}, 0x400}, a);
    bus.release(a);
    CHECK(bus.in(0x60, 1) == 0xff);
    CHECK(bus.read(GuestPhys{0xfed00000}, 1) == 0xff);
    bus.claim(PortRange{.base = 0x61, .length = 1}, b);
    bus.claim(MmioRange{GuestPhys{0xfed00000}, 0x400}, b);
    CHECK(bus.in(0x61, 1) == 0x10);
    CHECK(bus.in(0x60, 1) == 0xff);
    CHECK(bus.read(GuestPhys{0xfed00000}, 1) == 0x10);
}

TEST_CASE("device memory is found by address and cut to the device's width") {
    Bus bus;
    Recorder a, b;
    bus.claim(MmioRange{GuestPhys{0xfed00000}, 0x400}, a);
    bus.claim(MmioRange{GuestPhys{0xa0000}, 0x20000, Width::Byte}, b);
    CHECK(bus.read(GuestPhys{0xfed00004}, 4) == 0x14141414);
    CHECK(bus.read(GuestPhys{0xfed00000}, 8) == 0x1414141410101010);
    bus.write(GuestPhys{0xfed00008}, 8, 0x1122334455667788);
    CHECK(a.log == "r4:4 r0:4 r4:4 w8:4=55667788 wc:4=11223344 ");
    bus.write(GuestPhys{0xbfffe}, 2, 0xabcd);
    CHECK(b.log == "w1fffe:1=cd w1ffff:1=ab ");
    CHECK(bus.read(GuestPhys{0xc0000}, 4) == 0xffffffff);
    CHECK(bus.read(GuestPhys{0x9ffff}, 1) == 0xff);
    // Two bytes of the device's last registers, then nobody's.
    CHECK(bus.read(GuestPhys{0xfed003fe}, 4) == 0xffff0e0e);
}

TEST_CASE("overlapping and impossible memory ranges are refused") {
    Bus bus;
    Recorder a;
    bus.claim(MmioRange{GuestPhys{0x1000}, 0x1000}, a);
    CHECK_THROWS_AS(bus.claim(MmioRange{GuestPhys{0x1fff}, 1}, a), HostError);
    CHECK_THROWS_AS(bus.claim(MmioRange{GuestPhys{0x0fff}, 2}, a), HostError);
    CHECK_THROWS_AS(bus.claim(MmioRange{GuestPhys{0x0}, 0x10000}, a), HostError);
    CHECK_THROWS_AS(bus.claim(MmioRange{GuestPhys{0x5000}, 0}, a), HostError);
    CHECK_THROWS_AS(bus.claim(MmioRange{GuestPhys{~uint64_t{0} - 10}, 100}, a), HostError);
    CHECK_NOTHROW(bus.claim(MmioRange{GuestPhys{0x2000}, 1}, a));
    CHECK_NOTHROW(bus.claim(MmioRange{GuestPhys{0x0fff}, 1}, a));
}
