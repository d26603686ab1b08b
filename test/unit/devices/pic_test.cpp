// The 8259 pair at register level, against the 8259A data sheet.
#include "devices/pic.h"

#include <catch2/catch.hpp>

#include "test/unit/devices/support.h"

using namespace ringfold;

namespace {

constexpr uint32_t kMaster = 0, kMasterData = 1, kSlave = 2, kSlaveData = 3, kElcrMaster = 4, kElcrSlave = 5;
constexpr unsigned kEoi = 0x20;

// Initialised as Linux does: vectors 0x30 and 0x38, nothing masked.
struct Fixture {
    Pic pic;
    Fixture() { initialise(0x01); }
    void initialise(unsigned icw4) {
        put(pic, kMaster, 0x11);
        put(pic, kMasterData, 0x30);
        put(pic, kMasterData, 0x04);
        put(pic, kMasterData, icw4);
        put(pic, kSlave, 0x11);
        put(pic, kSlaveData, 0x38);
        put(pic, kSlaveData, 0x02);
        put(pic, kSlaveData, icw4 & ~0x10u);
    }
    void pulse(unsigned irq) { pic.line(irq).edge(); }
    unsigned in_service(uint32_t chip) {
        put(pic, chip, 0x0b);
        return get(pic, chip);
    }
    unsigned requested(uint32_t chip) {
        put(pic, chip, 0x0a);
        return get(pic, chip);
    }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "an edge interrupts once, until its EOI") {
    CHECK_FALSE(pic.intr());
    pic.line(4).raise();
    REQUIRE(pic.intr());
    CHECK(requested(kMaster) == 0x10);
    CHECK(pic.acknowledge() == 0x34);
    CHECK_FALSE(pic.intr());
    CHECK(in_service(kMaster) == 0x10);
    CHECK(requested(kMaster) == 0);
    put(pic, kMaster, kEoi);
    CHECK(in_service(kMaster) == 0);
    CHECK_FALSE(pic.intr());  // still high, but no new edge
    pic.line(4).edge();
    CHECK(pic.intr());
}

TEST_CASE_METHOD(Fixture, "the slave's interrupts come through IRQ2 with the slave's vector") {
    pulse(12);
    REQUIRE(pic.intr());
    CHECK(requested(kMaster) == 0x04);
    CHECK(pic.acknowledge() == 0x3c);
    CHECK(in_service(kMaster) == 0x04);
    CHECK(in_service(kSlave) == 0x10);
    put(pic, kSlave, kEoi);
    put(pic, kMaster, kEoi);
    CHECK(in_service(kMaster) == 0);
    CHECK(in_service(kSlave) == 0);
}

TEST_CASE_METHOD(Fixture, "two requests of the slave follow each other") {
    pulse(10);
    pulse(9);
    CHECK(pic.acknowledge() == 0x39);
    CHECK_FALSE(pic.intr());
    put(pic, kSlave, kEoi);
    CHECK_FALSE(pic.intr());  // IRQ2 is in service at the master
    put(pic, kMaster, kEoi);
    REQUIRE(pic.intr());
    CHECK(pic.acknowledge() == 0x3a);
}

TEST_CASE_METHOD(Fixture, "IRQ2 is the cascade and cannot be driven") {
    pic.line(2).edge();
    CHECK_FALSE(pic.intr());
}

TEST_CASE_METHOD(Fixture, "fixed priority: lower numbers first, and they interrupt higher ones") {
    pulse(7);
    pulse(3);
    CHECK(pic.acknowledge() == 0x33);
    CHECK_FALSE(pic.intr());  // 7 waits for 3
    pulse(5);
    CHECK_FALSE(pic.intr());
    pulse(1);
    REQUIRE(pic.intr());  // 1 does not
    CHECK(pic.acknowledge() == 0x31);
    CHECK(in_service(kMaster) == 0x0a);
    put(pic, kMaster, kEoi);  // non-specific: the highest in service, 1
    CHECK(in_service(kMaster) == 0x08);
    put(pic, kMaster, kEoi);
    CHECK(pic.acknowledge() == 0x35);
    put(pic, kMaster, kEoi);
    CHECK(pic.acknowledge() == 0x37);
}

TEST_CASE_METHOD(Fixture, "IRQs 8 to 15 rank between 1 and 3") {
    pulse(3);
    pulse(15);
    pulse(1);
    CHECK(pic.acknowledge() == 0x31);
    put(pic, kMaster, kEoi);
    CHECK(pic.acknowledge() == 0x3f);
    put(pic, kSlave, kEoi);
    put(pic, kMaster, kEoi);
    CHECK(pic.acknowledge() == 0x33);
}

TEST_CASE_METHOD(Fixture, "a masked request waits in IRR") {
    put(pic, kMasterData, 0x10);
    CHECK(get(pic, kMasterData) == 0x10);
    pulse(4);
    CHECK_FALSE(pic.intr());
    CHECK(requested(kMaster) == 0x10);
    put(pic, kMasterData, 0x00);
    CHECK(pic.intr());
}

TEST_CASE_METHOD(Fixture, "a line that drops before INTA takes its request back") {
    pic.line(6).raise();
    pic.line(6).lower();
    CHECK_FALSE(pic.intr());
    CHECK(requested(kMaster) == 0);
}

TEST_CASE_METHOD(Fixture, "INTA without a request answers IR7 and sets nothing in service") {
    CHECK(pic.acknowledge() == 0x37);
    CHECK(in_service(kMaster) == 0);
}

TEST_CASE_METHOD(Fixture, "a slave whose request has gone answers IRQ15; only IRQ2 is in service") {
    // A state between the CPU's two INTA cycles: the master has latched the slave's INT, the slave's input is low.
    Pic::State s = pic.state();
    s.master.request = s.master.lines = 0x04;
    PicChip master(0xf8, 2), slave(0xde, 0xff);
    master.restore(s.master);
    slave.restore(s.slave);
    CHECK(master.acknowledge() == 2);
    CHECK(slave.acknowledge() == -1);
    CHECK(slave.vector(7) == 0x3f);
    CHECK(master.state().service == 0x04);
    CHECK(slave.state().service == 0x00);
}

TEST_CASE_METHOD(Fixture, "a level input keeps asking while it is high") {
    put(pic, kElcrSlave, 0x08);
    CHECK(get(pic, kElcrSlave) == 0x08);
    pic.line(11).raise();
    CHECK(pic.acknowledge() == 0x3b);
    CHECK(requested(kSlave) == 0x08);
    put(pic, kSlave, kEoi);
    put(pic, kMaster, kEoi);
    REQUIRE(pic.intr());
    CHECK(pic.acknowledge() == 0x3b);
    pic.line(11).lower();
    put(pic, kSlave, kEoi);
    put(pic, kMaster, kEoi);
    CHECK_FALSE(pic.intr());
}

TEST_CASE_METHOD(Fixture, "ICW1 leaves ELCR and what level inputs ask for alone") {
    put(pic, kElcrMaster, 0x20);
    pic.line(5).raise();
    initialise(0x01);
    CHECK(get(pic, kElcrMaster) == 0x20);
    REQUIRE(pic.intr());
    CHECK(pic.acknowledge() == 0x35);
}

TEST_CASE_METHOD(Fixture, "ELCR cannot make IRQ 0, 1, 2, 8 and 13 level-triggered") {
    put(pic, kElcrMaster, 0xff);
    put(pic, kElcrSlave, 0xff);
    CHECK(get(pic, kElcrMaster) == 0xf8);
    CHECK(get(pic, kElcrSlave) == 0xde);
}

TEST_CASE_METHOD(Fixture, "rotation on non-specific EOI makes the served input the lowest") {
    pulse(2 + 2);
    CHECK(pic.acknowledge() == 0x34);
    put(pic, kMaster, 0xa0);
    CHECK(in_service(kMaster) == 0);
    pulse(4);
    pulse(3);
    pulse(5);
    CHECK(pic.acknowledge() == 0x35);
    put(pic, kMaster, kEoi);
    CHECK(pic.acknowledge() == 0x33);
    put(pic, kMaster, kEoi);
    CHECK(pic.acknowledge() == 0x34);
}

TEST_CASE_METHOD(Fixture, "set priority and rotate on specific EOI") {
    put(pic, kMaster, 0xc5);  // 5 is the lowest, so 6 the highest
    pulse(0);
    pulse(7);
    pulse(6);
    CHECK(pic.acknowledge() == 0x36);
    put(pic, kMaster, 0xe6);  // specific EOI of 6, which becomes the lowest
    CHECK(in_service(kMaster) == 0);
    pulse(6);
    CHECK(pic.acknowledge() == 0x37);
    put(pic, kMaster, 0x67);  // specific EOI of 7, priorities stay
    CHECK(pic.acknowledge() == 0x30);
    put(pic, kMaster, 0x60);
    CHECK(pic.acknowledge() == 0x36);
}

TEST_CASE_METHOD(Fixture, "specific EOI ends the named level only") {
    pulse(5);
    CHECK(pic.acknowledge() == 0x35);
    pulse(1);
    CHECK(pic.acknowledge() == 0x31);
    put(pic, kMaster, 0x65);
    CHECK(in_service(kMaster) == 0x02);
}

TEST_CASE_METHOD(Fixture, "automatic EOI leaves nothing in service") {
    initialise(0x03);
    pulse(3);
    CHECK(pic.acknowledge() == 0x33);
    CHECK(in_service(kMaster) == 0);
    pulse(6);
    CHECK(pic.intr());
}

TEST_CASE_METHOD(Fixture, "with automatic EOI the slave's next request follows at once") {
    initialise(0x03);
    pulse(10);
    pulse(9);
    CHECK(pic.acknowledge() == 0x39);
    REQUIRE(pic.intr());
    CHECK(pic.acknowledge() == 0x3a);
    CHECK_FALSE(pic.intr());
}

TEST_CASE_METHOD(Fixture, "automatic EOI can rotate") {
    initialise(0x03);
    put(pic, kMaster, 0x80);
    pulse(3);
    CHECK(pic.acknowledge() == 0x33);
    pulse(3);
    pulse(4);
    CHECK(pic.acknowledge() == 0x34);
    put(pic, kMaster, 0x00);
    CHECK(pic.acknowledge() == 0x33);
}

TEST_CASE_METHOD(Fixture, "special mask mode lets lower priorities through a masked level in service") {
    pulse(3);
    CHECK(pic.acknowledge() == 0x33);
    put(pic, kMasterData, 0x08);
    pulse(6);
    CHECK_FALSE(pic.intr());
    put(pic, kMaster, 0x68);
    REQUIRE(pic.intr());
    CHECK(pic.acknowledge() == 0x36);
    put(pic, kMaster, kEoi);  // does not touch the masked level
    CHECK(in_service(kMaster) == 0x08);
    put(pic, kMaster, 0x48);
    pulse(7);
    CHECK_FALSE(pic.intr());
}

TEST_CASE_METHOD(Fixture, "special fully nested mode lets the slave interrupt itself") {
    SECTION("without it the second request waits") {
        pulse(12);
        CHECK(pic.acknowledge() == 0x3c);
        pulse(8);
        CHECK_FALSE(pic.intr());
    }
    SECTION("with it the second request comes") {
        initialise(0x11);
        pulse(12);
        CHECK(pic.acknowledge() == 0x3c);
        pulse(8);
        REQUIRE(pic.intr());
        CHECK(pic.acknowledge() == 0x38);
    }
}

TEST_CASE_METHOD(Fixture, "a poll acknowledges and tells the level") {
    put(pic, kMaster, 0x0c);
    CHECK(get(pic, kMaster) == 0x00);
    pulse(6);
    put(pic, kMaster, 0x0c);
    CHECK(get(pic, kMaster) == 0x86);
    CHECK_FALSE(pic.intr());
    CHECK(in_service(kMaster) == 0x40);
}

TEST_CASE_METHOD(Fixture, "ICW1 forgets edges, masks and rotation") {
    pic.line(3).raise();
    pulse(5);
    put(pic, kMasterData, 0xff);
    put(pic, kMaster, 0xc2);
    initialise(0x01);
    CHECK(get(pic, kMasterData) == 0);
    CHECK_FALSE(pic.intr());
    CHECK(get(pic, kMaster) == 0);  // reads IRR again
    pulse(4);
    pulse(0);
    CHECK(pic.acknowledge() == 0x30);
}

TEST_CASE("a chip says nothing while it is being initialised, and takes as many words as ICW1 announced") {
    Pic pic;
    put(pic, kMaster, 0x12);  // single, no ICW4
    pic.line(1).edge();
    CHECK_FALSE(pic.intr());
    put(pic, kMasterData, 0x77);  // the low bits come from the input
    REQUIRE(pic.intr());
    CHECK(pic.acknowledge() == 0x71);
    put(pic, kMasterData, 0xfb);  // initialisation is over: this is the mask
    CHECK(get(pic, kMasterData) == 0xfb);
}

TEST_CASE("the CPU hears of each change of INTR, and only of those") {
    unsigned calls = 0;
    Pic pic([&] { calls++; });
    put(pic, kMaster, 0x13);
    put(pic, kMasterData, 0x30);
    put(pic, kMasterData, 0x01);
    CHECK(calls == 0);
    pic.line(4).raise();
    CHECK(calls == 1);
    pic.line(5).raise();
    CHECK(calls == 1);
    put(pic, kMasterData, 0xff);
    CHECK(calls == 2);
    put(pic, kMasterData, 0x00);
    CHECK(calls == 3);
    pic.acknowledge();
    CHECK(calls == 4);
}

TEST_CASE_METHOD(Fixture, "a restored controller goes on where it was") {
    pulse(3);
    CHECK(pic.acknowledge() == 0x33);
    pulse(9);
    pulse(5);
    unsigned calls = 0;
    Pic other([&] { calls++; });
    other.restore(pic.state());
    CHECK(calls == 1);
    CHECK(other.acknowledge() == 0x39);
    put(other, kSlave, kEoi);
    put(other, kMaster, kEoi);
    CHECK_FALSE(other.intr());
    put(other, kMaster, kEoi);
    CHECK(other.acknowledge() == 0x35);
}
