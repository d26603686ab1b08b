// The loop around a machine: how it ends, that time reaches the guest, and that a sleeping guest costs nothing.
#include <time.h>

#include <catch2/catch.hpp>

#include "test/support/bare_machine.h"
#include "vmm/guest_report.h"

using namespace ringfold;
using namespace ringfold::test;

namespace {

struct Run {
    TestInput input;
    CharOutputs outputs;
    Options options;
    CodeLoader loader;
    Machine machine;

    Run(Accel accel, std::vector<uint8_t> code)
        : options(make_options(accel)), loader(std::move(code)), machine(options, loader, input, outputs) {}
    Ending run(Nanoseconds limit = 5 * kSecond) {
        return run_loop(machine, input, {.stop_fd = -1, .stop_at = input.clock().now() + limit});
    }

    static Options make_options(Accel accel) {
        Options o;
        o.memory_bytes = 4 << 20;
        o.accel = accel;
        o.debug_exit = DebugExit{0xf4, 4};
        return o;
    }
};

// Initialises the PIC for IRQ0 at vector 0x20 and the PIT for 1000 Hz, with an IDT at 0x2000 whose entry 0x20 is
// `handler`; then runs `then`.
std::vector<uint8_t> with_timer(const std::vector<uint8_t>& handler, const std::vector<uint8_t>& then) {
    std::vector<uint8_t> code;
    const auto out = [&code](uint8_t port, uint8_t value) {
        for (uint8_t b : {uint8_t{0xb0}, value, uint8_t{0xe6}, port}) code.push_back(b);
    };
    for (auto [port, value] : {std::pair<uint8_t, uint8_t>{0x20, 0x11},
                               {0x21, 0x20},
                               {0x21, 4},
                               {0x21, 1},
                               {0x21, 0xfe},
                               {0x43, 0x34},
                               {0x40, 0xa9},
                               {0x40, 0x04}})
        out(port, value);
    const auto handler_at = static_cast<uint32_t>(kCodeAddress + 0x200);
    const auto byte = [](uint32_t v, int n) { return static_cast<uint8_t>(v >> 8 * n); };
    for (uint8_t b : std::vector<uint8_t>{0xc7,
                                          0x05,
                                          0x00,
                                          0x21,
                                          0,
                                          0,
                                          byte(handler_at, 0),
                                          byte(handler_at, 1),
                                          0x08,
                                          0,  // IDT entry, low
                                          0xc7,
                                          0x05,
                                          0x04,
                                          0x21,
                                          0,
                                          0,
                                          0,
                                          0x8e,
                                          byte(handler_at, 2),
                                          byte(handler_at, 3),  // and high
                                          0x66,
                                          0xc7,
                                          0x05,
                                          0,
                                          0x30,
                                          0,
                                          0,
                                          0xff,
                                          0x07,  // limit
                                          0xc7,
                                          0x05,
                                          0x02,
                                          0x30,
                                          0,
                                          0,
                                          0,
                                          0x20,
                                          0,
                                          0,  // base 0x2000
                                          0x0f,
                                          0x01,
                                          0x1d,
                                          0,
                                          0x30,
                                          0,
                                          0})  // lidt
        code.push_back(b);
    code.insert(code.end(), then.begin(), then.end());
    REQUIRE(code.size() < 0x200);
    code.resize(0x200, 0xf4);
    code.insert(code.end(), handler.begin(), handler.end());
    return code;
}

// Every way to run a guest that this build has: a test case that calls it is run once for each.
Accel each_accel() {
    return GENERATE(Accel::Interpreter, Accel::Translator);
}

}  // namespace

TEST_CASE("isa-debug-exit ends the run with (v << 1) | 1") {
    Run r(each_accel(), {0xb8, 0x15, 0, 0, 0, 0xe7, 0xf4, 0xeb, 0xfe});  // mov eax, 0x15; out 0xf4, eax; jmp $
    const Ending ending = r.run();
    CHECK(ending.reason == Ending::Reason::DebugExit);
    CHECK(ending.status == 0x2b);
}

TEST_CASE("a reset can come from the keyboard controller, port 0x92 and port 0xCF9") {
    const std::vector<uint8_t> programs[] = {
        {0xb0, 0xfe, 0xe6, 0x64, 0xeb, 0xfe},
        {0xb0, 0x01, 0xe6, 0x92, 0xeb, 0xfe},
        {0x66, 0xba, 0xf9, 0x0c, 0xb0, 0x02, 0xee, 0xb0, 0x06, 0xee, 0xeb, 0xfe},
    };
    for (const auto& program : programs) {
        Run r(each_accel(), program);
        CHECK(r.run().reason == Ending::Reason::Reset);
    }
}

TEST_CASE("a triple fault ends the run at the instruction that caused it") {
    Run r(each_accel(), {0x90, 0x90, 0x0f, 0x0b});  // nop; nop; ud2, with an empty IDT
    CHECK(r.run().reason == Ending::Reason::TripleFault);
    CHECK(r.machine.state().eip == kCodeAddress + 2);
    CHECK(describe_code(r.machine.state(), r.machine.memory()).find("ud2") != std::string::npos);
    CHECK(describe_registers(r.machine.state()).find("EIP=00100002") != std::string::npos);
}

TEST_CASE("an endless loop ends at the time limit, soon after it") {
    Run r(each_accel(), {0xeb, 0xfe});
    const Nanoseconds start = r.input.clock().now();
    CHECK(r.run(30 * kMillisecond).reason == Ending::Reason::TimeLimit);
    CHECK(r.input.clock().now() - start < 2 * kSecond);
}

TEST_CASE("the user's wish to leave ends the run") {
    Run r(each_accel(), {0xeb, 0xfe});
    r.input.leave = true;
    CHECK(r.run().reason == Ending::Reason::Left);
}

TEST_CASE("timer interrupts reach a loop that does nothing else") {
    // handler: inc ecx; cmp ecx, 20; jne +3; out 0xf4, eax; mov al, 0x20; out 0x20, al; iret
    const std::vector<uint8_t> handler{0x41, 0x83, 0xf9, 20, 0x75, 0x02, 0xe7, 0xf4, 0xb0, 0x20, 0xe6, 0x20, 0xcf};
    Run r(each_accel(), with_timer(handler, {0x31, 0xc9, 0xfb, 0xeb, 0xfe}));  // xor ecx, ecx; sti; jmp $
    CHECK(r.run(20 * kSecond).reason == Ending::Reason::DebugExit);
    CHECK(r.machine.state().gpr[ECX] == 20);
}

TEST_CASE("a guest that waits in HLT is woken by its timer and uses next to no host CPU") {
    const std::vector<uint8_t> handler{0x41, 0xb0, 0x20, 0xe6, 0x20, 0xcf};          // inc ecx; EOI; iret
    Run r(each_accel(), with_timer(handler, {0x31, 0xc9, 0xfb, 0xf4, 0xeb, 0xfd}));  // sti; hlt; jmp back to hlt
    timespec before{}, after{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    CHECK(r.run(500 * kMillisecond).reason == Ending::Reason::TimeLimit);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    const double used =
        static_cast<double>(after.tv_sec - before.tv_sec) + static_cast<double>(after.tv_nsec - before.tv_nsec) * 1e-9;
    CHECK(r.machine.state().gpr[ECX] > 20);  // 500 on an idle host
    CHECK(used < 0.2);
}

TEST_CASE("a guest that halts for good sleeps until the limit") {
    Run r(each_accel(), {0xfa, 0xf4});
    CHECK(r.run(50 * kMillisecond).reason == Ending::Reason::TimeLimit);
}

TEST_CASE("typed bytes reach the guest through the serial port") {
    // poll: mov dx, 0x3fd; in al, dx; test al, 1; jz poll; mov dx, 0x3f8; in al, dx; movzx eax, al; out 0xf4, eax; jmp
    // $
    Run r(each_accel(), {0x66, 0xba, 0xfd, 0x03, 0xec, 0xa8, 0x01, 0x74, 0xf7, 0x66, 0xba,
                         0xf8, 0x03, 0xec, 0x0f, 0xb6, 0xc0, 0xe7, 0xf4, 0xeb, 0xfe});
    r.input.typed.push_back('w');
    const Ending ending = r.run();
    CHECK(ending.reason == Ending::Reason::DebugExit);
    CHECK(ending.status == ('w' << 1 | 1));
}
