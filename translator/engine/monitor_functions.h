// What translated code calls in the monitor. An engine's stubs make these calls.
#pragma once

#include <cstdint>

namespace ringfold {

struct VcpuContext;

// Guest state is saved; throws nothing. The answer is the host address to go on at.
using MonitorFunction = const void* (*)(VcpuContext*, void* subject, uint32_t argument) noexcept;

struct MonitorFunctions {
    MonitorFunction soft_miss, step, stop, link, indirect, fpu, hot;
    MonitorFunction divide_error;
    MonitorFunction string_read, string_write, string_element;
    MonitorFunction exception, fault;
    MonitorFunction port_in, port_out, quick, light_step;  // light calls: nullptr is "behind the instruction"
    const void* (*host_fault)(VcpuContext*) noexcept;
    const void* (*untranslated_exit)(VcpuContext*) noexcept;
};

}  // namespace ringfold
