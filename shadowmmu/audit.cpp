// GuestMemory::audit(): everything cached, held against fresh walks that leave no mark.
#include <cstring>

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

// The page tables as those who rely on them know them.
class KnownTables final : public PageTableAccess {
public:
    KnownTables(PageTableAccess& memory, const PageTableTraces& traces) : memory_(memory), traces_(traces) {}
    GuestPhys place(GuestPhys physical) override { return memory_.place(physical); }
    uint64_t read_entry(GuestPhys address, unsigned size) override {
        const uint8_t* known = traces_.known(address);
        if (!known) return memory_.read_entry(address, size);
        uint64_t value = 0;
        memcpy(&value, known, size);
        return value;
    }
    void set_entry_bits(GuestPhys, unsigned, uint64_t) override {}  // an audit leaves no mark

private:
    PageTableAccess& memory_;
    const PageTableTraces& traces_;
};

}  // namespace

std::string GuestMemory::audit(bool globals) {
    Impl& m = *impl_;
    if (auto text = m.audit_view(m.shared, m.state, Privilege::Supervisor, false, globals); !text.empty()) return text;
    if (const Window* window = m.windows.supervisor_if_any(); window && globals)
        if (auto text = m.audit_window(*window, m.state, nullptr); !text.empty()) return text;
    for (const auto& space : m.spaces) {
        const CpuState cpu = cpu_of(*space, m.state);
        if (auto text = m.audit_slots_aside(*space, cpu); !text.empty()) return text;
        if (auto text = m.audit_view(space->user, cpu, Privilege::User, true, true); !text.empty()) return text;
        if (space->supervisor)
            if (auto text = m.audit_view(*space->supervisor, cpu, Privilege::Supervisor, true, true); !text.empty()) return text;
        if (!space->window) continue;
        if (auto text = m.audit_window(*space->window, cpu, space.get()); !text.empty()) return text;
    }
    return {};
}

std::string GuestMemory::Impl::audit_view(const CachedView& view, const CpuState& cpu, Privilege p, bool told, bool globals) {
    const auto differs = [&](GuestVirt page, std::string_view what) {
        return fmt::format("{} view, cr3 {:08x}, page {:08x}: {}", name_of(p), cpu.cr3, page.value, what);
    };
    KnownTables tables(*this, traces);
    // The shared view's global pages come from the tables as they were in memory.
    const auto walked = [&](GuestVirt a, Access access, bool global) -> std::optional<Mapping> {
        auto& source = told || !global ? static_cast<PageTableAccess&>(tables) : *this;
        const auto answer = page_walk(source, cpu, a, access, p, false);
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
        const uint8_t flags = view.flags(i);
        const bool global = !(flags & CachedView::kNonGlobal);
        const auto mapping = walked(*page, Access::Read, global);
        if (!mapping || !ram.contains(mapping->physical)) return differs(*page, "cached, but not mapped to RAM");
        const auto* host = reinterpret_cast<const uint8_t*>(page->value + tlb.addend[i]);
        if (host != ram.host(mapping->physical)) return differs(*page, "cached with another frame");
        if (!mapping->accessed)
            return differs(*page, global ? "global, cached, but A is clear" : "cached, but A is clear");
        if ((flags & CachedView::kMayWrite) && !may_write(*mapping, p)) return differs(*page, "cached as writable");
        if ((flags & CachedView::kMayExecute) && !mapping->executable) return differs(*page, "cached as executable");
        // G matters to what a CR3 load drops: of spaces' own views, nothing.
        if (!told && !(flags & CachedView::kNonGlobal) && !mapping->global)
            return differs(*page, "cached as global");
        if (!writes) continue;
        if (tlb.write_bias[i] != tlb.read_bias[i]) return differs(*page, "read and written as different pages");
        if (!(flags & CachedView::kMayWrite)) return differs(*page, "written inline without the right to");
        if (tracer.traced(mapping->physical)) return differs(*page, "written inline though traced");
    }
    for (const auto& device : view.devices()) {
        if (device.page == CachedView::DevicePage::kNone) continue;
        if (!globals && !(device.flags & CachedView::kNonGlobal)) continue;
        const GuestVirt page(device.page);
        const auto mapping = walked(page, Access::Read, !(device.flags & CachedView::kNonGlobal));
        if (!mapping || mapping->physical != device.physical || ram.contains(mapping->physical) || !mapping->accessed)
            return differs(page, "cached as device memory");
        if ((device.flags & CachedView::kMayWrite) && !may_write(*mapping, p))
            return differs(page, "cached as writable device memory");
    }
    for (const auto& [number, frame] : view.code_pages()) {
        if (!globals) break;
        const GuestVirt page(number * kPageSize);
        const auto mapping = walked(page, Access::Execute, true);
        if (!mapping || mapping->physical.page_number() != frame)
            return differs(page, "code cached, but mapped otherwise");
        if (!told && !mapping->global && !view.non_global_code().contains(number) &&
            !(pge_is_away && mapping->marked_global))
            return differs(page, "code cached as global");
    }
    const JumpCache& jumps = view.view.jumps;
    for (uint32_t i = 0; i < kJumpEntries && view.code_pages().empty(); ++i)
        if (jumps.negated_eip[i] != JumpCache::empty(i))
            return fmt::format("{} view: a jump to {:08x}, but no code page is known", name_of(p),
                               0u - jumps.negated_eip[i]);
    return {};
}

// What the shared view will have of a space once it is current again.
std::string GuestMemory::Impl::audit_slots_aside(const AddressSpace& holder, const CpuState& cpu) {
    KnownTables tables(*this, traces);
    for (const auto& slot : holder.slots_aside) {
        const auto answer = page_walk(tables, cpu, slot.page, Access::Read, Privilege::Supervisor, false);
        const auto* mapping = std::get_if<Mapping>(&answer);
        if (!mapping || !ram.contains(mapping->physical) || ram.host(mapping->physical) != slot.host ||
            !mapping->accessed || ((slot.flags & CachedView::kMayWrite) && !may_write(*mapping, Privilege::Supervisor)))
            return fmt::format("supervisor slots put aside, cr3 {:08x}, page {:08x}", cpu.cr3, slot.page.value);
    }
    return {};
}

std::string GuestMemory::Impl::audit_window(const Window& window, const CpuState& cpu, const AddressSpace* holder) {
    const Privilege p = holder ? Privilege::User : Privilege::Supervisor;
    KnownTables tables(*this, traces);
    const auto wanted = [&](uint32_t n) {
        auto& source = holder ? static_cast<PageTableAccess&>(tables) : *this;
        const auto answer = page_walk(source, cpu, GuestVirt(n * kPageSize), Access::Read, p, false);
        const auto* mapping = std::get_if<Mapping>(&answer);
        return mapping ? desired(*mapping, p) : WindowPage{};
    };
    for (uint32_t n = 0; n < Window::kPages; ++n) {
        if (window.mapped_near(n) == 0) {
            n |= Window::kRegionPages - 1;
            continue;
        }
        const WindowPage is = window.page(n);
        if (!is.mapped) continue;
        // A trace is never late, whatever the guest's tables say.
        const GuestPhys frame(uint64_t{is.frame} * kPageSize);
        if (is.writable && (tracer.traced(frame) || traces.unsynchronised(frame)))
            return fmt::format("window {}, page {:05x}000: writable though traced", window.number, n);
        if (holder && holder->is_stale(n)) continue;
        const WindowPage want = wanted(n);
        if (!want.mapped || want.frame != is.frame || (is.writable && !want.writable))
            return fmt::format("window {}, cr3 {:08x}, page {:05x}000: is {:05x}{}, should be {}{:05x}{}",
                               window.number, cpu.cr3, n, is.frame, is.writable ? " writable" : "",
                               want.mapped ? "" : "absent ", want.frame, want.writable ? " writable" : "");
    }
    return {};
}

}  // namespace ringfold
