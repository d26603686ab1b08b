// Runs one x87, MMX or SSE instruction on the host CPU with the guest's registers loaded: exact arithmetic, rounding
// and 80-bit registers come free.
#pragma once

#include "translator/interpreter/interpreter.h"

namespace ringfold::interpreter {

// An FXSAVE image, read and written in the fields that the monitor itself must know (SDM volume 1, 10.5.1).
class FpuImage {
public:
    explicit FpuImage(uint8_t* bytes) : bytes_(bytes) {}
    uint8_t* bytes() const { return bytes_; }

    template <class T>
    T get(unsigned at) const {
        T value;
        memcpy(&value, bytes_ + at, sizeof(T));
        return value;
    }
    template <class T>
    void set(unsigned at, T value) {
        memcpy(bytes_ + at, &value, sizeof(T));
    }
    static constexpr unsigned kFcw = 0, kFsw = 2, kFtw = 4, kFop = 6, kFip = 8, kFcs = 12, kFdp = 16, kFds = 20,
                              kMxcsr = 24, kMxcsrMask = 28, kSt = 32, kXmm = 160, kEnd = 288;
    static constexpr unsigned kRegister = 16;  // bytes between two registers
    static constexpr uint16_t kErrorSummary = 0x80, kBusy = 0x8000;
    static constexpr uint16_t kAllMasked = 0x3f;

    // Exceptions raised and not masked: what the next waiting instruction reports.
    unsigned unmasked() const { return get<uint16_t>(kFsw) & ~get<uint16_t>(kFcw) & 0x3fu; }

private:
    uint8_t* bytes_;
};

inline FpuImage fpu_image(CpuState& s) {
    return FpuImage(s.fpu.data());
}

inline constexpr uint32_t kMxcsrBits = 0xffff;  // the model's MXCSR_MASK; others are #GP(0)
inline constexpr uint32_t kMxcsrMasks = 0x1f80, kMxcsrFlags = 0x3f;

// Large enough for any memory operand, and aligned for all of them.
struct alignas(64) Bounce {
    uint8_t bytes[512];
};

// Runs the instruction on s.gpr, s.arithmetic_flags and s.fpu, with `memory` in the place of its memory operand.
// The caller has seen to it that the host meets no fault: no pending x87 exception under a waiting instruction, no
// unmasked SSE exception, no reserved MXCSR bit. The pointer fields (FIP, FDP, ...) of s.fpu are left as they were:
// the host's are not the guest's business.
void run_native(CpuState& s, const Instruction&, Bounce& memory);

// The same for an instruction that waits on the x87, where CR0.NE may have had a pending exception ignored.
void run_waiting(CpuState& s, const Instruction&, Bounce& memory);

// What every MMX instruction does to the x87: TOP becomes 0 and all registers valid.
void enter_mmx(CpuState& s);

// Passes s.fpu through the host after a field was set from outside, and sets the fields that depend on others.
void normalise_fpu(CpuState& s);

}  // namespace ringfold::interpreter
