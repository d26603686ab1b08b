// -accel bt: a Cpu that runs guest code from the code cache.
//
// run() alternates between events and translated code. Translated code calls back into the monitor through the
// functions of MonitorFunctions; each decides where to go on, mostly in the code cache again.
#pragma once

#include <array>
#include <atomic>
#include <memory>

#include "translator/adaptation/cold_code.h"
#include "translator/cache/block_table.h"
#include "translator/crash_note.h"
#include "translator/decode/decode_cache.h"
#include "translator/engine/engine.h"
#include "translator/engine/vcpu_context.h"
#include "translator/interpreter/interpreter.h"
#include "translator/segment_cache.h"
#include "translator/segmentation.h"
#include "translator/translator.h"
#include "translator/translator_options.h"
#include "vmm/base/cpu.h"

namespace ringfold {

class TranslatedCpu final : public Cpu, private MappingListener {
public:
    // Throws HostError if the host cannot run the engine.
    TranslatedCpu(VcpuContext&, GuestMemory&, PortIo&, InterruptController&, const TranslatorOptions&);
    ~TranslatedCpu() override;

    Exit run() override;
    CpuState& state() override { return state_; }
    void kick() noexcept override;
    void interrupt_line_changed() noexcept override;

    struct Counts {
        uint64_t soft_misses = 0, soft_special = 0, true_faults = 0;
        uint64_t device_accesses = 0;  // of these, by a direct call of the device
        uint64_t fetch_faults = 0;     // page faults of instruction fetches, found by the dispatcher
        uint64_t steps = 0, stops = 0, port_calls = 0, lookups = 0, links = 0, fpu_loads = 0, divide_errors = 0, host_faults = 0, polls = 0;
        uint64_t untranslated_exits = 0;  // of user code that runs as it is (-user direct),
        uint64_t untranslated_page_faults = 0, untranslated_instructions = 0, untranslated_loads = 0;  // ... of these
        uint64_t interpreted = 0;  // instructions run outside the code cache,
        uint64_t cold = 0;         // ... of these, because their block had hardly run yet
        uint64_t interrupts = 0;
        uint64_t hot_blocks = 0, retrials = 0, windows_earned = 0;
        double fault_seconds = 0;  // of run()'s time
    };
    const Counts& counts() const { return counts_; }
    // Soft stores to pages that hold code, but not to code.
    uint64_t writes_beside_code() const { return context_.writes_beside_code; }
    const Translator::Counts& translation() const { return translator_.counts(); }
    const Adaptation& adaptation() const { return adaptation_; }
    BlockTable::Counts block_counts() const { return table_.counts(); }
    // Instructions that the interpreter ran, outside translations and called from them, most often first.
    std::vector<std::pair<std::string_view, uint64_t>> top_interpreted(size_t most) const;

private:
    // What translated code calls; see MonitorFunctions.
    static MonitorFunctions monitor_functions();
    static std::unique_ptr<Engine> make_engine(VcpuContext&, GuestMemory&, const Adaptation&, const TranslatorOptions&);
    const void* on_soft_miss(Site& site, GuestVirt linear, Access access);
    const void* on_string_element(Site& site);
    const void* device_access(Site& site, GuestVirt linear, Access access);
    bool page_fault_comes_first(Site& site);
    const void* on_step(Site& site);
    const void* on_stop(Site& site);
    const void* on_link(Link& link);
    const void* on_lookup(GuestVirt eip);
    const void* on_fpu(Site& site);
    const void* on_divide_error(Site& site);
    const void* on_hot(Block& block);
    const void* on_port_in(Site& site, uint16_t port, unsigned size);
    const void* on_port_out(Site& site, uint16_t port, unsigned size);
    const void* on_quick(Site& site);
    const void* on_light_step(Site& site);
    const void* on_fault(Site& site, Vector vector);
    const void* on_exception();
    const void* on_host_fault();
    const void* on_return_fault(Block& call, HostSpot&);
    const void* on_untranslated_exit();
    void untranslated_page_fault();
    void load_untranslated_segments();
    bool may_be_direct(Mode mode) const;
    bool earns_window(Block& block);
    void give_window();
    void make_direct(Block& soft);
    void retranslate(Block& block, bool direct);
    Trap trap_of(Fill fill, GuestVirt a) const;
    // True: the instruction can be started again. `guilty`: it should be soft from now on.
    bool window_fault(Block& block, HostSpot& spot, bool& guilty);

    const void* execute(Site& site);            // by the interpreter, then on behind it
    const void* resume_behind(Site& site, Step step);
    const void* deliver(const GuestFault& fault);  // met at state_.eip by translated code of the current mode
    const void* behind_light_call(Site& site);  // what such a call answers once its instruction is done
    bool ports_are_free() const;                // of the I/O permission bitmap, which is the interpreter's
    const void* resume_at(Site& site, uint32_t host_offset);
    const void* dispatch();                     // the translation of state_.eip, or `leave`
    const void* dispatch_once(std::optional<GuestFault>& fault);  // ... unless it cannot be fetched
    Block* arrived_ = nullptr;                  // what that answered, if it was not in a jump cache
    const void* dispatch_segmented(const Mode& mode, std::optional<GuestFault>& fault);
    // Translates it if there is none. Null: it cannot be fetched from, or its second page cannot; *fault says which.
    Block* find_block(GuestVirt eip, Mode mode, std::optional<GuestFault>& fault);
    BlockKey key_of(GuestPhys code, GuestVirt eip, const Mode&) const;
    // Of a block that runs; and of a place that is given as its key's EIP is.
    uint32_t eip_of(const Block& b) const { return eip_of(b, b.key.eip); }
    uint32_t eip_of(const Block& b, GuestVirt at) const { return (b.key.any_page ? context_.page_base : 0) + at.value; }
    bool is_direct_elsewhere(GuestPhys code, GuestVirt eip, Mode);
    std::optional<Mapping> second_page(GuestVirt linear, Privilege);
    static bool fits(const Block& block, const Mapping& first, const std::optional<Mapping>& second);
    const Instruction& instruction_of(Site& site);
    bool still_true(const Block& block) const;
    bool interrupt_deliverable() const;
    bool event_waits() const;
    void take_interrupts();
    // The mode that code at this moment would be translated for; nullopt: it is the interpreter's.
    std::optional<Mode> current_mode();
    void enter_mode(Mode mode);
    void refresh_segments();
    void forget_jumps();
    void forget_code();
    void interpret();  // until code can be translated again, or something waits
    void interpret_one();
    void interpret_cold();  // up to the next transfer of control
    void note_executed(const Instruction& i);  // by the interpreter
    void count(const Instruction& i) { ++by_mnemonic_[i.mnemonic]; }

    void jumps_lost(Privilege p);
    void code_mapping_changed(Privilege) override;
    void code_page_changed(Privilege, GuestVirt page) override;
    void view_changed(Privilege) override;

    VcpuContext& context_;
    CpuState& state_;  // context_.cpu
    GuestMemory& memory_;
    PortIo& ports_;
    InterruptController& interrupts_;
    Interpreter interpreter_;
    DecodeMemo memo_;
    DecodeCache decoded_;  // of what the interpreter runs outside translated code: 16-bit code above all
    Adaptation adaptation_;
    std::unique_ptr<Engine> engine_;
    const WorldSwitch& world_;
    BlockTable table_;
    Translator translator_;
    SegmentCache segment_cache_;
    SegmentationTable segmentations_;
    CrashNote crash_note_{context_, table_};
    std::atomic<bool> kicked_ = false;
    std::vector<uint64_t> by_mnemonic_;
    TranslatorOptions options_;
    bool nmi_ = false;                // one waits
    bool cold_ = false;               // what dispatch() found is to be interpreted, although it could be translated
    bool code_mapping_lost_ = false;  // since the last resumption
    GuestFault pending_fault_{};    // being delivered from the code cache
    std::array<uint32_t, 2> mode_of_views_{~0u, ~0u};  // what the jump caches hold translations for
    bool segmented_ = false;        // the code entered last is not flat
    uint64_t evictions_ = 0;
    Counts counts_;
};

}  // namespace ringfold
