// The A20 gate as a guest sees it: through port 0x92 and through the keyboard controller, under each accelerator.
#include <catch2/catch.hpp>

#include "test/support/bare_machine.h"

using namespace ringfold;
using namespace ringfold::test;

namespace {

constexpr uint32_t kLow = 0x8000;  // where closing the gate does not move the code

class LowLoader final : public Loader {
public:
    explicit LowLoader(std::vector<uint8_t> code) : code_(std::move(code)) {}
    void place(Ram& ram, CpuState& cpu) const override {
        std::copy(code_.begin(), code_.end(), ram.host(GuestPhys(kLow)));
        enter_flat_protected_mode(ram, cpu, 0x1000, 0x08, 0x10);
        cpu.eip = kLow;
    }

private:
    std::vector<uint8_t> code_;
};

// Writes 11111111 to 100500 and 22222222 to 500. Closes the gate by port 92: ebx = [100500], and 33333333 to 100504.
// Opens it: ecx = [100500], edx = [504]. Closes it by commands d1, dd of the keyboard controller: esi = [100500].
// Opens it by d1, df: edi = [100500].
const std::vector<uint8_t> kCode = {
    0xc7, 0x05, 0x00, 0x05, 0x10, 0x00, 0x11, 0x11, 0x11, 0x11, 0xc7, 0x05, 0x00, 0x05, 0x00, 0x00, 0x22, 0x22,
    0x22, 0x22, 0xe4, 0x92, 0x24, 0xfc, 0xe6, 0x92, 0x8b, 0x1d, 0x00, 0x05, 0x10, 0x00, 0xc7, 0x05, 0x04, 0x05,
    0x10, 0x00, 0x33, 0x33, 0x33, 0x33, 0x0c, 0x02, 0xe6, 0x92, 0x8b, 0x0d, 0x00, 0x05, 0x10, 0x00, 0x8b, 0x15,
    0x04, 0x05, 0x00, 0x00, 0xb0, 0xd1, 0xe6, 0x64, 0xb0, 0xdd, 0xe6, 0x60, 0x8b, 0x35, 0x00, 0x05, 0x10, 0x00,
    0xb0, 0xd1, 0xe6, 0x64, 0xb0, 0xdf, 0xe6, 0x60, 0x8b, 0x3d, 0x00, 0x05, 0x10, 0x00, 0xb0, 0x00, 0xe6, 0xf4};

}  // namespace

TEST_CASE("the A20 gate folds the second mebibyte onto the first") {
    const Accel accel = GENERATE(Accel::Interpreter, Accel::Translator);
    const char* policy = GENERATE("hot", "always-direct", "never-direct");
    Options options;
    options.memory_bytes = 4 << 20;
    options.accel = accel;
    options.translator.policy.name = policy;
    options.debug_exit = DebugExit{0xf4, 4};
    TestInput input;
    CharOutputs outputs;
    const LowLoader loader(kCode);
    Machine machine(options, loader, input, outputs);
    const Ending ending = run_loop(machine, input, {.stop_fd = -1, .stop_at = input.clock().now() + 5 * kSecond});
    REQUIRE(ending.reason == Ending::Reason::DebugExit);
    const CpuState& s = machine.state();
    CHECK(s.gpr[EBX] == 0x22222222);
    CHECK(s.gpr[ECX] == 0x11111111);
    CHECK(s.gpr[EDX] == 0x33333333);
    CHECK(s.gpr[ESI] == 0x22222222);
    CHECK(s.gpr[EDI] == 0x11111111);
}
