// -accel bt: short ways. Calls out of translated code that go on behind their instruction (ports, CPUID), and faults
// whose handler is entered from the code cache.
#include "translator/translated_cpu.h"

namespace ringfold {

namespace {

uint32_t bits_of(unsigned size) {
    return size == 4 ? 0xffffffff : (1u << (8 * size)) - 1;
}

}  // namespace

// A device may have raised an interrupt, ended the run, or written to memory that holds this very block.
const void* TranslatedCpu::behind_light_call(Site& site) {
    if (!event_waits() && still_true(*site.block)) [[likely]]
        return nullptr;
    state_.eip = eip_of(*site.block) + site.next_offset;
    return resume_behind(site, Step::Done);
}

bool TranslatedCpu::ports_are_free() const {
    return state_.cpl <= state_.iopl() && !state_.v86();
}

const void* TranslatedCpu::on_port_in(Site& site, uint16_t port, unsigned size) {
    if (!ports_are_free()) return on_step(site);
    ++counts_.port_calls;
    write_gpr(state_, EAX, size, ports_.in(port, size));
    return behind_light_call(site);
}

const void* TranslatedCpu::on_port_out(Site& site, uint16_t port, unsigned size) {
    if (!ports_are_free()) return on_step(site);
    ++counts_.port_calls;
    ports_.out(port, size, state_.gpr[EAX] & bits_of(size));
    return behind_light_call(site);
}

// For instructions that neither fault nor touch memory, nor change anything but general registers.
const void* TranslatedCpu::on_quick(Site& site) {
    ++counts_.steps;
    count(*site.instruction);
    site.instruction->interpret(interpreter_, *site.instruction);
    return nullptr;
}

// For instructions that may fault, and touch memory, but change no segment register unless they fault.
const void* TranslatedCpu::on_light_step(Site& site) {
    ++counts_.steps;
    const Block& block = *site.block;
    state_.eip = eip_of(block) + site.guest_offset;
    count(*site.instruction);
    const SegmentRegister code = state_.segment[CS];
    memory_.set_road(TraceRoad::Soft);
    const Step step = interpreter_.execute(*site.instruction);
    memory_.set_road(TraceRoad::Interpreter);
    const bool done = step == Step::Done && state_.eip == eip_of(block) + site.next_offset && code == state_.segment[CS];
    if (done && !event_waits() && still_true(block)) [[likely]] return nullptr;
    return resume_behind(site, step);
}

// The handler is entered by a sequence (gate_stubs.cpp); what that declines comes back to on_exception().
const void* TranslatedCpu::deliver(const GuestFault& fault) {
    pending_fault_ = fault;
    if (!engine_->crossable() || segmented_) return on_exception();
    if (fault.vector == Vector::PF) state_.cr2 = fault.linear.value;
    context_.exception_vector = static_cast<uint32_t>(fault.vector);
    context_.exception_error = fault.error_code.value_or(0);
    const bool user = state_.cpl == 3;
    return fault.error_code ? world_.exception_with_error[user] : world_.exception[user];
}

// What an instruction raises whatever the state: found when it was translated.
const void* TranslatedCpu::on_fault(Site& site, Vector vector) {
    state_.eip = eip_of(*site.block) + site.guest_offset;
    count(*site.instruction);
    return deliver(vector == Vector::GP ? GuestFault::general_protection() : GuestFault{vector, std::nullopt});
}

const void* TranslatedCpu::on_exception() {
    interpreter_.fault(pending_fault_);
    return dispatch();
}

}  // namespace ringfold
