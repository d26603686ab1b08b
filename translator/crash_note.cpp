// Prints a translation in signal context: guest address and bytes, host address, and the host code around the fault.
#include "translator/crash_note.h"

#include <ucontext.h>

#include <algorithm>

#include "vmm/host/crash_report.h"

namespace ringfold {

namespace {

const VcpuContext* context = nullptr;
const BlockTable* table = nullptr;

using host::crash_print;

void print_bytes(const char* what, const uint8_t* from, size_t count) {
    crash_print("  %s:", what);
    for (size_t n = 0; n < count; ++n) crash_print(" %02x", from[n]);
    crash_print("\n");
}

void print_translation(const Block& b, uint64_t rip) {
    constexpr size_t kShown = 24;
    const uint32_t eip = (b.key.any_page ? context->page_base : 0) + b.key.eip.value;
    crash_print("translation: guest %08x, physical %09llx, %u bytes, %s, %s memory%s\n", eip,
                static_cast<unsigned long long>(b.key.code.value), b.guest_length,
                b.key.mode.user ? "user" : "supervisor", b.key.mode.direct ? "direct" : "soft", b.dead ? ", dead" : "");
    print_bytes("guest code", b.bytes.data(), std::min<size_t>(b.bytes.size(), 64));
    const auto* at = reinterpret_cast<const uint8_t*>(rip);
    crash_print("  host %p to %p, stopped at +%#x\n", static_cast<const void*>(b.host),
                static_cast<const void*>(b.end()), static_cast<unsigned>(at - b.host));
    print_bytes("host code before it", std::max(b.host, at - kShown),
                std::min<size_t>(kShown, static_cast<size_t>(at - b.host)));
    print_bytes("host code from it on", at, std::min<size_t>(kShown, static_cast<size_t>(b.end() - at)));
    uint16_t guest = 0;
    for (const HostSpot& s : b.spots)
        if (b.host + s.host <= at) guest = s.guest;
    crash_print("  guest instruction %08x\n", eip + guest);
}

void note(const ucontext_t* host) {
    if (!table) return;
    const uint64_t rip = host ? static_cast<uint64_t>(host->uc_mcontext.gregs[REG_RIP]) : context->fault.rip;
    if (const Block* block = table->find_by_host(reinterpret_cast<const void*>(rip)))
        print_translation(*block, rip);
    else
        crash_print("translation: none at host %#llx\n", static_cast<unsigned long long>(rip));
    const HostFault& f = context->fault;
    if (f.signal)
        crash_print("last host fault in the code cache: signal %d, trap %u, error %#x, rip %#llx, address %#llx\n",
                    f.signal, f.trap, f.error, static_cast<unsigned long long>(f.rip),
                    static_cast<unsigned long long>(f.address));
}

}  // namespace

CrashNote::CrashNote(const VcpuContext& c, const BlockTable& t) {
    context = &c;
    table = &t;
    host::set_crash_note(note);
}

CrashNote::~CrashNote() {
    host::set_crash_note(nullptr);
    table = nullptr;
    context = nullptr;
}

}  // namespace ringfold
