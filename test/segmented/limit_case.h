// A program that gives itself segments of an LDT and then does one thing through them. It loads every selector itself, from flat
// code of ring 3, so that the host CPU can run the same bytes (modify_ldt gives it the same descriptors).
#pragma once

#include <initializer_list>
#include <span>

#include "test/support/cpu_case.h"
#include "vmm/base/cpu_state.h"

namespace ringfold::test {

class LimitCase {
public:
    // `number`: of the case. What is tested lies at another address than that of the last hundred cases, since a translator
    // remembers, by address, what violates limits.
    explicit LimitCase(uint64_t number);
    uint32_t body_address() const { return body_; }  // linear

    // A descriptor more; its selector, with RPL 3.
    uint16_t add(uint32_t base, uint32_t limit, uint16_t attributes);
    // Loads to be made before the body runs, in the order that leaves DS flat for as long as it is needed.
    void load(SegmentIndex segment, uint16_t selector) { selector_[segment] = selector; }
    void stack(uint16_t selector, uint32_t esp);
    // The body runs in this code segment, whose base is known so that EIP leads to the body.
    void code(uint16_t selector, uint32_t base);

    // The program reaches the page there by a flat segment first, and so whatever maps guest memory on demand has it mapped.
    void touch(uint32_t linear);

    void body(std::span<const uint8_t> bytes);
    void store(uint32_t linear, std::span<const uint8_t> bytes);
    void store32(uint32_t linear, uint32_t value);

    uint32_t& gpr(Gpr n) { return case_.gpr[n]; }
    uint32_t& eflags() { return case_.eflags; }
    const CpuCase& finish();  // the program written; once

private:
    void emit(std::initializer_list<uint8_t> bytes) { prologue_.insert(prologue_.end(), bytes); }
    void emit32(uint32_t value);

    CpuCase case_;
    const uint32_t body_;
    std::array<uint16_t, kSegments> selector_{};  // 0: stays flat
    uint32_t code_base_ = 0, esp_ = 0;
    std::vector<uint8_t> prologue_;
};

}  // namespace ringfold::test
