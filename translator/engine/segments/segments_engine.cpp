#include "translator/engine/segments/segments_engine.h"

#include <algorithm>
#include <cstring>

#include "shadowmmu/window.h"
#include "translator/engine/segments/descriptors.h"
#include "vmm/base/log.h"
#include "vmm/base/result.h"

namespace ringfold {

namespace segments {

namespace {

// Limit violations of user code until its pages are taken to lie among the supervisor's.
constexpr unsigned kInterleavedAfter = 64;

const VcpuContext& check_host(const VcpuContext& context) {
    if (!__builtin_cpu_supports("bmi2"))
        throw HostError("-accel bt needs a host CPU with BMI2 (Intel Haswell, AMD Zen or later); use -accel interp");
    return context;
}

uint32_t low(const void* p) {
    return static_cast<uint32_t>(reinterpret_cast<uintptr_t>(p));
}

}  // namespace

SegmentsEngine::SegmentsEngine(VcpuContext& context, GuestMemory& memory, const Adaptation& adaptation,
                               const EngineOptions& options, const MonitorFunctions& monitor)
    : Engine(context, memory, adaptation),
      hole_(options.hole_bytes),
      low_(check_host(context), hole_),
      cache_(std::min<size_t>(options.cache_bytes, hole_.code_bytes), hole_.code()),
      stubs_((install_descriptors(hole_), emit_stubs(cache_, context, monitor))),
      faults_(context, cache_, stubs_.host_fault),
      polls_(&low_.word(kPollPage)),
      user_end_(hole_.begin) {
    context.segments_state.far_selector = kCodeSelector;
    context.segments_state.top_mask = kTop;
    context.segments_state.top_page_mask = (kTopBytes - 1) & ~(kPageSize - 1);
    for (const Privilege p : {Privilege::Supervisor, Privilege::User}) clear_jumps(p);
    limit_user(user_end_);
    memory.share_window(WindowPlace{low_.begin(), hole_.begin, options.user_direct, kTop});
    install_host_faults();
    if (options.user_direct) direct_ = std::make_unique<UserDirect>(context, stubs_);
}

SegmentsEngine::~SegmentsEngine() {
    memory_.share_window(std::nullopt);
}

std::unique_ptr<BlockEmitter> SegmentsEngine::make_emitter(const EmitOptions& options) {
    profile_ = options.profile;
    return std::make_unique<Emitter>(stubs_, options, cache_, low_);
}

void SegmentsEngine::write_forwarder(const Block&, const uint8_t* at, GuestVirt eip) {
    uint8_t code[kForwarderBytes] = {0x65, 0xc7, 0x05, 0, 0, 0, 0, 0, 0, 0, 0, 0xe9};
    const auto where = static_cast<uint32_t>(offsetof(VcpuContext, segments_state.argument));
    const uint32_t distance = low(stubs_.look_up) - (low(at) + kForwarderBytes);
    memcpy(code + 3, &where, 4);
    memcpy(code + 7, &eip.value, 4);
    memcpy(code + 12, &distance, 4);
    cache_.overwrite(at, code, sizeof code);
}

void SegmentsEngine::begin_run(bool) {
    set_fault_handler(&faults_);
    if (direct_) direct_->begin_run();
}

// The segments that flat user code has are chosen already.
const void* SegmentsEngine::untranslated_entry() {
    const CpuState& cpu = context_.cpu;
    if (cpu.eip >= user_end_) return nullptr;
    if (!direct_used_) use_windows();
    context_.segments_state.gs = shadows_.selector_at_home(cpu.segment[GS], user_end_);
    direct_->prepare();
    return stubs_.untranslated;
}

void SegmentsEngine::enter(Mode mode) {
    SegmentsState& s = context_.segments_state;
    for (size_t n = 0; n < kSegments; ++n) s.selector[n] = context_.cpu.segment[n].selector;
    if (space_moved_ && direct_used_) {
        memory_.window_base(Privilege::User);  // the one of the space before goes
        space_moved_ = false;
    }
    if (mode.user && direct_used_) keep_user_out();
    choose_segments(mode);
}

void SegmentsEngine::choose_segments(const Mode& mode) {
    SegmentsState& s = context_.segments_state;
    s.segmentation = mode.segments.id;
    s.gs = kStateSelector;
    if (mode.flat()) {
        s.ds = s.es = s.ss = mode.user ? kUserData : kSupervisorData;
        return;
    }
    const CpuState& cpu = context_.cpu;
    const uint64_t end = mode.user ? user_end_ : hole_.begin;
    const auto shadow = [&](unsigned segment) { return shadows_.selector(segment, cpu.segment[segment], mode.segments.real, end); };
    s.ds = shadow(DS);
    s.es = shadow(ES);
    s.ss = shadow(SS);
}

// Of the pages that only the supervisor may see: they lie above what the user's segments reach, or they go.
void SegmentsEngine::keep_user_out() {
    uint64_t floor = memory_.supervisor_window_floor();
    if ((interleaved_ && floor < hole_.begin) || floor == 0) {
        memory_.empty_supervisor_window();
        floor = hole_.begin;
    }
    const uint64_t end = std::min<uint64_t>(floor, hole_.begin);
    if (end == user_end_) return;
    limit_user(user_end_ = end);
    log::print(log::Mmu, "mmu: user segments end at {:08x}\n", end);
}

void SegmentsEngine::heed_limit_violation(Mode mode) {
    if (mode.user && ++user_violations_ >= kInterleavedAfter) interleaved_ = true;
}

// For as long as the machine lives: such pages of the top are few, and stay what they are.
void SegmentsEngine::heed_special_page(GuestVirt a) {
if (a.value < kTop) return;
    reinterpret_cast<uint8_t*>(&low_.word(kTopPages))[(a.value - kTop) / kPageSize] = 1;
}

void SegmentsEngine::view_changed(Privilege p) {
    space_moved_ |= p == Privilege::User;
    forget_jumps(p);
}

void SegmentsEngine::jump_known(const Block& block) {
    const Mode& mode = block.key.mode;
    const uint32_t at = jump_table(mode.user, mode.flat()) + 4 * JumpCache::index(block.key.eip.value);
    low_.word(at) = low(block.host);
    auto& noted = jumps_noted_[static_cast<size_t>(mode.privilege())];
    if (noted.size() <= kMostJumpsNoted) noted.push_back(at);
}

// What is not flat has its entry overwritten when the look-up is done.
void SegmentsEngine::forget_jump(Privilege p, GuestVirt eip) {
    low_.word(jump_table(p == Privilege::User, true) + 4 * JumpCache::index(eip.value)) = low(stubs_.jump_miss);
}

void SegmentsEngine::forget_jumps(Privilege p) {
    auto& noted = jumps_noted_[static_cast<size_t>(p)];
    if (noted.size() > kMostJumpsNoted)
        clear_jumps(p);
    else
        for (const uint32_t at : noted) low_.word(at) = low(stubs_.jump_miss);
    noted.clear();
}

void SegmentsEngine::clear_jumps(Privilege p) {
    for (const bool flat : {true, false}) {
        uint32_t* table = &low_.word(jump_table(p == Privilege::User, flat));
        std::fill_n(table, kJumpEntries, low(stubs_.jump_miss));
    }
}

uint64_t SegmentsEngine::executions(const Block& block) const {
    if (!profile_) return 0;
    const uint32_t at = executions_offset(cache_, block.host);
    return low_.word(at) | uint64_t{low_.word(at + 4)} << 32;
}

void SegmentsEngine::count_again(Block& block, uint32_t executions) {
    block.heat = block.full_heat = executions;
    low_.word(heat_offset(cache_, block.host)) = executions;
}

void SegmentsEngine::stop_polls() noexcept {
    polls_.stop();
    if (direct_) direct_->interrupt();
}

void SegmentsEngine::undo(const HostSpot& spot, uint32_t offset) {
    if (spot.undo != kNoUndo && offset >= spot.undo_from) context_.cpu.gpr[spot.undo] = context_.segments_state.spill[spot.undo];
}

}  // namespace segments

std::unique_ptr<Engine> make_segments_engine(VcpuContext& context, GuestMemory& memory, const Adaptation& adaptation,
                                             const EngineOptions& options, const MonitorFunctions& monitor) {
    return std::make_unique<segments::SegmentsEngine>(context, memory, adaptation, options, monitor);
}

}  // namespace ringfold
