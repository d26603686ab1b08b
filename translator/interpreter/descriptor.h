// Selectors and descriptors (SDM volume 3, 3.4 and 3.5), and the tables that hold them.
#pragma once

#include <optional>

#include "translator/interpreter/interpreter.h"

namespace ringfold::interpreter {

namespace system_type {
inline constexpr unsigned kTss16 = 1, kLdt = 2, kBusyTss16 = 3, kCallGate16 = 4, kTaskGate = 5, kInterruptGate16 = 6,
                          kTrapGate16 = 7, kTss32 = 9, kBusyTss32 = 11, kCallGate32 = 12, kInterruptGate32 = 14,
                          kTrapGate32 = 15;
}

inline constexpr unsigned rpl(uint16_t selector) { return selector & 3; }
inline constexpr bool is_null(uint16_t selector) { return (selector & 0xfffc) == 0; }
inline constexpr bool is_local(uint16_t selector) { return selector & 4; }
// The error code that names a selector; `ext` is 1 during the delivery of an external event (SDM volume 3, 6.13).
inline constexpr uint32_t selector_error(uint16_t selector, uint32_t ext = 0) { return (selector & 0xfffcu) | ext; }

// The eight bytes of a descriptor-table entry.
struct Descriptor {
    uint32_t low = 0, high = 0;

    bool present() const { return high & 0x8000; }
    bool is_system() const { return !(high & 0x1000); }
    bool is_code() const { return (high & 0x1800) == 0x1800; }
    bool is_data() const { return (high & 0x1800) == 0x1000; }
    bool writable_data() const { return (high & 0x1a00) == 0x1200; }
    bool readable() const { return is_data() || (is_code() && (high & 0x200)); }
    bool conforming() const { return (high & 0x1c00) == 0x1c00; }
    unsigned dpl() const { return (high >> 13) & 3; }
    unsigned type() const { return (high >> 8) & 15; }
    uint32_t base() const { return (low >> 16) | ((high & 0xff) << 16) | (high & 0xff000000); }
    uint32_t limit() const {
        const uint32_t raw = (low & 0xffff) | (high & 0xf0000);
        return high & 0x800000 ? (raw << 12) | 0xfff : raw;
    }
    bool is_tss() const { return is_system() && (type() & 5) == 1; }  // 1, 3, 9, 11
    bool is_available_tss() const { return is_tss() && !(type() & 2); }
    bool is_busy_tss() const { return is_tss() && (type() & 2); }
    bool is_call_gate() const { return is_system() && (type() & 7) == system_type::kCallGate16; }
    bool is_task_gate() const { return is_system() && type() == system_type::kTaskGate; }

    // Of gates. A 16-bit gate has no upper half of the offset, whatever lies there.
    bool gate_is_32bit() const { return high & 0x800; }
    uint16_t gate_selector() const { return static_cast<uint16_t>(low >> 16); }
    uint32_t gate_offset() const { return (low & 0xffff) | (gate_is_32bit() ? high & 0xffff0000 : 0); }
    unsigned gate_parameters() const { return high & 31; }

    SegmentRegister as_register(uint16_t selector) const {
        return {selector, static_cast<uint16_t>((high >> 8) & 0xf0ff), base(), limit()};
    }
};

// Reads a descriptor through the GDT or the LDT; nullopt if the selector points outside its table.
std::optional<Descriptor> find_descriptor(Interpreter&, uint16_t selector);
// The same, or throws `vector` with the selector as its error code. The selector is not null.
Descriptor fetch_descriptor(Interpreter&, uint16_t selector, Vector vector = Vector::GP, uint32_t ext = 0);
// Sets the accessed bit in memory and in the copy, writing only if it was clear.
void mark_accessed(Interpreter&, uint16_t selector, Descriptor&);
// Sets or clears the busy bit of a TSS descriptor in memory.
void set_tss_busy(Interpreter&, uint16_t selector, bool busy);

}  // namespace ringfold::interpreter
