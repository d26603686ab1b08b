// The CPU's power-on state (Intel SDM volume 3, table 9-1).
#include "vmm/base/cpu_state.h"

#include <cstring>

namespace ringfold {

namespace {
constexpr uint16_t kRealCode = 0x9b, kRealData = 0x93, kLdt = 0x82, kBusyTss16 = 0x83;
constexpr uint16_t kResetFcw = 0x40, kResetMxcsr = 0x1f80;
}  // namespace

void CpuState::reset() {
    const uint64_t offset = tsc_offset, adjust = tsc_adjust;
    const uint32_t khz = tsc_khz;
    *this = CpuState{};
    tsc_offset = offset;
    tsc_adjust = adjust;
    tsc_khz = khz;
    eip = 0xfff0;
    gpr[EDX] = 0x6ca;
    for (auto& s : segment) s = {0, kRealData, 0, 0xffff};
    segment[CS] = {0xf000, kRealCode, 0xffff0000, 0xffff};
    ldtr = {0, kLdt, 0, 0xffff};
    tr = {0, kBusyTss16, 0, 0xffff};
    gdtr = idtr = {0, 0xffff};
    fpu.fill(0);
    memcpy(&fpu[0], &kResetFcw, 2);
    memcpy(&fpu[24], &kResetMxcsr, 2);
}

}  // namespace ringfold
