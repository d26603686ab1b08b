// The segments engine: 32-bit code, in LDT segments whose limits end below the monitor's hole at the top of the low 4 GiB.
// Guest memory is at its own linear addresses there: one window, for the user and the supervisor of the current space.
#pragma once

#include "translator/engine/engine.h"
#include "translator/engine/poll_page.h"
#include "translator/engine/segments/emitter.h"
#include "translator/engine/segments/host_faults.h"
#include "translator/engine/segments/low_memory.h"
#include "translator/engine/segments/shadow_segments.h"
#include "translator/engine/segments/user_direct.h"

namespace ringfold::segments {

class SegmentsEngine final : public Engine {
public:
    SegmentsEngine(VcpuContext&, GuestMemory&, const Adaptation&, const EngineOptions&, const MonitorFunctions&);
    ~SegmentsEngine() override;

    CodeCache& cache() override { return cache_; }
    const WorldSwitch& world() const override { return stubs_; }
    std::unique_ptr<BlockEmitter> make_emitter(const EmitOptions&) override;
    unsigned code_bits() const override { return 32; }
    bool runs(const Segmentation& s) const override { return !s.stack16 || shadows_.has_16_bit_stacks(); }
    bool segmented_code_is_direct() const override { return true; }
    uint32_t forwarder_bytes(const Block&) const override { return kForwarderBytes; }
    void write_forwarder(const Block&, const uint8_t* at, GuestVirt eip) override;

    void begin_run(bool crossing) override;
    bool crossable() const override { return false; }
    void enter(Mode mode) override;
    void view_changed(Privilege) override;
    void user_window_changed() override {}
    void forget_returns() override {}

    bool runs_untranslated(const Mode& mode) const override { return direct_ && direct_->runs(mode); }
    const void* untranslated_entry() override;
    UntranslatedExit leave_untranslated() override { return direct_->leave(); }
    std::array<std::optional<uint16_t>, kSegments> untranslated_loads() const override { return direct_->loads(); }

    void jump_known(const Block& block) override;
    void forget_jump(Privilege p, GuestVirt eip) override;
    void forget_jumps(Privilege p) override;

    void use_windows() override { direct_used_ = true; }
    bool uses_windows() const override { return direct_used_; }
    uint64_t in_window(uint64_t address) const override { return address; }
    bool is_limit_violation(const HostFault& f) const override { return f.trap == kStackFault || f.trap == kGeneralProtection; }
    void heed_limit_violation(Mode mode) override;
    void heed_special_page(GuestVirt) override;
    uint64_t executions(const Block& block) const override;
    void count_again(Block& block, uint32_t executions) override;

    void stop_polls() noexcept override;
    void let_polls_pass() override { polls_.let_pass(); }
    bool is_poll(uint64_t address) override { return polls_.is(address); }
    void undo(const HostSpot& spot, uint32_t offset) override;

private:
    static constexpr uint32_t kStackFault = 12, kGeneralProtection = 13;

    void keep_user_out();
    void choose_segments(const Mode&);
    void clear_jumps(Privilege p);

    // With more of them it is cheaper to clear whole tables.
    static constexpr size_t kMostJumpsNoted = 256;

    Hole hole_;
    bool profile_ = false;
    LowMemory low_;
    CodeCache cache_;
    Stubs stubs_;
    SegmentsFaults faults_;
    PollPage polls_;
    ShadowSegments shadows_;
    std::unique_ptr<UserDirect> direct_;  // with -user direct
    bool direct_used_ = false;
    bool space_moved_ = true;
    std::array<std::vector<uint32_t>, 2> jumps_noted_;  // by privilege: words of jump tables that jump_known() has set
    uint64_t user_end_;            // what the user's segments reach
    unsigned user_violations_ = 0;
    bool interleaved_ = false;    // user pages lie above supervisor pages: the limit cannot tell them apart
};

}  // namespace ringfold::segments
