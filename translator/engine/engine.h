// What runs translations: their form, the switch between the monitor and them, and how guest memory and faults look from
// within. All else of the translator is common to the engines.
#pragma once

#include <array>
#include <memory>
#include <optional>

#include "shadowmmu/guest_memory.h"
#include "translator/adaptation/adaptation.h"
#include "translator/cache/code_cache.h"
#include "translator/engine/block_emitter.h"
#include "translator/engine/monitor_functions.h"
#include "translator/engine/vcpu_context.h"
#include "translator/translator_options.h"

namespace ringfold {

// Host code that every engine has.
struct WorldSwitch {
    void (*enter)(VcpuContext*, const void* host_pc);
    const void* leave;    // what a MonitorFunction answers to have enter() return
    const void* look_up;  // where dead blocks lead, once they have named their EIP
    // Enter the handler of VcpuContext::exception_vector (and _error) at CpuState::eip; [1]: from user code. Only if
    // Engine::crossable().
    const void *exception[2], *exception_with_error[2];
};

// How guest code that ran untranslated came to an end.
enum class UntranslatedExit {
    Interrupted,  // an event waits
    Loads,        // it has loaded segment registers: see Engine::untranslated_loads()
    PageFault,    // see VcpuContext::fault
    Undefined,    // #UD
    SingleStep,   // TF, which it has set, after an instruction
    Instruction,  // at EIP is one that the host does not run as the guest's
};

class Engine {
public:
    virtual ~Engine() = default;
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    virtual CodeCache& cache() = 0;
    virtual const WorldSwitch& world() const = 0;
    virtual std::unique_ptr<BlockEmitter> make_emitter(const EmitOptions&) = 0;
    // The bits of the host code that translations are, for listings.
    virtual unsigned code_bits() const = 0;
    // Does it run code with segments that are not flat 32-bit ones, such as these?
    virtual bool runs(const Segmentation&) const { return true; }
    // Are accesses of such code direct, as those of flat code may be?
    virtual bool segmented_code_is_direct() const { return false; }

    // --- dead blocks: their first bytes say which EIP is meant, and end in a jump of four bytes ------------------
    virtual uint32_t forwarder_bytes(const Block&) const = 0;
    virtual void write_forwarder(const Block&, const uint8_t* at, GuestVirt eip) = 0;
    // The same at one of Block::returns, where the code knows which EIP is meant.
    virtual void write_return_forwarder(const Block&, const uint8_t*) {}
    // A link that cannot be chained, though its target is translated: its thunk may lead there by the jump cache, and
    // ask the monitor no more.
    virtual void write_look_up(const Link&) {}
    // Is code of that mode translated once for all linear pages? See BlockKey::any_page.
    virtual bool runs_at_any_page(const Mode&) const { return false; }
    // Then: the link's thunk leads to such a block's entry; and asks the monitor again.
    virtual void write_way_in(const Link&, const uint8_t*) {}
    virtual void write_exit(const Link&) {}

    // --- running ---------------------------------------------------------------------------------------------------
    // This thread is about to run. `crossing`: sequences may change privilege within the code cache.
    virtual void begin_run(bool crossing) = 0;
    virtual bool crossable() const = 0;
    // Before translated code of that mode goes on.
    virtual void enter(Mode mode) = 0;
    // Another view is current for that privilege, or the user's window is.
    virtual void view_changed(Privilege) = 0;
    virtual void user_window_changed() = 0;
    // --- code without translation ----------------------------------------------------------------------------------
    // Does code of that mode, with the CPU's state as it is, run as it is?
    virtual bool runs_untranslated(const Mode&) const { return false; }
    // After enter(): where the host goes on to run it; nullptr: it does not after all.
    virtual const void* untranslated_entry() { return nullptr; }
    // Its registers become the CPU's; EIP is that of the instruction in question.
    virtual UntranslatedExit leave_untranslated() { return UntranslatedExit::Instruction; }
    // Selectors that it has loaded unseen, by segment.
    virtual std::array<std::optional<uint16_t>, kSegments> untranslated_loads() const { return {}; }

    // Host return addresses may lead astray.
    virtual void forget_returns() = 0;

    // --- known jumps, beside those that the views know ---------------------------------------------------------------
    virtual void jump_known(const Block&) {}
    virtual void forget_jump(Privilege, GuestVirt) {}
    virtual void forget_jumps(Privilege) {}

    // --- direct accesses -----------------------------------------------------------------------------------------------
    // From now on translations may be direct.
    virtual void use_windows() = 0;
    virtual bool uses_windows() const = 0;
    // Where in the current window a host address lies, modulo 2^64.
    virtual uint64_t in_window(uint64_t address) const = 0;
    // Has the user space in question earned a window?
    bool user_space_is_direct() const {
        return adaptation_.policy().window_after() == 0 || memory_.space_note().direct;
    }
    // Was the fault an access beyond a segment's limit, at an address that the host does not tell?
    virtual bool is_limit_violation(const HostFault&) const { return false; }
    virtual void heed_limit_violation(Mode) {}
    // No window can show the guest what is at that address.
    virtual void heed_special_page(GuestVirt) {}
    // How often it has run; only with EmitOptions::profile.
    virtual uint64_t executions(const Block& block) const { return block.executions; }
    // The block is looked at again after so many executions.
    virtual void count_again(Block& block, uint32_t executions) { block.heat = block.full_heat = executions; }

    // --- polls: have translated code stop soon. The first may be called by any thread, and in a signal handler ----------
    virtual void stop_polls() noexcept = 0;
    virtual void let_polls_pass() = 0;
    virtual bool is_poll(uint64_t address) = 0;

    // Was the fault an indirect jump or call, not begun yet, whose target the jump cache does not hold?
    virtual bool is_missed_jump(uint64_t) const { return false; }

    // Gives the guest its registers back, which the code between two instructions had otherwise. `offset`: of the fault
    // in the block's host code.
    virtual void undo(const HostSpot& spot, uint32_t offset) = 0;

protected:
    Engine(VcpuContext& context, GuestMemory& memory, const Adaptation& adaptation)
        : context_(context), memory_(memory), adaptation_(adaptation) {}

    VcpuContext& context_;
    GuestMemory& memory_;
    const Adaptation& adaptation_;
};

// Throws HostError if the host cannot run it. `context` and `memory` outlive it.
using MakeEngine = std::unique_ptr<Engine> (*)(VcpuContext&, GuestMemory&, const Adaptation&, const EngineOptions&,
                                               const MonitorFunctions&);

// What some engines have, and EngineOptions then says more about.
enum class EngineFeature : unsigned {
    None = 0,
    Hole = 1,        // a part of the guest's linear addresses is the monitor's
    UserDirect = 2,  // can run user mode without translation
    HoleAndUserDirect = Hole | UserDirect,
};

struct EngineInfo {
    std::string_view name, summary;  // as -engine and -help spell them
    std::string_view policy;         // the one of -adapt that suits it
    EngineFeature features;
    MakeEngine make;
    bool has(EngineFeature f) const { return static_cast<unsigned>(features) & static_cast<unsigned>(f); }
};
std::span<const EngineInfo> all_engines();
// nullptr if there is none of that name.
const EngineInfo* find_engine(std::string_view name);

}  // namespace ringfold
