// How the trace registry has a page write-protected in whatever maps it; shadowmmu/ implements it.
#pragma once

#include "vmm/base/types.h"

namespace ringfold {

class PageGuard {
public:
    virtual ~PageGuard() = default;
    // From now on no cached translation (soft TLB, window) may write this page without asking the registry.
    virtual void protect(GuestPhys page) = 0;
    // The same for pages side by side.
    virtual void protect(GuestPhys first, uint32_t pages) {
        for (uint32_t n = 0; n < pages; ++n) protect(first + uint64_t{n} * kPageSize);
    }
    // The page has no trace left: caches may let writes through again. Called lazily; need not act at once.
    virtual void unprotect(GuestPhys page) = 0;
};

}  // namespace ringfold
