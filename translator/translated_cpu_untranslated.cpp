// -user direct: what becomes of guest user code that runs without translation when it meets what the host cannot do for it.
#include "translator/interpreter/debug.h"
#include "translator/interpreter/interrupt.h"
#include "translator/interpreter/segment.h"
#include "translator/translated_cpu.h"

namespace ringfold {

const void* TranslatedCpu::on_untranslated_exit() {
    ++counts_.untranslated_exits;
    switch (engine_->leave_untranslated()) {
        case UntranslatedExit::Interrupted: break;
        case UntranslatedExit::Loads: load_untranslated_segments(); break;
        case UntranslatedExit::PageFault: untranslated_page_fault(); break;
        case UntranslatedExit::SingleStep:
            interpreter::record_debug_cause(state_, interpreter::dr6::BS);
            interpreter::deliver(interpreter_, {interpreter::EventKind::Exception, static_cast<uint8_t>(Vector::DB), std::nullopt, false});
            break;
        case UntranslatedExit::Undefined: interpreter_.fault(GuestFault::undefined()); break;
        case UntranslatedExit::Instruction:
            ++counts_.untranslated_instructions;
            interpret_one();
            break;
    }
    return dispatch();
}

// A hidden fault is filled, and the instruction starts again; anything else is the interpreter's.
void TranslatedCpu::untranslated_page_fault() {
    ++counts_.untranslated_page_faults;
    constexpr uint32_t kWrite = 2, kFetch = 16;
    const HostFault& f = context_.fault;
    const Access access = f.error & kFetch ? Access::Execute : f.error & kWrite ? Access::Write : Access::Read;
    if (!engine_->user_space_is_direct()) give_window();
    GuestFault fault{};
    const Fill fill = f.address >> 32 ? Fill::Special
                                      : memory_.fill_window(GuestVirt(static_cast<uint32_t>(f.address)), access, Privilege::User, &fault);
    if (fill == Fill::Ram) return;
    if (fill == Fill::Fault) ++counts_.true_faults;
    interpret_one();
}

// The host took these selectors for its own. What the guest meant is in its tables.
void TranslatedCpu::load_untranslated_segments() {
    ++counts_.untranslated_loads;
    const auto loads = engine_->untranslated_loads();
    for (unsigned segment = 0; segment < kSegments; ++segment) {
        if (!loads[segment]) continue;
        try {
            interpreter::load_segment(interpreter_, segment, *loads[segment]);
        } catch (const GuestFault& f) {
            interpreter_.fault(f);
            return;
        }
    }
}

}  // namespace ringfold
