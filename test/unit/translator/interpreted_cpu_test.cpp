// The run loop of -accel interp: interrupts and their shadows, kicks, HLT, and code that rewrites itself.
#include <catch2/catch.hpp>

#include "test/unit/translator/system_fixture.h"
#include "translator/interpreted_cpu.h"

using namespace ringfold;
using namespace ringfold::test;

namespace {

struct OneInterrupt : InterruptController {
    bool up = false;
    bool intr() const override { return up; }
    uint8_t acknowledge() override {
        up = false;
        return 0x30;
    }
};

struct Running : SystemGuest {
    OneInterrupt controller;
    InterpretedCpu run_loop{cpu, memory, ports, controller};

    // Runs code that ends in HLT with interrupts off.
    Exit run_to_halt(const std::vector<uint8_t>& bytes) {
        place(cpu.eip, bytes);
        return run_loop.run();
    }
};

bool halted(const Exit& e) { return std::holds_alternative<Halted>(e); }

}  // namespace

TEST_CASE("an interrupt waits for the instruction after STI") {
    Running g;
    g.place(handler(0x30), {0x89, 0xc3, 0xf4});  // mov ebx, eax; hlt
    g.controller.up = true;
    CHECK(halted(g.run_to_halt({0xfb, 0x40, 0x40, 0xf4})));  // sti; inc eax; inc eax; hlt
    CHECK(g.cpu.gpr[EBX] == 1);
    CHECK(g.cpu.eip == handler(0x30) + 3);
}

TEST_CASE("an interrupt ends HLT and returns behind it") {
    Running g;
    g.place(handler(0x30), {0xcf});
    CHECK(halted(g.run_to_halt({0xfb, 0xf4, 0xfa, 0xf4})));
    CHECK(g.cpu.eip == kCode + 2);
    CHECK(halted(g.run_loop.run()));
    g.controller.up = true;
    g.run_loop.interrupt_line_changed();
    CHECK(halted(g.run_loop.run()));
    CHECK(g.cpu.eip == kCode + 4);
}

TEST_CASE("a kick ends an endless loop") {
    Running g;
    g.run_loop.kick();
    const Exit e = g.run_to_halt({0xeb, 0xfe});
    CHECK(std::holds_alternative<Interrupted>(e));
    CHECK(g.cpu.eip == kCode);
}

TEST_CASE("code that rewrites the next instruction runs the new one") {
    Running g;
    // loop twice: inc eax at +7 is executed, then made a dec eax for the second time round, by the instruction before
    CHECK(halted(g.run_to_halt({0xc6, 0x05, 0x07, 0x80, 0x00, 0x00, 0x48,   // mov byte [8007], 48 (dec eax)
                                0x40,                                       // inc eax, as written
                                0xf4})));
    CHECK(g.cpu.gpr[EAX] == 0xffffffff);
}

TEST_CASE("cached code is forgotten when any of its bytes is written, by the guest or by a device") {
    Running g;
    const std::vector<uint8_t> code = {0xb8, 0x01, 0x00, 0x00, 0x00, 0xf4};  // mov eax, 1; hlt
    CHECK(halted(g.run_to_halt(code)));
    CHECK(g.cpu.gpr[EAX] == 1);
    const uint8_t two = 2;
    g.memory.dma_write(GuestPhys(kCode + 2), {&two, 1});
    g.cpu.activity = Activity::Running;
    g.cpu.eip = kCode;
    CHECK(halted(g.run_loop.run()));
    CHECK(g.cpu.gpr[EAX] == 0x201);
    CHECK(g.run_loop.decode_counts().pages_dropped == 1);
}

TEST_CASE("an instruction astride two pages sees writes to both") {
    Running g;
    g.cpu.eip = 0xbffd;
    CHECK(halted(g.run_to_halt({0xb8, 0x01, 0x00, 0x00, 0x00, 0xf4})));
    g.memory.write<uint8_t>(GuestVirt(0xc001), 0x07, Privilege::Supervisor);
    g.cpu.activity = Activity::Running;
    g.cpu.eip = 0xbffd;
    CHECK(halted(g.run_loop.run()));
    CHECK(g.cpu.gpr[EAX] == 0x07000001);
}

TEST_CASE("the limit of CS is checked for cached code too") {
    Running g;
    CHECK(halted(g.run_to_halt({0x90, 0xb8, 0x01, 0x00, 0x00, 0x00, 0xf4})));
    g.place(handler(13), {0xf4});
    g.cpu.activity = Activity::Running;
    g.cpu.eip = kCode;
    g.cpu.segment[CS].limit = kCode + 4;
    CHECK(halted(g.run_loop.run()));
    CHECK(g.cpu.eip == handler(13) + 1);
    CHECK(g.stack(1) == kCode + 1);
}

TEST_CASE("a triple fault is an exit") {
    Running g;
    g.cpu.idtr.limit = 0;
    g.place(kCode, {0x0f, 0x0b});
    CHECK(std::holds_alternative<TripleFault>(g.run_loop.run()));
}
