// Soft user code is translated once for all linear pages that map it: a library lies elsewhere in each process.
//
// EIPs are then offsets in the page, beside VcpuContext::page_base. Who enters such a block by its EIP has that in r8d,
// and so has who comes back from a call; jumps within the page go behind what takes note of it.
#include "translator/emit/emit.h"

namespace ringfold {

using namespace windows;

namespace {
x86::Mem page_base() {
    return context(offsetof(VcpuContext, page_base), 4);
}
}  // namespace

void Emit::load_eip(const x86::Gp& to, GuestVirt eip) {
    if (!any_page()) {
        a_.mov(to, eip.value);
        return;
    }
    a_.mov(to, page_base());
    a_.lea(to, x86::ptr(to.r64(), static_cast<int32_t>(eip.value)));
}

// r8d: the EIP, which is `here` in its page.
void Emit::take_page_base(GuestVirt here) {
    a_.lea(x86::r8d, x86::ptr(x86::r8, static_cast<int32_t>(0u - here.value)));
    a_.mov(page_base(), x86::r8d);
}

void Emit::push_page_base() {
    a_.push(context(offsetof(VcpuContext, page_base), 8));
}

// Behind a call: r8d, the EIP that a RET took from the guest's stack, becomes the page's base, and rcx, which kSavedRcx
// keeps, zero if that is the one which was pushed. Nothing else on the host's stack is a number of 32 bits.
void Emit::check_page_base(GuestVirt here) {
    take_page_base(here);
    a_.mov(kSavedRcx, x86::rcx);
    a_.pop(x86::rcx);
    a_.not_(x86::rcx);  // leaves the flags alone, where NEG would not
    a_.lea(x86::rcx, x86::ptr(x86::rcx, x86::r8, 0, 1));
}

// To the guest's stack. Clobbers r10.
void Emit::store_eip(const x86::Mem& to, GuestVirt eip) {
    if (!any_page()) {
        a_.mov(to, asmjit::Imm(static_cast<int32_t>(eip.value)));
        return;
    }
    load_eip(x86::r10d, eip);
    a_.mov(to, x86::r10d);
}

// A jump back heeds events. Out of a page that could be anywhere, each may be one.
bool Emit::may_go_back(GuestVirt target) const {
    return target <= eip_ || (any_page() && target.page() != block_->key.eip.page());
}

}  // namespace ringfold
