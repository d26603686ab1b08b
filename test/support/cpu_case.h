// One run of user-mode code that every kind of CPU can be asked for, and the state that it ended in.
//
// Code runs at CPL 3 with flat segments (selectors 0x23 and 0x2b, as under 64-bit Linux, so that the host can run
// the same bytes) in a sparse set of 4 KiB pages. A run ends with the first exception; the end marker is HLT,
// whose #GP(0) at CPL 3 is an exception like any other.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace ringfold::test {

inline constexpr uint16_t kUserCode = 0x23, kUserData = 0x2b;

struct PageImage {
    uint32_t address = 0;  // page aligned
    bool writable = true;
    std::array<uint8_t, 4096> bytes{};
    bool device = false;  // device memory, on our CPUs only: each access of it is in CpuEnd::system
};

using FpuImage = std::array<uint8_t, 512>;  // FXSAVE, 32-bit form
FpuImage initial_fpu();                     // as FNINIT and the reset value of MXCSR leave it

struct CpuCase {
    std::array<uint32_t, 8> gpr{};
    uint32_t eip = 0;
    uint32_t eflags = 0x202;
    FpuImage fpu = initial_fpu();
    std::vector<PageImage> pages;
    std::vector<uint64_t> ldt;  // descriptors as a table holds them: selectors 7, 0xf, 0x17 ... of CPL 3
    uint32_t max_steps = 20000;
    // On our CPUs only, with every segment at base 0 and of 64 KiB.
    enum class Segments : uint8_t { Flat, Protected16, Virtual8086 } segments = Segments::Flat;
    bool supervisor = false;  // at CPL 0, on our CPUs only; HLT then halts, and ends the run too

    uint8_t* byte(uint32_t address);  // null where no page is
};

// A descriptor of a segment; `limit` as the 20 bits say it, attributes as bits 40 to 55 (0xc0f3: flat data of ring 3).
uint64_t descriptor(uint32_t base, uint32_t limit, uint16_t attributes);

enum class EndKind : uint8_t {
    Fault,        // an exception: the normal case
    Halted,       // HLT at CPL 0, or an exception that code at CPL 0 met: its frame is in the stack page
    TimedOut,     // no exception within max_steps (or, natively, within the time limit)
    SystemCall,   // native only: the code reached int 0x80 or syscall
    TripleFault,  // guest CPUs only
    Lost,         // the process that ran it died
};

struct CpuEnd {
    EndKind kind = EndKind::Lost;
    uint8_t vector = 0;
    uint32_t error_code = 0;  // 0 where the vector has none
    uint32_t cr2 = 0;         // #PF only
    std::array<uint32_t, 8> gpr{};
    uint32_t eip = 0;
    uint32_t eflags = 0;
    std::array<uint16_t, 6> segment{};  // ES CS SS DS FS GS
    FpuImage fpu{};
    std::vector<PageImage> pages;  // in the order of the case's
    std::string system;            // control, debug and segment registers as text; empty from the host
};

// What of an end state is to be compared.
struct Compare {
    uint32_t flags = 0xffffffff;
    bool fpu = true;
    uint32_t mxcsr = 0xffffffff;
};

// Empty if equal; else one line for each difference, with the two names.
std::string difference(const CpuEnd& a, const char* a_name, const CpuEnd& b, const char* b_name,
                       const Compare& what = {});
std::string describe(const CpuEnd&);

}  // namespace ringfold::test
