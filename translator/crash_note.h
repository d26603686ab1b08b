// The translation that was running, for the report of a crash.
#pragma once

#include "translator/cache/block_table.h"
#include "translator/engine/vcpu_context.h"

namespace ringfold {

// While it lives, a crash report names the translation at the host's RIP, or where the last host fault was.
class CrashNote {
public:
    CrashNote(const VcpuContext&, const BlockTable&);
    ~CrashNote();
    CrashNote(const CrashNote&) = delete;
    CrashNote& operator=(const CrashNote&) = delete;
};

}  // namespace ringfold
