// What asmjit refuses to encode is a bug in an emitter: it would silently be left out of the translation.
#pragma once

#include <asmjit/x86.h>

#include "vmm/host/crash_report.h"

namespace ringfold::windows {

class EmissionErrors final : public asmjit::ErrorHandler {
public:
    void handleError(asmjit::Error, const char* message, asmjit::BaseEmitter*) override { host::crash(message); }
};

}  // namespace ringfold::windows
