#include "translator/engine/windows/windows_engine.h"

#include "translator/emit/emit.h"
#include "translator/engine/vcpu_memory.h"
#include "translator/engine/windows/registers.h"
#include "vmm/base/result.h"

namespace ringfold {

namespace windows {

namespace {

void check_host() {
    if (!__builtin_cpu_supports("bmi2"))
        throw HostError("-accel bt needs a host CPU with BMI2 (Intel Haswell, AMD Zen or later); use -accel interp");
}

}  // namespace

WindowsEngine::WindowsEngine(VcpuContext& context, GuestMemory& memory, const Adaptation& adaptation, const EngineOptions& options,
                             const MonitorFunctions& monitor)
    : Engine(context, memory, adaptation),
      cache_((check_host(), options.cache_bytes)),
      stubs_(emit_stubs(cache_, monitor)),
      faults_(context, cache_, stacks_, stubs_),
      polls_(VcpuMemory::poll_page(context)) {
    for (const Privilege p : {Privilege::Supervisor, Privilege::User})
        context_.crossing.return_top[static_cast<size_t>(p)] = stacks_.top(p);
    let_polls_pass();
    forget_returns();
    install_host_faults();
    // What the host refuses must be known before the guest runs: translated code calls functions that throw nothing.
    if (!adaptation.policy().uses_windows()) return;
    for (const Privilege p : {Privilege::Supervisor, Privilege::User}) memory.window_base(p);
}

std::unique_ptr<BlockEmitter> WindowsEngine::make_emitter(const EmitOptions& options) {
    return std::make_unique<Emit>(stubs_, options, context_.compares);
}

void WindowsEngine::write_forwarder(const Block& block, const uint8_t* at, GuestVirt eip) {
    write_jump(cache_, at, eip, block.key.any_page, stubs_.look_up);
}

// The EIP is in r8d there, and the segmentation in r9d.
void WindowsEngine::write_return_forwarder(const Block& block, const uint8_t* at) {
    const Mode& mode = block.key.mode;
    const void* flat = block.key.any_page ? stubs_.any_page_return_miss : stubs_.return_miss;
    HostBytes code;
    code.add_jump(at, mode.flat() ? flat : stubs_.segmented_return_miss);
    cache_.overwrite(at, code.data.data(), code.length);
}

void WindowsEngine::write_look_up(const Link& link) {
    if (!link.from->key.mode.flat() || link.segmentation) return;
    write_jump(cache_, link.from->host + link.thunk, link.target, link.from->key.any_page, stubs_.indirect);
}

void WindowsEngine::write_way_in(const Link& link, const uint8_t* entry) {
    write_jump(cache_, link.from->host + link.thunk, link.target, false, entry);
}

void WindowsEngine::write_exit(const Link& link) {
    write_exit_thunk(cache_, link, stubs_.link);
}

void WindowsEngine::begin_run(bool crossing) {
    set_fault_handler(&faults_);
    context_.crossing.window_now = 0;  // another vCPU of this thread may have set %gs
    context_.crossing.ready = {};
    // %gs is slow to set without FSGSBASE.
    crossable_ = crossing && (!direct_used_ || has_fsgsbase());
}

void WindowsEngine::forget_returns() {
    Crossing& x = context_.crossing;
    x.user_return_rsp = x.return_top[static_cast<size_t>(Privilege::User)];
    context_.return_rsp = context_.return_top = x.return_top[x.user_stack];
}

// From now on %gs holds the window of the current privilege.
void WindowsEngine::use_windows() {
    direct_used_ = true;
    context_.crossing.windows = 1;
    context_.crossing.ready = {};
    crossable_ = crossable_ && has_fsgsbase();
}

// A guest that loads CR3 is about to run user code there: its window is chosen at once, so that the way there can be
// a sequence.
void WindowsEngine::look_at_side(Privilege p) {
    const auto side = static_cast<size_t>(p);
    Crossing& x = context_.crossing;
    x.view_register[side] = reinterpret_cast<uint64_t>(&memory_.view(p)) + kViewBias;
    const bool has_window = p == Privilege::Supervisor || user_space_is_direct();
    if (direct_used_)
        x.window[side] = reinterpret_cast<uint64_t>(has_window ? memory_.window_base(p) : memory_.no_window_base());
    x.ready[side] = crossable_;
}

// The supervisor's stack starts afresh at each entry; the user's is found as it was left.
void WindowsEngine::enter(Mode mode) {
    const auto side = static_cast<size_t>(mode.privilege());
    Crossing& x = context_.crossing;
    for (const Privilege p : {Privilege::Supervisor, Privilege::User})
        if (!x.ready[static_cast<size_t>(p)]) look_at_side(p);
    context_.view_register = x.view_register[side];
    stacks_.empty_leads_to(mode.flat() ? stubs_.return_empty : stubs_.segmented_return_empty);
    if (direct_used_ && x.window[side] != x.window_now) set_window(x.window_now = x.window[side]);
    if (mode.user == x.user_stack) return;
    if (x.user_stack) x.user_return_rsp = context_.return_rsp;
    x.user_stack = mode.user;
    context_.return_rsp = mode.user ? x.user_return_rsp : x.return_top[side];
    context_.return_top = x.return_top[side];
}

void WindowsEngine::view_changed(Privilege p) {
    const auto side = static_cast<size_t>(p);
    const bool user = p == Privilege::User;
    Crossing& x = context_.crossing;
    x.ready[side] = 0;
    if (user) x.user_return_rsp = x.return_top[side];
    if (x.user_stack == user) context_.return_rsp = x.return_top[side];
}

void WindowsEngine::user_window_changed() {
    context_.crossing.ready[static_cast<size_t>(Privilege::User)] = 0;
}

// See HostSpot.
void WindowsEngine::undo(const HostSpot& spot, uint32_t offset) {
    if (spot.undo == kNoUndo || offset < spot.undo_from) return;
    if (spot.undo == kUndoDestination || spot.undo == kUndoBothPointers) {
        const auto base = static_cast<uint32_t>(context_.crossing.window_now);
        context_.cpu.gpr[EDI] -= base;
        context_.cpu.gpr[ECX] += context_.scratch;
        if (spot.undo == kUndoBothPointers) context_.cpu.gpr[ESI] -= base;
        return;
    }
    uint32_t& r = context_.cpu.gpr[spot.undo];
    r = (r & 0xffff0000) | (r & 0xff) << 8 | (r >> 8 & 0xff);
}

}  // namespace windows

std::unique_ptr<Engine> make_windows_engine(VcpuContext& context, GuestMemory& memory, const Adaptation& adaptation,
                                            const EngineOptions& options, const MonitorFunctions& monitor) {
    return std::make_unique<windows::WindowsEngine>(context, memory, adaptation, options, monitor);
}

}  // namespace ringfold
