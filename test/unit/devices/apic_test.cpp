// Local APIC and I/O APIC at their registers.
#include <catch2/catch.hpp>

#include "devices/apic/io_apic.h"
#include "devices/apic/isa_interrupts.h"
#include "devices/apic/local_apic.h"
#include "devices/pic.h"
#include "test/unit/devices/support.h"

using namespace ringfold;

namespace {

enum Register : uint32_t {
    kId = 0x20, kVersion = 0x30, kTpr = 0x80, kPpr = 0xa0, kEoi = 0xb0, kLdr = 0xd0, kDfr = 0xe0, kSpurious = 0xf0,
    kIsr = 0x100, kTmr = 0x180, kIrr = 0x200, kEsr = 0x280, kIcr = 0x300, kIcrHigh = 0x310, kLvtTimer = 0x320,
    kLint0 = 0x350, kLvtError = 0x370, kInitial = 0x380, kCurrent = 0x390, kDivide = 0x3e0,
};
constexpr uint32_t kMask = 1 << 16, kIoLevel = 1 << 15;

// Both APICs behind the 8259 pair, software-enabled, everything else as after power-on.
struct Apics {
    Apics() {
        apic.connect(io);
        pic.on_intr_changed([this] { apic.pic_changed(); });
        irqs.connect(io);
        put(pic, 1, 0xff);
        write(kSpurious, 0x1ff);
    }
    uint32_t read(uint32_t offset) { return apic.read(offset, 4); }
    void write(uint32_t offset, uint32_t value) { apic.write(offset, 4, value); }
    void redirect(unsigned pin, uint32_t low, uint8_t destination = 0) {
        io_write(0x11 + 2 * pin, uint32_t{destination} << 24);
        io_write(0x10 + 2 * pin, low);
    }
    uint32_t io_read(unsigned number) {
        io.write(0, 4, number);
        return io.read(0x10, 4);
    }
    void io_write(unsigned number, uint32_t value) {
        io.write(0, 4, number);
        io.write(0x10, 4, value);
    }
    uint32_t entry(unsigned pin) { return io_read(0x10 + 2 * pin); }
    // Takes the next interrupt, or none: 0.
    unsigned take() { return apic.intr() ? apic.acknowledge() : 0; }
    bool requested(uint8_t vector) { return read(kIrr + vector / 32 * 16) >> vector % 32 & 1; }
    void initialise_pic() {
        put(pic, 0, 0x11), put(pic, 1, 0x20), put(pic, 1, 4), put(pic, 1, 1), put(pic, 1, 0);
    }
    void step(Nanoseconds by) {
        clock.step(by);
        apic.advance(clock.now());
    }

    ManualClock clock;
    Pic pic;
    unsigned changes = 0, inits = 0;
    std::vector<uint64_t> places;
    LocalApic apic{clock,
                   {.pic = pic,
                    .pins_changed = [this] { ++changes; },
                    .placed = [this](std::optional<GuestPhys> at) { places.push_back(at ? at->value : 0); },
                    .init = [this] { ++inits; }}};
    IoApic io{apic};
    IsaInterrupts irqs{pic};
};

}  // namespace

TEST_CASE("after power-on the 8259 pair reaches the CPU through LINT0") {
    Apics a;
    a.write(kSpurious, 0xff);  // so that all is as firmware finds it
    Apics fresh;
    fresh.initialise_pic();
    fresh.irqs.set_irq(4, true);
    CHECK(fresh.take() == 0x24);
    // Disabled by software: the local vector table is masked.
    a.initialise_pic();
    a.irqs.set_irq(4, true);
    CHECK(a.read(kLint0) == (0x700 | kMask));
    CHECK_FALSE(a.apic.intr());
    a.write(kLint0, 0x700);
    CHECK(a.read(kLint0) == (0x700 | kMask));
    a.write(kSpurious, 0x1ff);
    a.write(kLint0, 0x8700);
    CHECK(a.take() == 0x24);
    // Switched off altogether: the pin is the CPU's INTR.
    a.write(kLint0, 0x700 | kMask);
    put(a.pic, 0, 0x20);
    a.irqs.set_irq(3, true);
    CHECK_FALSE(a.apic.intr());
    CHECK(a.apic.set_apic_base(LocalApic::kUsualBase));
    CHECK(a.take() == 0x23);
}

TEST_CASE("LINT0 may have a vector of its own") {
    Apics a;
    a.initialise_pic();
    a.write(kLint0, 0x41);
    a.irqs.set_irq(1, true);
    CHECK(a.take() == 0x41);
    CHECK_FALSE(a.apic.intr());  // an edge
    a.write(kEoi, 0);
    CHECK_FALSE(a.apic.intr());
    a.write(kLint0, 0x8042);  // level: the 8259 still asks
    CHECK(a.take() == 0x42);
    CHECK(a.read(kLint0) == 0xc042);
    a.write(kEoi, 0);
    CHECK(a.take() == 0x42);
    a.pic.acknowledge();
    a.write(kEoi, 0);
    CHECK(a.take() == 0);
    CHECK(a.read(kLint0) == 0x8042);
}

TEST_CASE("priorities: the higher class first, TPR and what is in service hold back") {
    Apics a;
    for (const uint32_t vector : {0x31, 0x32, 0x51, 0x45}) a.write(kIcr, 0x44000 | vector);  // self
    CHECK(a.read(kPpr) == 0);
    CHECK(a.take() == 0x51);
    CHECK(a.read(kPpr) == 0x50);
    CHECK((a.read(kIsr + 0x20) >> 0x11 & 1));
    CHECK(a.take() == 0);
    a.write(kEoi, 0);
    a.write(kTpr, 0x47);
    CHECK(a.take() == 0);
    CHECK(a.read(kPpr) == 0x47);
    a.write(kTpr, 0x3f);
    CHECK(a.take() == 0x45);
    a.write(kEoi, 0);
    CHECK(a.take() == 0);  // 0x32 is of TPR's class
    CHECK(a.apic.acknowledge() == 0xff);  // spurious, and nothing is in service
    a.write(kTpr, 0);
    CHECK(a.take() == 0x32);
    a.write(kIcr, 0x44061);
    CHECK(a.take() == 0x61);  // nested
    a.write(kEoi, 0);
    CHECK(a.take() == 0);
    a.write(kEoi, 0);
    CHECK(a.take() == 0x31);
    a.write(kEoi, 0);
    a.write(kEoi, 0);  // of nothing
    CHECK(a.take() == 0);
}

TEST_CASE("a request that waits is one request") {
    Apics a;
    a.write(kIcr, 0x44031), a.write(kIcr, 0x44031);
    CHECK(a.take() == 0x31);
    a.write(kIcr, 0x44031);  // while it is served: one more
    a.write(kEoi, 0);
    CHECK(a.take() == 0x31);
    a.write(kEoi, 0);
    CHECK(a.take() == 0);
}

TEST_CASE("interprocessor interrupts to the only processor") {
    Apics a;
    a.write(kIcrHigh, 0);
    a.write(kIcr, 0x4031);
    CHECK(a.take() == 0x31);
    a.write(kEoi, 0);
    a.write(kIcrHigh, 0x05000000);
    a.write(kIcr, 0x4031);  // nobody
    CHECK(a.take() == 0);
    a.write(kIcr, 0xc4031);  // all but itself
    CHECK(a.take() == 0);
    a.write(kIcr, 0x84032);  // all
    CHECK(a.take() == 0x32);
    a.write(kEoi, 0);
    a.write(kIcr, 0x84400);
    CHECK(a.apic.nmi());
    a.apic.acknowledge_nmi();
    CHECK_FALSE(a.apic.nmi());
    a.write(kIcr, 0x88500);  // INIT, level, de-assert
    CHECK(a.inits == 0);
    a.write(kIcr, 0x8c500);
    CHECK(a.inits == 1);
    a.write(kIcr, 0x84612);  // start-up: it waits for none
    CHECK(a.take() == 0);
    CHECK((a.read(kIcr) & 0x1000) == 0);
}

TEST_CASE("logical destinations, flat and in clusters") {
    Apics a;
    const auto reaches = [&a](uint8_t destination) {
        a.write(kIcrHigh, uint32_t{destination} << 24);
        a.write(kIcr, 0x4831);
        const bool got = a.take() == 0x31;
        if (got) a.write(kEoi, 0);
        return got;
    };
    CHECK_FALSE(reaches(1));  // LDR is zero
    CHECK(reaches(0xff));
    a.write(kLdr, 0x02ffffff);
    CHECK(a.read(kLdr) == 0x02000000);
    CHECK(reaches(2));
    CHECK(reaches(7));
    CHECK_FALSE(reaches(4));
    a.write(kDfr, 0);
    CHECK(a.read(kDfr) == 0x0fffffff);
    a.write(kLdr, 0x32000000);
    CHECK(reaches(0x3f));
    CHECK(reaches(0x32));
    CHECK_FALSE(reaches(0x31));
    CHECK_FALSE(reaches(0x22));
    a.write(kDfr, 0x50000000);
    CHECK_FALSE(reaches(0x32));
}

TEST_CASE("errors are shown when ESR is written, and interrupt once") {
    Apics a;
    a.write(kLvtError, 0x3e);
    a.write(kIcr, 0x44005);
    CHECK(a.take() == 0x3e);
    a.write(kEoi, 0);
    CHECK(a.read(kEsr) == 0);
    a.write(kIcr, 0x44005);
    CHECK(a.take() == 0);
    a.read(0x40);  // reserved
    a.redirect(3, 0x07);
    a.irqs.set_irq(3, true);
    a.write(kEsr, 0);
    CHECK(a.read(kEsr) == 0xe0);
    a.write(kEsr, 0);
    CHECK(a.read(kEsr) == 0);
    // An error vector that is itself illegal does not go round in circles.
    a.write(kLvtError, 3);
    a.write(kIcr, 0x44005);
    a.write(kEsr, 0);
    CHECK(a.read(kEsr) == 0x20);
}

TEST_CASE("registers take aligned accesses of 32 bits, and keep their reserved bits clear") {
    Apics a;
    CHECK(a.read(kVersion) == 0x00050014);
    a.apic.write(kTpr, 1, 0x20);
    a.apic.write(kTpr + 4, 4, 0x20);
    CHECK(a.read(kTpr) == 0);
    CHECK(a.apic.read(kVersion, 2) == 0);
    a.write(kId, 0xffffffff);
    CHECK(a.read(kId) == 0xff000000);
    for (const uint32_t lvt : {0x320, 0x330, 0x340, 0x350, 0x360, 0x370}) a.write(lvt, 0xffffffff);
    CHECK(a.read(0x320) == 0x300ff);
    CHECK(a.read(0x330) == 0x107ff);
    CHECK(a.read(0x350) == 0x1a7ff);
    CHECK(a.read(0x370) == 0x100ff);
    a.write(kVersion, 7), a.write(kPpr, 7), a.write(kIrr, 7), a.write(kCurrent, 7);
    a.write(kEsr, 0);
    CHECK(a.read(kEsr) == 0);
    CHECK(a.read(kVersion) == 0x00050014);
    CHECK(a.read(kIrr) == 0);
}

TEST_CASE("IA32_APIC_BASE moves the registers and switches them off") {
    Apics a;
    CHECK(a.apic.apic_base() == 0xfee00900);
    CHECK(a.apic.set_apic_base(0xf00000000 | 0x800));
    CHECK(a.places.back() == 0xf00000000);
    CHECK(a.apic.apic_base() == 0xf00000900);  // the bootstrap bit is the board's
    for (const uint64_t reserved : {0xfee00801ull, 0xfee00c00ull, 0x10fee00800ull})
        CHECK_FALSE(a.apic.set_apic_base(reserved));
    a.write(kTpr, 0x50);
    CHECK(a.apic.set_apic_base(0xfee00000));
    CHECK(a.places.back() == 0);
    CHECK(a.apic.set_apic_base(0xfee00800));
    CHECK(a.places.back() == 0xfee00000);
    CHECK(a.read(kTpr) == 0);
    CHECK(a.read(kSpurious) == 0xff);
    CHECK(a.read(kLint0) == kMask);
}

TEST_CASE("the timer shoots once") {
    Apics a;
    a.write(kDivide, 0xb);  // by 1: 100 ns
    a.write(kLvtTimer, 0x30);
    a.write(kInitial, 1000);
    CHECK(a.apic.next_deadline() == 100 * kMicrosecond);
    a.step(30 * kMicrosecond);
    CHECK(a.read(kCurrent) == 700);
    CHECK(a.take() == 0);
    a.step(70 * kMicrosecond);
    CHECK(a.take() == 0x30);
    CHECK(a.read(kCurrent) == 0);
    CHECK_FALSE(a.apic.next_deadline());
    a.write(kEoi, 0);
    a.step(kSecond);
    CHECK(a.take() == 0);
    a.write(kInitial, 1000);
    a.write(kInitial, 0);  // stops it
    CHECK_FALSE(a.apic.next_deadline());
}

TEST_CASE("a count that has run out interrupts, even if the next is written before anybody looked") {
    Apics a;
    a.write(kLvtTimer, 0x41);
    a.write(kInitial, 100);
    a.clock.step(1 * kSecond);
    a.write(kInitial, 1000);
    CHECK(a.requested(0x41));
    CHECK(a.read(kCurrent) == 1000);
}

TEST_CASE("the divider has eight steps") {
    Apics a;
    a.write(kInitial, 0x10000);
    const std::pair<uint32_t, unsigned> steps[] = {{0, 2}, {1, 4}, {2, 8}, {3, 16}, {8, 32}, {9, 64}, {0xa, 128}, {0xb, 1}};
    for (const auto& [code, divisor] : steps) {
        a.write(kDivide, code | 0xfffffff4);
        CHECK(a.read(kDivide) == code);
        const uint32_t before = a.read(kCurrent);
        a.step(kMillisecond);
        CHECK(before - a.read(kCurrent) == 10000 / divisor);
    }
}

TEST_CASE("the timer repeats, and ticks that nobody saw are one") {
    Apics a;
    a.write(kDivide, 0xb);
    a.write(kLvtTimer, 0x20030);
    a.write(kInitial, 1000);
    for (int i = 1; i <= 3; ++i) {
        CHECK(a.apic.next_deadline() == i * 100 * kMicrosecond);
        a.step(100 * kMicrosecond);
        CHECK(a.take() == 0x30);
        a.write(kEoi, 0);
    }
    a.step(kMillisecond + 10 * kMicrosecond);
    CHECK(a.read(kCurrent) == 900);
    CHECK(a.take() == 0x30);
    a.write(kEoi, 0);
    CHECK(a.take() == 0);
    CHECK(a.apic.next_deadline() == a.clock.now() + 90 * kMicrosecond);
    // Masked it counts on, unseen.
    a.write(kLvtTimer, 0x30030);
    CHECK_FALSE(a.apic.next_deadline());
    a.step(kMillisecond);
    CHECK(a.read(kCurrent) == 900);
    a.write(kLvtTimer, 0x20030);
    CHECK(a.take() == 0);
    a.step(90 * kMicrosecond);
    CHECK(a.take() == 0x30);
    // Faster than any host.
    a.write(kEoi, 0);
    a.write(kInitial, 1);
    CHECK(a.apic.next_deadline() == a.clock.now() + 10 * kMicrosecond);
}

TEST_CASE("an edge at a pin is a message, one at a masked pin is nothing") {
    Apics a;
    a.irqs.set_irq(4, true);
    a.irqs.set_irq(4, false);
    a.redirect(4, 0x34);
    CHECK(a.take() == 0);
    a.irqs.set_irq(4, true);
    CHECK(a.take() == 0x34);
    a.write(kEoi, 0);
    CHECK(a.take() == 0);
    CHECK(a.read(kTmr + 0x10) == 0);
    a.irqs.set_irq(4, false);
    a.irqs.set_irq(4, true);
    CHECK(a.take() == 0x34);
    CHECK(a.io.counts()[4] == 3);
}

TEST_CASE("IRQ 0 sits at pin 2") {
    Apics a;
    a.redirect(2, 0x30);
    a.irqs.set_irq(0, true);
    CHECK(a.take() == 0x30);
}

TEST_CASE("a level is delivered again until it goes") {
    Apics a;
    a.redirect(10, 0x5a | kIoLevel);
    a.irqs.set_irq(10, true);
    CHECK(a.entry(10) == (0x5a | kIoLevel | IoApic::kRemoteIrr));
    CHECK((a.read(kTmr + 0x20) >> 0x1a & 1));
    CHECK(a.take() == 0x5a);
    a.irqs.set_irq(10, true);
    CHECK_FALSE(a.requested(0x5a));
    a.write(kEoi, 0);
    CHECK(a.take() == 0x5a);
    a.irqs.set_irq(10, false);
    a.write(kEoi, 0);
    CHECK(a.take() == 0);
    CHECK(a.entry(10) == (0x5a | kIoLevel));
    // A level that comes while its pin is masked is seen when it is not any more.
    a.redirect(10, 0x5a | kIoLevel | kMask);
    a.irqs.set_irq(10, true);
    CHECK(a.take() == 0);
    a.redirect(10, 0x5a | kIoLevel);
    CHECK(a.take() == 0x5a);
    // To edge and back ends it, where there is no EOI register.
    a.redirect(10, 0x5a | kMask);
    CHECK(a.entry(10) == (0x5a | kMask));
    a.redirect(10, 0x5a | kIoLevel);
    CHECK(a.requested(0x5a));
}

TEST_CASE("what is refused is offered again") {
    Apics a;
    a.write(kSpurious, 0xff);
    a.redirect(10, 0x5a | kIoLevel);
    a.redirect(4, 0x34);
    a.irqs.set_irq(10, true);
    a.irqs.set_irq(4, true);
    CHECK(a.entry(10) == (0x5a | kIoLevel));
    a.write(kSpurious, 0x1ff);
    CHECK(a.take() == 0x5a);
    a.write(kEoi, 0);
    CHECK(a.take() == 0x5a);
    a.irqs.set_irq(10, false);
    a.write(kEoi, 0);
    CHECK(a.take() == 0x34);
    a.write(kEoi, 0);
    // To somebody else, until this one has that number.
    a.redirect(5, 0x35, 7);
    a.irqs.set_irq(5, true);
    CHECK(a.take() == 0);
    a.write(kId, 0x07000000);
    CHECK(a.take() == 0x35);
}

TEST_CASE("the I/O APIC's other delivery modes") {
    Apics a;
    a.initialise_pic();
    a.write(kLint0, kMask);
    a.redirect(0, 0x700 | kIoLevel);  // ExtINT
    a.irqs.set_irq(1, true);
    CHECK_FALSE(a.apic.intr());
    a.io.set_irq(0, true);
    CHECK(a.take() == 0x21);
    CHECK_FALSE(a.apic.intr());
    CHECK(a.entry(0) == (0x700 | kIoLevel));
    a.redirect(6, 0x400);
    a.irqs.set_irq(6, true);
    CHECK(a.apic.nmi());
    a.redirect(7, 0x145);  // lowest priority: there is one
    a.irqs.set_irq(7, true);
    CHECK(a.take() == 0x45);
    a.redirect(8, 0x500);
    a.irqs.set_irq(8, true);
    CHECK(a.inits == 1);
    a.redirect(9, 0x200);  // SMI: nothing
    a.irqs.set_irq(9, true);
    CHECK_FALSE(a.apic.intr());
}

TEST_CASE("the I/O APIC's registers") {
    Apics a;
    CHECK(a.io_read(1) == 0x00170011);
    a.io_write(0, 0xffffffff);
    CHECK(a.io_read(0) == 0x0f000000);
    CHECK(a.io_read(2) == 0x0f000000);
    a.io_write(1, 0);
    CHECK(a.io_read(1) == 0x00170011);
    for (unsigned pin = 0; pin < 24; ++pin) CHECK(a.entry(pin) == kMask);
    a.io_write(0x10, 0xffffffff), a.io_write(0x11, 0xffffffff);
    CHECK(a.io_read(0x10) == 0x1afff);
    CHECK(a.io_read(0x11) == 0xff000000);
    a.io_write(0x3f, 0xffffffff);
    CHECK(a.io_read(0x3f) == 0xff000000);
    a.io_write(0x40, 0xffffffff);
    CHECK(a.io_read(0x40) == 0);
    CHECK(a.io_read(0xff) == 0);
    CHECK(a.io.read(0, 1) == 0xff);
    CHECK(a.io.read(0x20, 4) == 0);
    a.io.reset();
    CHECK(a.io_read(0x10) == kMask);
}

TEST_CASE("the state of both goes on elsewhere") {
    Apics a, b;
    a.write(kDivide, 3);
    a.write(kLvtTimer, 0x200ec);
    a.write(kInitial, 40000);
    a.redirect(10, 0x5a | kIoLevel);
    a.irqs.set_irq(10, true);
    a.clock.step(30 * kMillisecond);
    b.clock.set(a.clock.now());
    b.pic.restore(a.pic.state());
    b.io.restore(a.io.state());
    b.apic.restore(a.apic.state());
    CHECK(b.places.back() == 0xfee00000);
    CHECK(b.read(kCurrent) == a.read(kCurrent));
    CHECK(b.take() == 0x5a);
    b.write(kEoi, 0);
    CHECK(b.take() == 0x5a);
    b.step(34 * kMillisecond);
    CHECK(b.take() == 0xec);
}
