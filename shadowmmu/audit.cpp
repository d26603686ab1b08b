// GuestMemory::audit(): everything cached, held against fresh walks that leave no mark.
#include <fmt/format.h>

#include "shadowmmu/guest_memory_impl.h"

namespace ringfold {

namespace {

const char* name_of(Privilege p) {
    return p == Privilege::User ? "user" : "supervisor";
}

// A CPU with this address space loaded.
CpuState cpu_of(const AddressSpace& space, const CpuState& state) {
    CpuState cpu = state;
    cpu.cr3 = space.key().cr3;
    cpu.pdpte = space.pdpte();
    return cpu;
}

}  // namespace

std::string GuestMemory::audit(bool globals) {
    Impl& m = *impl_;
    if (auto text = m.audit_view(m.supervisor, m.state, Privilege::Supervisor, globals); !text.empty()) return text;
    if (const Window* window = m.windows.supervisor_if_any(); window && globals)
        if (auto text = m.audit_window(*window, m.state, nullptr); !text.empty()) return text;
    for (const auto& space : m.spaces) {
        const CpuState cpu = cpu_of(*space, m.state);
        if (auto text = m.audit_view(space->cached, cpu, Privilege::User, true); !text.empty()) return text;
        if (!space->window) continue;
        if (auto text = m.audit_window(*space->window, cpu, space.get()); !text.empty()) return text;
    }
    return {};
}

std::string GuestMemory::Impl::audit_view(const CachedView& view, const CpuState& cpu, Privilege p, bool globals) {
    const auto differs = [&](GuestVirt page, std::string_view what) {
        return fmt::format("{} view, cr3 {:08x}, page {:08x}: {}", name_of(p), cpu.cr3, page.value, what);
    };
    const auto walked = [&](GuestVirt a, Access access) -> std::optional<Mapping> {
        const auto answer = page_walk(*this, cpu, a, access, p, false);
        if (const auto* mapping = std::get_if<Mapping>(&answer)) return *mapping;
        return std::nullopt;
    };
    const SoftTlb& tlb = view.view.tlb;
    for (uint32_t i = 0; i < kTlbEntries; ++i) {
        const auto page = view.page_of(i);
        const bool writes = tlb.write_bias[i] != SoftTlb::never_matches(i);
        if (!page) {
            if (writes) return fmt::format("{} view: slot {} writes without reading", name_of(p), i);
            continue;
        }
        if (!globals && !(view.flags(i) & CachedView::kNonGlobal)) continue;
        const auto mapping = walked(*page, Access::Read);
        if (!mapping || !ram.contains(mapping->physical)) return differs(*page, "cached, but not mapped to RAM");
        const auto* host = reinterpret_cast<const uint8_t*>(page->value + tlb.addend[i]);
        if (host != ram.host(mapping->physical)) return differs(*page, "cached with another frame");
        if (!mapping->accessed) return differs(*page, "cached, but A is clear");
        const uint8_t flags = view.flags(i);
        if ((flags & CachedView::kMayWrite) && !may_write(*mapping, p)) return differs(*page, "cached as writable");
        if ((flags & CachedView::kMayExecute) && !mapping->executable) return differs(*page, "cached as executable");
        // G matters to what a CR3 load drops: user views are dropped by none.
        if (p == Privilege::Supervisor && !(flags & CachedView::kNonGlobal) && !mapping->global)
            return differs(*page, "cached as global");
        if (!writes) continue;
        if (tlb.write_bias[i] != tlb.read_bias[i]) return differs(*page, "read and written as different pages");
        if (!(flags & CachedView::kMayWrite)) return differs(*page, "written inline without the right to");
        if (tracer.traced(mapping->physical)) return differs(*page, "written inline though traced");
    }
    for (const auto& [number, frame] : view.code_pages()) {
        if (!globals) break;
        const GuestVirt page(number * kPageSize);
        const auto mapping = walked(page, Access::Execute);
        if (!mapping || mapping->physical.page_number() != frame)
            return differs(page, "code cached, but mapped otherwise");
        if (p == Privilege::Supervisor && !mapping->global && !view.has_non_global_code())
            return differs(page, "code cached as global");
    }
    const JumpCache& jumps = view.view.jumps;
    for (uint32_t i = 0; i < kJumpEntries && view.code_pages().empty(); ++i)
        if (jumps.negated_eip[i] != JumpCache::empty(i))
            return fmt::format("{} view: a jump to {:08x}, but no code page is known", name_of(p),
                               0u - jumps.negated_eip[i]);
    return {};
}

std::string GuestMemory::Impl::audit_window(const Window& window, const CpuState& cpu, const AddressSpace* holder) {
    const Privilege p = holder ? Privilege::User : Privilege::Supervisor;
    for (uint32_t n = 0; n < Window::kPages; ++n) {
        if (window.mapped_near(n) == 0) {
            n |= Window::kRegionPages - 1;
            continue;
        }
        const WindowPage is = window.page(n);
        if (!is.mapped) continue;
        // A trace is never late, whatever the guest's tables say.
        if (is.writable && tracer.traced(GuestPhys(uint64_t{is.frame} * kPageSize)))
            return fmt::format("window {}, page {:05x}000: writable though traced", window.number, n);
        if (holder && holder->is_stale(n)) continue;
        const WindowPage want = desired(cpu, n, p);
        if (!want.mapped || want.frame != is.frame || (is.writable && !want.writable))
            return fmt::format("window {}, cr3 {:08x}, page {:05x}000: is {:05x}{}, should be {}{:05x}{}",
                               window.number, cpu.cr3, n, is.frame, is.writable ? " writable" : "",
                               want.mapped ? "" : "absent ", want.frame, want.writable ? " writable" : "");
    }
    return {};
}

}  // namespace ringfold
