// -accel bt: events, then translated code, and the functions that translated code calls.
#include "translator/translated_cpu.h"

#include <x86intrin.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <utility>

#include "translator/classify/classifier.h"
#include "translator/decode/fetch.h"
#include "translator/interpreter/debug.h"
#include "vmm/base/log.h"
#include "vmm/base/result.h"
#include "vmm/host/crash_report.h"

namespace ringfold {

namespace {

// Adds the time until it dies to a counter.
class Stopwatch {
public:
    explicit Stopwatch(double& seconds) : seconds_(seconds), start_(std::chrono::steady_clock::now()) {}
    ~Stopwatch() { seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }
    Stopwatch(const Stopwatch&) = delete;
    Stopwatch& operator=(const Stopwatch&) = delete;

private:
    double& seconds_;
    std::chrono::steady_clock::time_point start_;
};

// Executions until a soft block that could not be made direct asks again.
constexpr uint32_t kCountAgain = 1024;

// The mode as current_mode() gives it, which does not choose the form of access.
Mode soft(Mode mode) {
    mode.direct = false;
    return mode;
}

// The data segment register that the instruction loads.
std::optional<unsigned> loaded_segment(const Instruction& i) {
    switch (i.mnemonic) {
        case ZYDIS_MNEMONIC_MOV_SEGMENT: case ZYDIS_MNEMONIC_POP_SEGMENT:
            if (i.op(0).kind != OperandKind::Segment || i.op(0).reg == SS || i.op(0).reg == CS) return std::nullopt;
            return i.op(0).reg;
        case ZYDIS_MNEMONIC_LDS: return DS;
        case ZYDIS_MNEMONIC_LES: return ES;
        case ZYDIS_MNEMONIC_LFS: return FS;
        case ZYDIS_MNEMONIC_LGS: return GS;
        default: return std::nullopt;
    }
}

bool flat(const SegmentRegister& s) {
    return s.present() && s.base == 0 && s.limit == 0xffffffff;
}
bool flat_data(const SegmentRegister& s) {
    return flat(s) && s.writable() && !s.expand_down();
}
// Once its memory operand is known to be allowed, the instruction cannot fail, and changes registers, flags and memory only.
bool faults_by_access_only(const Instruction& i) {
    return i.row->emit == EmitKind::ident && i.mnemonic != ZYDIS_MNEMONIC_DIV && i.mnemonic != ZYDIS_MNEMONIC_IDIV;
}
bool all_flat(const CpuState& s) {
    return s.protected_mode() && !s.v86() && flat(s.segment[CS]) && s.segment[CS].big() && s.segment[CS].readable() &&
           flat_data(s.segment[SS]) && s.segment[SS].big() && flat_data(s.segment[DS]) && flat_data(s.segment[ES]);
}

}  // namespace

TranslatedCpu::TranslatedCpu(VcpuContext& context, GuestMemory& memory, PortIo& ports, InterruptController& interrupts,
                             const TranslatorOptions& options)
    : context_(context),
      state_(context.cpu),
      memory_(memory),
      ports_(ports),
      interrupts_(interrupts),
      interpreter_(context.cpu, memory, ports),
      decoded_(context.cpu, memory),
      adaptation_(options.policy),
      engine_(make_engine(context, memory, adaptation_, options)),
      world_(engine_->world()),
      table_(engine_->cache(), memory.tracer(), memory.ram().file_bytes()),
      translator_(memory, *engine_, table_, options.emit, adaptation_, memo_),
      segment_cache_(context, memory),
      by_mnemonic_(kMnemonicMax + 1) {
    options_ = options;
    for (const Privilege p : {Privilege::Supervisor, Privilege::User})
        if (adaptation_.policy().direct_at_first(p)) engine_->use_windows();
    table_.set_engine(engine_.get());
    context_.owner = this;
    context_.ram = memory.ram().host(GuestPhys(0));
    context_.trace_kinds = memory.tracer().kinds();
    context_.code_bits = table_.code_map().bits();
    interpreter_.stop = &context_.attention;
    interpreter_.interrupts = &interrupts_;
    translator_.on_eviction = [this] {
        forget_code();
        ++evictions_;
    };
    memory_.set_listener(this);
}

TranslatedCpu::~TranslatedCpu() {
    memory_.set_listener(nullptr);
}

std::unique_ptr<Engine> TranslatedCpu::make_engine(VcpuContext& context, GuestMemory& memory, const Adaptation& adaptation,
                                                   const TranslatorOptions& options) {
    const EngineInfo* engine = find_engine(options.engine);
    if (!engine) throw HostError("there is no engine named " + options.engine);
    return engine->make(context, memory, adaptation, options.engine_options, monitor_functions());
}

MonitorFunctions TranslatedCpu::monitor_functions() {
    MonitorFunctions f{};
    f.soft_miss = [](VcpuContext* c, void* site, uint32_t linear) noexcept {
        Site& s = *static_cast<Site*>(site);
        return c->owner->on_soft_miss(s, GuestVirt(linear), s.access);
    };
    f.divide_error = [](VcpuContext* c, void* site, uint32_t) noexcept {
        return c->owner->on_divide_error(*static_cast<Site*>(site));
    };
    f.string_read = [](VcpuContext* c, void* site, uint32_t linear) noexcept {
        return c->owner->on_soft_miss(*static_cast<Site*>(site), GuestVirt(linear), Access::Read);
    };
    f.string_write = [](VcpuContext* c, void* site, uint32_t linear) noexcept {
        return c->owner->on_soft_miss(*static_cast<Site*>(site), GuestVirt(linear), Access::Write);
    };
    f.string_element = [](VcpuContext* c, void* site, uint32_t) noexcept {
        return c->owner->on_string_element(*static_cast<Site*>(site));
    };
    f.step = [](VcpuContext* c, void* site, uint32_t) noexcept { return c->owner->on_step(*static_cast<Site*>(site)); };
    f.stop = [](VcpuContext* c, void* site, uint32_t) noexcept { return c->owner->on_stop(*static_cast<Site*>(site)); };
    f.hot = [](VcpuContext* c, void* block, uint32_t) noexcept { return c->owner->on_hot(*static_cast<Block*>(block)); };
    f.fault = [](VcpuContext* c, void* site, uint32_t vector) noexcept {
        return c->owner->on_fault(*static_cast<Site*>(site), static_cast<Vector>(vector));
    };
    f.exception = [](VcpuContext* c, void*, uint32_t) noexcept { return c->owner->on_exception(); };
    f.port_in = [](VcpuContext* c, void* site, uint32_t port) noexcept {
        return c->owner->on_port_in(*static_cast<Site*>(site), static_cast<uint16_t>(port), port >> 16);
    };
    f.port_out = [](VcpuContext* c, void* site, uint32_t port) noexcept {
        return c->owner->on_port_out(*static_cast<Site*>(site), static_cast<uint16_t>(port), port >> 16);
    };
    f.light_step = [](VcpuContext* c, void* site, uint32_t) noexcept {
        return c->owner->on_light_step(*static_cast<Site*>(site));
    };
    f.quick = [](VcpuContext* c, void* site, uint32_t) noexcept { return c->owner->on_quick(*static_cast<Site*>(site)); };
    f.link = [](VcpuContext* c, void* link, uint32_t) noexcept { return c->owner->on_link(*static_cast<Link*>(link)); };
    f.indirect = [](VcpuContext* c, void*, uint32_t eip) noexcept { return c->owner->on_lookup(GuestVirt(eip)); };
    f.fpu = [](VcpuContext* c, void* site, uint32_t) noexcept { return c->owner->on_fpu(*static_cast<Site*>(site)); };
    f.host_fault = [](VcpuContext* c) noexcept { return c->owner->on_host_fault(); };
    f.untranslated_exit = [](VcpuContext* c) noexcept { return c->owner->on_untranslated_exit(); };
    return f;
}

// --- events ---------------------------------------------------------------------------------------------------

// Order matters: whose poll stops must find kicked_ set.
void TranslatedCpu::kick() noexcept {
    kicked_.store(true);
    context_.attention = 1;
    engine_->stop_polls();
}

void TranslatedCpu::interrupt_line_changed() noexcept {
    nmi_ = interrupts_.nmi();
    context_.irq_asserted = nmi_ || interrupts_.intr();
    if (!interrupt_deliverable()) return;
    context_.attention.store(1, std::memory_order_relaxed);
    engine_->stop_polls();
}

// But for the shadow of STI and the like.
bool TranslatedCpu::interrupt_deliverable() const {
    return context_.irq_asserted && ((nmi_ && !state_.nmi_blocked) || (state_.interrupt_flag && interrupts_.intr()));
}

bool TranslatedCpu::event_waits() const {
    return kicked_.load(std::memory_order_relaxed) || interrupt_deliverable() || state_.activity != Activity::Running;
}

// NMI goes before INTR (SDM volume 3, table 6-2).
void TranslatedCpu::take_interrupts() {
    if (nmi_ && !state_.nmi_blocked) {
        interrupts_.acknowledge_nmi();
        interpreter_.nmi();
    } else {
        ++counts_.interrupts;
        interpreter_.interrupt(interrupts_.acknowledge());
    }
    interrupt_line_changed();
}

Exit TranslatedCpu::run() {
    engine_->begin_run(!log::enabled(log::Int));  // a log of interrupts is to have them all
    interrupt_line_changed();
    for (;;) {
        context_.attention.store(0, std::memory_order_relaxed);
        engine_->let_polls_pass();
        if (kicked_.exchange(false)) return Interrupted{};
        if (state_.activity != Activity::Shutdown && interrupt_deliverable() && !state_.interrupt_shadow) take_interrupts();
        if (state_.activity == Activity::Shutdown) return TripleFault{};
        if (state_.activity == Activity::Halted) return Halted{};
        if (const void* pc = dispatch(); pc != world_.leave)
            world_.enter(&context_, pc);
        else if (!kicked_ && state_.activity == Activity::Running)  // cold code may have halted on the way
            interpret();
    }
}

void TranslatedCpu::interpret() {
    do {
        interpret_one();
    } while (!context_.attention.load(std::memory_order_relaxed) && !event_waits() && !current_mode());
}

void TranslatedCpu::interpret_one() {
    ++counts_.interpreted;
    if (interpreter::breakpoints_enabled(state_)) {
        interpreter_.step();
        return;
    }
    const Instruction* i;
    try {
        i = &decoded_.fetch();
    } catch (const GuestFault& f) {
        interpreter_.fault(f);
        return;
    }
    count(*i);
    interpreter_.execute(*i);
    note_executed(*i);
}

void TranslatedCpu::interpret_cold() {
    uint32_t next;
    do {
        Instruction i;
        try {
            fetch_instruction(state_, memory_, i, &memo_);
        } catch (const GuestFault& f) {
            interpreter_.fault(f);
            return;
        }
        next = state_.eip + i.length;
        ++counts_.interpreted;
        ++counts_.cold;
        count(i);
        interpreter_.execute(i);
        note_executed(i);
    } while (state_.eip == next && !context_.attention.load(std::memory_order_relaxed) && !event_waits() && current_mode());
}

void TranslatedCpu::note_executed(const Instruction& i) {
    const auto loaded = loaded_segment(i);
    if (loaded && state_.eip == interpreter_.next_eip && state_.protected_mode() && !state_.v86())
        segment_cache_.remember(*loaded);
}

// --- where to go on -------------------------------------------------------------------------------------------

std::optional<Mode> TranslatedCpu::current_mode() {
    const CpuState& s = state_;
    if ((s.system_flags & flag::TF) || s.interrupt_shadow || s.pending_debug)
        return std::nullopt;
    if (interpreter::breakpoints_enabled(s) || s.cpl == 1 || s.cpl == 2) return std::nullopt;
    if ((s.system_flags & flag::AC) && (s.cr0 & cr0::AM) && s.cpl == 3) return std::nullopt;
    Mode mode{.user = s.cpl == 3, .sse = (s.cr4 & cr4::OSFXSR) != 0};
    if (all_flat(s)) return mode;
    const auto segments = segmentations_.of(s);
    if (!segments || !engine_->runs(*segments)) return std::nullopt;
    mode.segments = *segments;
    return mode;
}

void TranslatedCpu::refresh_segments() {
    refresh_segment_checks(context_);
    context_.odd_fs = !(state_.segment[FS].limit == 0xffffffff && state_.segment[FS].present() &&
                        state_.segment[FS].writable() && !state_.segment[FS].expand_down());
    context_.odd_gs = !(state_.segment[GS].limit == 0xffffffff && state_.segment[GS].present() &&
                        state_.segment[GS].writable() && !state_.segment[GS].expand_down());
}

void TranslatedCpu::enter_mode(Mode mode) {
    state_.system_flags &= ~flag::RF;
    code_mapping_lost_ = false;
    refresh_segments();
    if (segmented_ == mode.flat()) {  // a flat return does not say which segmentation it is for
        segmented_ = !mode.flat();
        engine_->forget_returns();
    }
    segment_cache_.check();
    engine_->enter(mode);
}

void TranslatedCpu::forget_jumps() {
    for (const Privilege p : {Privilege::Supervisor, Privilege::User}) engine_->forget_jumps(p);
}

// The views no longer know which pages the jump caches, chains and return stacks rely on, so none may be left.
void TranslatedCpu::forget_code() {
    memory_.forget_code();
    forget_jumps();
    decoded_.mappings_changed();
    table_.unchain_other_pages();
    engine_->forget_returns();
}

// User code is never chained from page to page, so only its return stack can lead astray.
void TranslatedCpu::code_mapping_changed(Privilege p) {
    if (p == Privilege::Supervisor) table_.unchain_other_pages();
    jumps_lost(p);
}

void TranslatedCpu::code_page_changed(Privilege p, GuestVirt page) {
    if (p == Privilege::Supervisor) table_.unchain_from_other_pages(page);
    jumps_lost(p);
}

void TranslatedCpu::jumps_lost(Privilege p) {
    decoded_.mappings_changed();
    engine_->forget_jumps(p);
    engine_->forget_returns();
    code_mapping_lost_ |= p == state_.privilege();  // a kernel that changes user pages runs on
}

void TranslatedCpu::view_changed(Privilege p) {
    decoded_.mappings_changed();
    engine_->view_changed(p);
    code_mapping_lost_ |= p == state_.privilege();
}

// The supervisor's window holds global pages only, and without CR4.PGE there are none.
bool TranslatedCpu::may_be_direct(Mode mode) const {
    if (!mode.flat() && !engine_->segmented_code_is_direct()) return false;
    if (mode.user) return engine_->user_space_is_direct();
    return !state_.paging() || (state_.cr4 & cr4::PGE);
}

// From now on the direct translations of its code are the current space's, and those that are soft can become direct.
void TranslatedCpu::give_window() {
    ++counts_.windows_earned;
    memory_.space_note().direct = true;
    memory_.forget_user_code();
    engine_->forget_jumps(Privilege::User);
    engine_->forget_returns();
    engine_->user_window_changed();
}

// What lies behind the page of a block astride two; nullopt: it cannot be fetched from.
std::optional<Mapping> TranslatedCpu::second_page(GuestVirt linear, Privilege p) {
    const auto answer = memory_.code_mapping(linear.page() + kPageSize, p);
    const auto* mapping = std::get_if<Mapping>(&answer);
    return mapping ? std::optional(*mapping) : std::nullopt;
}

// Is the block still made from these pages, and chained no further than they allow?
bool TranslatedCpu::fits(const Block& block, const Mapping& first, const std::optional<Mapping>& second) {
    // It is chained to other pages, which are not everywhere what they were when it was made.
    if (block.global && !first.global) return false;
    // From before its page was global: made again, it may be chained with other pages.
    if (first.global && !block.global && !block.key.mode.user && !block.crosses_page) return false;
    return !second || (second->physical.page() == block.second_page.page() && (second->global || !block.global));
}

// A block that could go on into the next page, or around 4 GiB, is of its page only.
BlockKey TranslatedCpu::key_of(GuestPhys code, GuestVirt eip, const Mode& mode) const {
    constexpr GuestVirt kLastPage(0u - kPageSize);
    const bool any_page = engine_->runs_at_any_page(mode) && !may_cross_page(eip) && eip.page() != kLastPage;
    return {code, any_page ? GuestVirt(eip.page_offset()) : eip, mode, any_page};
}

Block* TranslatedCpu::find_block(GuestVirt eip, Mode mode, std::optional<GuestFault>& fault) {
    const GuestVirt linear = eip + mode.segments.code_base;
    if (!mode.flat() && eip.value > mode.segments.code_limit) return nullptr;
    const auto answer = memory_.code_mapping(linear, mode.privilege());
    const auto* mapping = std::get_if<Mapping>(&answer);
    if (!mapping) {
        fault = std::get<GuestFault>(answer);
        return nullptr;
    }
    mode.direct = engine_->uses_windows() && may_be_direct(mode);
    BlockKey key = key_of(mapping->physical, eip, mode);
    Block* block = table_.find(key);
    if (mode.direct && !block && !adaptation_.policy().direct_at_first(mode.privilege())) {
        key = key_of(mapping->physical, eip, soft(mode));
        block = table_.find(key);
    }
    if (block) {
        const Privilege p = mode.privilege();
        const auto second = block->crosses_page ? second_page(linear, p) : std::nullopt;
        if (block->crosses_page && !second) return nullptr;
        if (fits(*block, *mapping, second)) {  // so the end of these pages must be heard of
            if (second) memory_.note_code_page(linear.page() + kPageSize, p, *second);
            memory_.note_code_page(linear, p, *mapping);
            return block;
        }
        table_.kill(*block);
    }
    if (memory_.ram().contains(key.code) && table_.cold_code().still_cold(key.code, adaptation_.policy().translate_at())) {
        cold_ = true;
        return nullptr;
    }
    block = translator_.translate(key, eip, *mapping);
    if (block && block->heat && mode.user && !mode.direct && is_direct_elsewhere(key.code, eip, mode))
        engine_->count_again(*block, kCountAgain);
    return block;
}

// In a space that has a window, and shares this code at the same address.
bool TranslatedCpu::is_direct_elsewhere(GuestPhys code, GuestVirt eip, Mode mode) {
    mode.direct = true;
    return table_.find(key_of(code, eip, mode));
}

const void* TranslatedCpu::dispatch() {
    for (;;) {
        std::optional<GuestFault> fault;
        const void* pc = dispatch_once(fault);
        if (fault) {
            // As the interpreter's fetch would have it, but without a C++ exception.
            ++counts_.fetch_faults;
            interpreter_.fault(*fault);
        } else if (std::exchange(cold_, false)) {
            interpret_cold();
        } else {
            return pc;
        }
    }
}

const void* TranslatedCpu::dispatch_once(std::optional<GuestFault>& fault) {
    arrived_ = nullptr;
    if (event_waits()) return world_.leave;
    const auto mode = current_mode();
    if (!mode) return world_.leave;
    if (!mode->flat()) return dispatch_segmented(*mode, fault);
    if (engine_->runs_untranslated(*mode)) {
        enter_mode(*mode);
        if (const void* entry = engine_->untranslated_entry()) return entry;
    }
    JumpCache& jumps = memory_.view(mode->privilege()).jumps;
    const GuestVirt eip(state_.eip);
    const uint32_t i = JumpCache::index(eip.value);
    // The views of a privilege are shared by all modes of it, so the block found there must be of this one.
    Block* block = nullptr;
    if (jumps.negated_eip[i] == 0u - eip.value && mode_of_views_[mode->user] == mode->bits()) {
        enter_mode(*mode);
        return jumps.host[i];
    }
    if (mode_of_views_[mode->user] != mode->bits()) {
        // Sequences that change privilege rely on the other jump cache too.
        forget_code();
        for (const bool user : {false, true}) mode_of_views_[user] = Mode{.user = user, .sse = mode->sse}.bits();
    }
    ++counts_.lookups;
    block = arrived_ = find_block(eip, *mode, fault);
    if (!block) return world_.leave;
    JumpCache& now = memory_.view(mode->privilege()).jumps;
    now.negated_eip[i] = 0u - eip.value;
    now.host[i] = block->entry();
    engine_->jump_known(*block);
    enter_mode(*mode);
    if (log::enabled(log::Exec)) log::print(log::Exec, "exec {:08x}\n", eip.value);
    return block->entry();
}

const void* TranslatedCpu::dispatch_segmented(const Mode& mode, std::optional<GuestFault>& fault) {
    const uint32_t eip = state_.eip, id = mode.segments.id;
    const uint32_t i = SegmentedJumpCache::index(id, eip);
    const uint64_t tag = SegmentedJumpCache::tag(id, eip);
    const SegmentedJumpCache& jumps = memory_.view(mode.privilege()).segmented_jumps;
    if (jumps.negated_tag[i] == 0 - tag) {
        enter_mode(mode);
        return jumps.host[i];
    }
    ++counts_.lookups;
    Block* block = arrived_ = find_block(GuestVirt(eip), mode, fault);
    if (!block) return world_.leave;
    SegmentedJumpCache& now = memory_.view(mode.privilege()).segmented_jumps;
    now.negated_tag[i] = 0 - tag;
    now.host[i] = block->entry();
    now.used = true;
    engine_->jump_known(*block);
    enter_mode(mode);
    if (log::enabled(log::Exec)) log::print(log::Exec, "exec {:08x} at {:08x}\n", eip, mode.segments.code_base);
    return block->entry();
}

// The instruction just run may have written to the block, or to the page-table entry that its page came from.
bool TranslatedCpu::still_true(const Block& block) const {
    return !block.dead && !code_mapping_lost_;
}

const void* TranslatedCpu::resume_at(Site& site, uint32_t host_offset) {
    context_.reload_fpu = site.fpu;
    enter_mode(site.block->key.mode);
    return site.block->host + host_offset;
}

const void* TranslatedCpu::resume_behind(Site& site, Step step) {
    const Block& block = *site.block;
    if (step == Step::Repeat && still_true(block) && !event_waits() && current_mode() == soft(block.key.mode))
        return resume_at(site, site.retry);
    if (site.resume && step == Step::Done && still_true(block) && state_.eip == eip_of(block) + site.next_offset &&
        !event_waits() && current_mode() == soft(block.key.mode))
        return resume_at(site, site.resume);
    return dispatch();
}

// --- what translated code calls -------------------------------------------------------------------------------

const Instruction& TranslatedCpu::instruction_of(Site& site) {
    if (!site.instruction || site.loaded) {
        site.instruction = std::make_unique<Instruction>();
        site.block->refresh_loaded();
        const auto& bytes = site.block->bytes;
        decode(std::span(bytes).subspan(site.guest_offset), site.block->key.mode.code_size(), *site.instruction);
    }
    return *site.instruction;
}

const void* TranslatedCpu::execute(Site& site) {
    state_.eip = eip_of(*site.block) + site.guest_offset;
    const Instruction& i = instruction_of(site);
    count(i);
    memory_.set_road(TraceRoad::Soft);
    const Step step = interpreter_.execute(i);
    memory_.set_road(TraceRoad::Interpreter);
    note_executed(i);
    return resume_behind(site, step);
}

// An instruction at device memory that was found there before: where to go on. nullptr: not that.
const void* TranslatedCpu::device_access(Site& site, GuestVirt linear, Access access) {
    if (linear.page_offset() + site.size > kPageSize) return nullptr;
    const GuestPhys at = memory_.known_device(linear, access, site.block->key.mode.privilege());
    if (at == GuestMemory::kNoDevice) return nullptr;
    const Instruction& i = instruction_of(site);
    if (!faults_by_access_only(i)) return nullptr;
    site.device = true;
    ++counts_.device_accesses;
    const uint32_t next = eip_of(*site.block) + site.next_offset;
    const uint32_t bits = site.size >= 4 ? 0xffffffff : (1u << 8 * site.size) - 1;
    const bool moves = i.mnemonic == ZYDIS_MNEMONIC_MOV;
    if (moves && access == Access::Write) {
        const Operand& from = i.op(1);
        const uint32_t value = from.kind == OperandKind::Gpr ? read_gpr(state_, from.reg, from.size) : i.immediate;
        memory_.mmio().write(at, site.size, value & bits);
    } else if (moves || i.mnemonic == ZYDIS_MNEMONIC_MOVZX) {
        write_gpr(state_, i.op(0).reg, i.op(0).size, static_cast<uint32_t>(memory_.mmio().read(at, site.size)) & bits);
    } else {
        count(i);
        interpreter_.execute(i);
        if (state_.eip != next) return dispatch();  // IP has wrapped
    }
    state_.eip = next;
    if (!site.resume || !still_true(*site.block) || event_waits()) return resume_behind(site, Step::Done);
    context_.reload_fpu = site.fpu;  // nothing else of resume_at() can have changed
    return site.block->host + site.resume;
}

// Can no other fault of the instruction come before that of its (16-byte aligned) operand, or the same one elsewhere? A
// pending x87 exception can, which x87 and MMX instructions wait for; PUSHA and a far CALL, which are stored as one, begin
// at the top.
bool TranslatedCpu::page_fault_comes_first(Site& site) {
    if (site.size < 16 && !site.fpu && site.block->key.mode.flat()) return true;
    const Instruction& i = instruction_of(site);
    bool mmx = false;
    for (int n = 0; n < i.operand_count; ++n) mmx |= i.op(n).kind == OperandKind::Mmx;
    switch (i.row->emit) {
        case EmitKind::simd: return !mmx;
        case EmitKind::fpu: return false;
        case EmitKind::call_far: return false;
        default: return site.size < 16;
    }
}

const void* TranslatedCpu::on_soft_miss(Site& site, GuestVirt linear, Access access) {
    ++counts_.soft_misses;
    state_.eip = eip_of(*site.block) + site.guest_offset;
    if (site.device)
        if (const void* pc = device_access(site, linear, access)) return pc;
    // A misaligned SSE operand faults before the page walk would set A or D.
    if (site.size == 16 && linear.value % 16) return execute(site);
    GuestFault fault{};
    switch (memory_.fill(linear, site.size, access, site.block->key.mode.privilege(), &fault)) {
        case Fill::Ram:
            if (!still_true(*site.block)) break;  // its page holds page tables, and A or D was set there
            if (site.second) break;
            context_.reload_fpu = site.fpu;  // nothing else of resume_at() can have changed
            return site.block->host + site.retry;
        case Fill::Special:
            ++counts_.soft_special;
            if (const void* pc = device_access(site, linear, access)) return pc;
            break;
        case Fill::Fault:
            ++counts_.true_faults;
            // Delivered without the C++ exception that the interpreter would throw for it.
            if (!page_fault_comes_first(site)) break;
            return deliver(fault);
    }
    return execute(site);
}

const void* TranslatedCpu::on_step(Site& site) {
    ++counts_.steps;
    return execute(site);
}

// An element astride two pages; the others run from the code cache again.
const void* TranslatedCpu::on_string_element(Site& site) {
    static constexpr std::atomic<int> kAfterOne = 1;
    ++counts_.steps;
    interpreter_.stop = &kAfterOne;
    const void* pc = execute(site);
    interpreter_.stop = &context_.attention;
    return pc;
}

const void* TranslatedCpu::on_stop(Site& site) {
    ++counts_.stops;
    state_.eip = eip_of(*site.block) + site.guest_offset;
    const Instruction& i = instruction_of(site);
    count(i);
    interpreter_.execute(i);
    note_executed(i);
    return dispatch();
}

// The jump cache has no entry for this EIP, or one that leads to a dead block, which sent us here.
const void* TranslatedCpu::on_lookup(GuestVirt eip) {
    state_.eip = eip.value;
    View& view = memory_.view(state_.privilege());
    if (segmented_) {
        if (const auto mode = current_mode(); mode && !mode->flat())
            view.segmented_jumps.negated_tag[SegmentedJumpCache::index(mode->segments.id, eip.value)] = 0;
        return dispatch();
    }
    const uint32_t i = JumpCache::index(eip.value);
    view.jumps.negated_eip[i] = JumpCache::empty(i);
    engine_->forget_jump(state_.privilege(), eip);
    return dispatch();
}

// Translating the target may evict the block that the link lies in, and the link with it.
const void* TranslatedCpu::on_link(Link& link) {
    ++counts_.links;
    const Block& from = *link.from;
    const BlockKey from_key = from.key;
    const uint32_t eip = state_.eip = eip_of(from, link.target);
    const bool from_global = from.global;
    const uint64_t evictions = evictions_;
    const void* pc = dispatch();
    if (pc == world_.leave || evictions != evictions_) return pc;
    Block* target = arrived_ ? arrived_ : table_.find_by_entry(pc);
    // The jump cache may still lead to a block that was replaced: from there one gets on, but it is not to be chained to.
    if (target && target->dead) {
        pc = on_lookup(GuestVirt(state_.eip));
        if (pc == world_.leave || evictions != evictions_) return pc;
        target = arrived_;
    }
    // Cold code on the way there was interpreted, and may have led elsewhere.
    if (!target || target->dead || state_.eip != eip) return pc;
    const uint32_t segmentation = link.segmentation ? link.segmentation : from_key.mode.segments.id;
    if (target->key.mode.segments.id != segmentation || target->key.mode.user != from_key.mode.user ||
        target->key.mode.sse != from_key.mode.sse)
        return pc;
    const bool same_page = target->key.code.page() == from_key.code.page() && !target->crosses_page && !link.other_page;
    const bool holds = same_page || (from_global && target->global && !from_key.mode.user);
    // Soft user blocks are those of spaces without a window too.
    const bool for_some = target->key.mode.user && target->key.mode.direct && !from_key.mode.direct;
    const bool for_this_page = from_key.any_page && !target->key.any_page;
    if (holds && !for_some && !for_this_page)
        table_.chain(link, *target);
    else
        engine_->write_look_up(link);
    return pc;
}

const void* TranslatedCpu::on_fpu(Site& site) {
    ++counts_.fpu_loads;
    if (state_.cr0 & (cr0::EM | cr0::TS)) {
        // FWAIT may run even so, but what follows in the block takes the FPU for loaded. EM is #UD for some.
        if ((state_.cr0 & cr0::EM) || instruction_of(site).mnemonic == ZYDIS_MNEMONIC_FWAIT) return on_stop(site);
        state_.eip = eip_of(*site.block) + site.guest_offset;
        return deliver(GuestFault::no_math());
    }
    context_.reload_fpu = 1;
    enter_mode(site.block->key.mode);
    return site.block->host + site.retry;
}

const void* TranslatedCpu::on_divide_error(Site& site) {
    ++counts_.divide_errors;
    state_.eip = eip_of(*site.block) + site.guest_offset;
    return deliver(GuestFault::divide());
}

// A soft block has proved hot, or a direct one has run long enough for its guilty instructions to be tried again.
const void* TranslatedCpu::on_hot(Block& block) {
    state_.eip = eip_of(block);
    const Mode mode = block.key.mode;
    if (!engine_->uses_windows()) engine_->use_windows();
    if (mode.direct) {
        ++counts_.retrials;
        for (const HostSpot& spot : block.spots) adaptation_.acquit(block.key.code.value + spot.guest);
        retranslate(block, true);
    } else if (mode.user) {
        const bool direct = earns_window(block);
        engine_->count_again(block, kCountAgain);
        if (direct) make_direct(block);
    } else if (may_be_direct(mode)) {
        ++counts_.hot_blocks;
        retranslate(block, true);
    } else {
        engine_->count_again(block, kCountAgain);
    }
    return on_lookup(GuestVirt(state_.eip));
}

// A soft user block of the current space has run so often since it last asked.
bool TranslatedCpu::earns_window(Block& block) {
    if (engine_->user_space_is_direct()) return true;
    SpaceNote& note = memory_.space_note();
    note.executions += block.full_heat;
    if (note.executions < adaptation_.policy().window_after()) return false;
    give_window();
    return true;
}

// What jumps to the soft one looks up anew, unless that is for everybody. A space without a window will not find one that was
// not, and has it translated again: then both are there.
void TranslatedCpu::make_direct(Block& soft) {
    const GuestVirt eip(eip_of(soft));
    const auto answer = memory_.code_mapping(eip, Privilege::User);
    const auto* mapping = std::get_if<Mapping>(&answer);
    if (soft.dead || !mapping || mapping->physical != soft.key.code) return;
    BlockKey key{soft.key.code, eip, soft.key.mode};
    key.mode.direct = true;
    if (soft.key.any_page) {
        table_.abandon_to_others(soft);
    } else {
        table_.retire(soft);
        table_.abandon(soft);
    }
    if (table_.find(key)) return;
    ++counts_.hot_blocks;
    translator_.translate(key, eip, *mapping);
}

// Replaces a block by one of the same code, made with what is known about its instructions by now. It stays as it is
// if its mapping has gone. Making room may evict the old one, which only another look-up can tell.
void TranslatedCpu::retranslate(Block& block, bool direct) {
    if (block.dead) return;
    BlockKey key = block.key;
    key.mode.direct = direct;
    const GuestVirt eip(eip_of(block));
    const auto answer = memory_.code_mapping(eip + key.mode.segments.code_base, key.mode.privilege());
    const auto* mapping = std::get_if<Mapping>(&answer);
    if (block.dead || !mapping || mapping->physical != key.code) return;
    const uint8_t* at = block.host;
    table_.retire(block);
    Block* fresh = table_.find(key);
    if (!fresh) fresh = translator_.translate(key, eip, *mapping);
    if (table_.find_by_host(at) != &block || !block.dead) return;
    fresh ? table_.forward(block, *fresh) : table_.abandon(block);
}

// --- host faults ----------------------------------------------------------------------------------------------

const void* TranslatedCpu::on_host_fault() {
    const HostFault& f = context_.fault;
    for (unsigned n = 0; n < 8; ++n) state_.gpr[n] = f.gpr[n];
    state_.arithmetic_flags = static_cast<uint32_t>(f.rflags) & flag::kArithmetic;
    Block* block = table_.find_by_host(reinterpret_cast<const void*>(f.rip));
    if (!block) host::crash("a host fault in the code cache outside every translation");
    const auto offset = static_cast<uint32_t>(f.rip - reinterpret_cast<uint64_t>(block->host));
    auto spot = std::upper_bound(block->spots.begin(), block->spots.end(), offset,
                                 [](uint32_t o, const HostSpot& s) { return o < s.host; });
    if (spot == block->spots.begin()) host::crash("a host fault before the first instruction of a translation");
    --spot;
    if (block->is_behind_call(offset)) return on_return_fault(*block, *spot);
    state_.eip = eip_of(*block) + spot->guest;
    state_.gpr[ESP] += static_cast<uint32_t>(int32_t{spot->stack_lag});
    if (engine_->is_poll(f.address)) {
        ++counts_.polls;
        // Translated STI leaves its shadow to what follows it, which polls before it has run. (Another instruction
        // may end in this byte too: then an interrupt comes one instruction later, which nobody can tell.)
        constexpr uint8_t kSti = 0xfb;
        if (spot->guest && block->bytes[spot->guest - 1u] == kSti) state_.interrupt_shadow = 1;
        return world_.leave;
    }
    ++counts_.host_faults;
    const Stopwatch watch(counts_.fault_seconds);
    engine_->undo(*spot, offset);
    constexpr uint32_t kPageFaultTrap = 14;
    bool guilty = false;
    if (engine_->is_limit_violation(f)) {
        engine_->heed_limit_violation(block->key.mode);
        guilty = !block->dead && adaptation_.trap(Trap::NotWindowed, block->key.code.value + spot->guest, spot->traps, __rdtsc());
    } else if (engine_->is_missed_jump(f.address)) {
        guilty = !block->dead && adaptation_.trap(Trap::MissedJump, block->key.code.value + spot->guest, spot->traps, __rdtsc());
    } else if (f.signal == SIGBUS || (f.signal == SIGSEGV && f.trap == kPageFaultTrap)) {
        if (!block->key.mode.direct) host::crash("translated code faulted on host memory");
        if (window_fault(*block, *spot, guilty)) {
            if (guilty) {
                retranslate(*block, true);
                return dispatch();
            }
            if (!still_true(*block)) return dispatch();
            context_.reload_fpu = context_.fault_with_fpu;
            enter_mode(block->key.mode);
            state_.gpr[ESP] -= static_cast<uint32_t>(int32_t{spot->stack_lag});  // as the code there has it
            return block->host + spot->host;
        }
    }
    Instruction i;
    block->refresh_loaded();
    decode(std::span(block->bytes).subspan(spot->guest), block->key.mode.code_size(), i);
    count(i);
    if (f.signal == SIGFPE && f.trap == 0) {
        const uint64_t at = block->key.code.value + spot->guest;
        const bool checked = adaptation_.needs(Remedy::CheckedDivide, at);
        if (!checked && adaptation_.trap(Trap::Divide, at, spot->traps, __rdtsc()))
            retranslate(*block, block->key.mode.direct);
        return deliver(GuestFault::divide());
    }
    memory_.set_road(TraceRoad::WindowFault);
    interpreter_.execute(i);
    memory_.set_road(TraceRoad::Interpreter);
    if (guilty) retranslate(*block, true);
    return dispatch();
}

// Behind a call, where the guest has returned to another place, or an event waits.
const void* TranslatedCpu::on_return_fault(Block& call, HostSpot& spot) {
    const HostFault& f = context_.fault;
    state_.eip = f.target;
    if (engine_->is_poll(f.address)) {
        ++counts_.polls;
        return world_.leave;
    }
    ++counts_.host_faults;
    const Stopwatch watch(counts_.fault_seconds);
    if (!call.dead && adaptation_.trap(Trap::MissedJump, call.key.code.value + spot.guest, spot.traps, __rdtsc()))
        retranslate(call, true);
    return dispatch();
}

// Why a direct access trapped, given how the fill of its window ended.
Trap TranslatedCpu::trap_of(Fill fill, GuestVirt a) const {
    if (fill != Fill::Special) return fill == Fill::Ram ? Trap::HiddenFault : Trap::PageFault;
    const auto physical = memory_.debug_translate(a);
    if (!physical || !memory_.ram().contains(*physical)) return Trap::Device;
    const uint8_t kinds = memory_.tracer().kinds_on(*physical);
    if (kinds == 0) return Trap::NotWindowed;
    if (memory_.tracer().read_only(*physical)) return Trap::Device;  // ROM, which may be watched for its code too
    if (kinds == 1u << static_cast<unsigned>(TraceKind::PageTable)) return Trap::PageTable;
    constexpr auto kCode = 1u << static_cast<unsigned>(TraceKind::Code) | 1u << static_cast<unsigned>(TraceKind::Decoded);
    return kinds & ~kCode ? Trap::DescriptorTable : Trap::Code;
}

// A hidden fault is filled; anything else (a trace, device memory, a true fault) is the interpreter's, and speaks
// against the instruction.
bool TranslatedCpu::window_fault(Block& block, HostSpot& spot, bool& guilty) {
    const HostFault& f = context_.fault;
    const uint64_t offset = engine_->in_window(f.address);
    constexpr uint64_t kWindowAndGuard = (uint64_t{1} << 32) + 64 * 1024;
    if (offset >= kWindowAndGuard) host::crash("translated code faulted outside the window");
    constexpr uint32_t kWriteError = 2;
    const Access access = f.error & kWriteError ? Access::Write : Access::Read;
    GuestFault fault{};
    const bool wraps = offset >> 32;
    if (block.key.mode.user && !engine_->user_space_is_direct()) give_window();  // from its sibling's code by a jump in a common page
    const Fill fill = wraps ? Fill::Special
                            : memory_.fill_window(GuestVirt(static_cast<uint32_t>(offset)), access,
                                                  block.key.mode.privilege(), &fault);
    const Trap trap = wraps ? Trap::Device : trap_of(fill, GuestVirt(static_cast<uint32_t>(offset)));
    guilty = !block.dead && adaptation_.trap(trap, block.key.code.value + spot.guest, spot.traps, __rdtsc());
    if (fill == Fill::Special && !wraps) engine_->heed_special_page(GuestVirt(static_cast<uint32_t>(offset)));
    if (fill == Fill::Fault) ++counts_.true_faults;
    return fill == Fill::Ram;
}

std::vector<std::pair<std::string_view, uint64_t>> TranslatedCpu::top_interpreted(size_t most) const {
    std::vector<std::pair<std::string_view, uint64_t>> rows;
    for (const InstructionRow& row : all_rows())
        if (const uint64_t n = by_mnemonic_[row.mnemonic]) rows.emplace_back(row.name, n);
    std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
    rows.resize(std::min(rows.size(), most));
    return rows;
}

}  // namespace ringfold
