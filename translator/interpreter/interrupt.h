// How an exception or an interrupt enters its handler (SDM volume 3, 6.10 to 6.15).
#pragma once

#include <optional>

#include "translator/interpreter/interpreter.h"

namespace ringfold::interpreter {

enum class EventKind : uint8_t {
    Exception,          // a fault, or a trap such as #DB; also INT1
    ExternalInterrupt,  // the INTR pin
    SoftwareInterrupt,  // INT n, INT3, INTO: the gate's DPL is checked, and errors are not "external"
};

struct Event {
    EventKind kind;
    uint8_t vector;
    std::optional<uint32_t> error_code{};
    bool resume = false;  // push EFLAGS with RF set: the instruction is to be restarted

    uint32_t ext() const { return kind == EventKind::SoftwareInterrupt ? 0 : 1; }
};

// Enters the handler with `return_eip` pushed; sets CS and state().eip, and the caller's next_eip. Throws with the
// state unchanged if that faults.
void enter_handler(Interpreter&, const Event&, uint32_t return_eip);

// enter_handler() with faults during delivery resolved to the next exception, #DF or shutdown (table 6-5).
Step deliver(Interpreter&, Event);

}  // namespace ringfold::interpreter
