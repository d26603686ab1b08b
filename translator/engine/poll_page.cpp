#include "translator/engine/poll_page.h"

#include <sys/mman.h>

#include "vmm/base/types.h"

namespace ringfold {

namespace {

void protect(uint64_t page, int protection) noexcept {
    mprotect(reinterpret_cast<void*>(page), kPageSize, protection);
}

}  // namespace

void PollPage::stop() noexcept {
    if (!stopped_.exchange(true)) protect(page_, PROT_NONE);
}

void PollPage::let_pass() {
    if (stopped_.exchange(false) || stopped_in_vain_) protect(page_, PROT_READ | PROT_WRITE);
    stopped_in_vain_ = false;
}

bool PollPage::is(uint64_t address) {
    const bool is = address - page_ < kPageSize;
    if (is) stopped_in_vain_ = true;
    return is;
}

}  // namespace ringfold
