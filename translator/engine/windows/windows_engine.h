// The windows engine: 64-bit code whose memory operands are %gs:[32-bit address], in a window of 4 GiB for each guest
// address space.
#pragma once

#include "translator/engine/engine.h"
#include "translator/engine/poll_page.h"
#include "translator/engine/vcpu_memory.h"
#include "translator/engine/windows/host_faults.h"

namespace ringfold::windows {

class WindowsEngine final : public Engine {
public:
    WindowsEngine(VcpuContext&, GuestMemory&, const Adaptation&, const EngineOptions&, const MonitorFunctions&);

    CodeCache& cache() override { return cache_; }
    const WorldSwitch& world() const override { return stubs_; }
    std::unique_ptr<BlockEmitter> make_emitter(const EmitOptions&) override;
    unsigned code_bits() const override { return 64; }
    uint32_t forwarder_bytes(const Block& b) const override { return windows::forwarder_bytes(b.key.any_page); }
    void write_forwarder(const Block&, const uint8_t* at, GuestVirt eip) override;
    void write_return_forwarder(const Block&, const uint8_t* at) override;
    void write_look_up(const Link&) override;
    bool runs_at_any_page(const Mode& mode) const override { return mode.user && !mode.direct && mode.flat(); }
    void write_way_in(const Link&, const uint8_t* entry) override;
    void write_exit(const Link&) override;

    void begin_run(bool crossing) override;
    bool crossable() const override { return crossable_; }
    void enter(Mode mode) override;
    void view_changed(Privilege) override;
    void user_window_changed() override;
    void forget_returns() override;

    void use_windows() override;
    bool uses_windows() const override { return direct_used_; }
    uint64_t in_window(uint64_t address) const override { return address - context_.crossing.window_now; }

    void stop_polls() noexcept override { polls_.stop(); }
    void let_polls_pass() override { polls_.let_pass(); }
    bool is_poll(uint64_t address) override { return polls_.is(address); }
    bool is_missed_jump(uint64_t address) const override {
        return context_.compares && VcpuMemory::is_difference(context_, address);
    }
    void undo(const HostSpot& spot, uint32_t offset) override;

private:
    void look_at_side(Privilege p);

    CodeCache cache_;
    Stubs stubs_;
    ReturnStacks stacks_;
    WindowsFaults faults_;
    PollPage polls_;
    bool direct_used_ = false;  // some translation may be direct: %gs must hold the window
    bool crossable_ = false;    // sequences may change privilege: see Crossing
};

}  // namespace ringfold::windows
