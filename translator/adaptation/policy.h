// What decides how guest code is translated as it shows what it does: an object, chosen by -adapt, so that rules can
// be compared and replaced.
//
// The mechanism around it (adaptation.h) counts, remembers and retranslates; a policy only answers questions. Each
// policy is one file of this folder with a row in policies.def; a user's own needs no more.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "vmm/base/types.h"

namespace ringfold {

// Why a host signal came where the guest's instruction ran as itself. Each costs thousands of cycles.
enum class Trap : uint8_t {
    HiddenFault,      // the page was allowed and is in the window now: the same access will not fault at once
    PageTable,        // a write to a traced page: the guest's page tables,
    DescriptorTable,  // ... its GDT, LDT or IDT,
    Code,             // ... or code, or data beside it
    Device,           // no RAM there
    NotWindowed,      // allowed, but windows never hold such a page (a supervisor's non-global one)
    PageFault,        // the guest's own
    Divide,           // DIV or IDIV by zero, or the quotient too large
    MissedJump,       // an indirect jump or call whose target the jump cache did not hold
};
inline constexpr int kTraps = 9;
std::string_view name_of(Trap);

// What an instruction has been through; kept with its translation, forgotten with it.
struct TrapHistory {
    uint32_t score = 0;
    uint64_t last = 0;  // by the host's time-stamp counter
};

// The numbers that policies work with, each an option of -adapt. A policy may ignore any.
struct Thresholds {
    uint32_t translate_at = 2;                // the execution of a block at which it is translated
    uint32_t direct_after = 64;               // executions of a block until its accesses are made direct
    uint64_t window_after = 1 << 17;          // executions of a user space's hot blocks until it gets a window
    uint32_t guilty_score = 32;               // traps score 1 (a hidden fault) or half of this (any other)
    uint64_t forgiven_cycles = 1'000'000;     // one point is forgiven in this many cycles of the time-stamp counter
    uint32_t retry_after = 1 << 14;           // executions of a block until its guilty instructions are tried again
    uint64_t probation_cycles = 100'000'000;  // who was not convicted for so long counts as convicted never before
    uint32_t guilty_divides = 2;              // divide errors until a division is checked before it runs
};

class Policy {
public:
    virtual ~Policy() = default;
    // Are memory operands of code at that privilege direct (IDENT) from the first translation on?
    virtual bool direct_at_first(Privilege) const = 0;
    // The execution of a block at which it is translated; those before are interpreted.
    virtual uint32_t translate_at() const { return 1; }
    // Executions of a soft block until it is translated again, direct. 0: never.
    virtual uint32_t direct_after() const = 0;
    // Executions of the hot blocks of one user address space until that space has direct accesses at all: a window
    // costs it a host fault for each few pages, and many processes end sooner than that pays. 0: from the start.
    virtual uint64_t window_after() const { return 0; }
    // A trap at a direct access (or a division), `now` by the time-stamp counter. True: the instruction is guilty,
    // and SIMULATEd from now on.
    virtual bool convict(Trap, TrapHistory&, uint64_t now) const = 0;
    // Executions of its block until an instruction that was convicted so often is tried again. 0: never.
    virtual uint32_t retry_after(unsigned convictions) const = 0;

    // Will any access ever be direct?
    bool uses_windows() const {
        return direct_after() != 0 || direct_at_first(Privilege::Supervisor) || direct_at_first(Privilege::User);
    }
};

struct PolicyInfo {
    std::string_view name, summary;  // as -adapt and -help spell them
    std::unique_ptr<Policy> (*make)(const Thresholds&);
};
std::span<const PolicyInfo> all_policies();
// nullptr if there is none of that name.
const PolicyInfo* find_policy(std::string_view name);

// -adapt NAME[,THRESHOLD=NUMBER...], as parsed.
struct PolicyChoice {
    std::string name = "hot";
    Thresholds thresholds;
};
// Sets the threshold that -adapt spells so; false if there is none.
bool set_threshold(Thresholds&, std::string_view name, uint64_t value);
// The names, with their values.
std::string describe(const Thresholds&);

}  // namespace ringfold
