// Task-state segments and the hardware task switch (SDM volume 3, chapter 7).
#pragma once

#include "translator/interpreter/descriptor.h"

namespace ringfold::interpreter {

enum class TaskSwitch : uint8_t {
    Jump,    // JMP: the old task is left for good
    Nest,    // CALL, interrupts and exceptions: back link, and NT in the new task
    Return,  // IRET with NT
};

struct RingStack {
    uint16_t ss;
    uint32_t esp;
};
// The stack for an inner ring from the current TSS; #TS if the TSS is too short for it.
RingStack ring_stack(Interpreter&, unsigned cpl, uint32_t ext = 0);

// The TSS descriptor that a task gate names: global, available and present, or it throws.
Descriptor find_task(Interpreter&, uint16_t selector, uint32_t ext = 0);

// Switches; state().eip becomes the new task's, whose first instruction is next. `return_eip` is saved in the old
// task. Faults found after the commit point are thrown in the context of the new task, as the manual has it.
void switch_task(Interpreter&, uint16_t selector, const Descriptor& tss, TaskSwitch, uint32_t return_eip,
                 uint32_t ext = 0);

// IRET with NT: follows the back link.
void return_from_task(Interpreter&, uint32_t return_eip);

}  // namespace ringfold::interpreter
