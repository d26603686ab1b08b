// Accesses to guest memory that miss the inline soft TLB, and those of devices.
#include "shadowmmu/guest_memory.h"

#include <algorithm>
#include <cstring>

#include "shadowmmu/guest_memory_impl.h"

namespace ringfold {

namespace {

uint32_t left_in_page(uint64_t address) {
    return kPageSize - static_cast<uint32_t>(address & (kPageSize - 1));
}

// Calls f(address, bytes done before, bytes) for each page's part of a linear range.
template <class F>
void for_each_page(GuestVirt a, uint32_t size, F f) {
    for (uint32_t done = 0; done < size;) {
        const GuestVirt at = a + done;
        const uint32_t n = std::min(size - done, left_in_page(at.value));
        f(at, done, n);
        done += n;
    }
}

// A device sees accesses of 1, 2, 4 or 8 bytes; anything else comes as several.
template <class F>
void for_each_device_access(uint32_t size, F f) {
    for (uint32_t done = 0; done < size;) {
        uint32_t n = 8;
        while (n > size - done) n /= 2;
        f(done, n);
        done += n;
    }
}

bool one_page(GuestVirt a, uint32_t size) {
    return size <= left_in_page(a.value);
}

}  // namespace

GuestMemory::GuestMemory(Ram& ram, MmioIo& mmio, MemoryTracer& tracer, CpuState& state)
    : ram_(ram), tracer_(tracer), impl_(std::make_unique<Impl>(*this, ram, mmio, tracer, state)) {
    impl_->select_space();
    tracer_.set_guard(this);
}

GuestMemory::~GuestMemory() {
    tracer_.set_guard(nullptr);
}

void GuestMemory::set_listener(MappingListener* listener) {
    impl_->listener = listener;
}
const GuestMemory::Counts& GuestMemory::counts() const {
    return impl_->counts;
}

void GuestMemory::read_slow(GuestVirt a, void* to, uint32_t size, Privilege p) {
    // A device must not be read before the other page is known to be readable.
    if (!one_page(a, size)) impl_->check(a, size, Access::Read, p);
    for_each_page(a, size, [&](GuestVirt at, uint32_t done, uint32_t n) {
        impl_->load(impl_->place(at, Access::Read, p), static_cast<uint8_t*>(to) + done, n);
    });
}

void GuestMemory::write_slow(GuestVirt a, const void* from, uint32_t size, Privilege p) {
    if (!one_page(a, size)) impl_->check(a, size, Access::Write, p);
    for_each_page(a, size, [&](GuestVirt at, uint32_t done, uint32_t n) {
        impl_->store(impl_->place(at, Access::Write, p), static_cast<const uint8_t*>(from) + done, n, road_);
    });
}

void GuestMemory::check_write(GuestVirt a, uint32_t size, Privilege p) {
    impl_->check(a, size, Access::Write, p);
}

uint32_t GuestMemory::fetch(GuestVirt a, std::span<uint8_t> to, Privilege p) {
    uint32_t copied = 0;
    while (copied < to.size()) {
        const GuestVirt at = a + copied;
        const auto n = std::min(static_cast<uint32_t>(to.size()) - copied, left_in_page(at.value));
        try {
            impl_->load(impl_->place(at, Access::Execute, p), &to[copied], n);
        } catch (const GuestFault&) {
            if (copied == 0) throw;
            break;
        }
        copied += n;
    }
    return copied;
}

Fill GuestMemory::fill(GuestVirt a, unsigned size, Access access, Privilege p, GuestFault* fault) {
    const SoftTlb& tlb = view(p).tlb;
    const auto& bias = access == Access::Write ? tlb.write_bias : tlb.read_bias;
    const auto hits = [&] { return SoftTlb::hits(bias[SoftTlb::index(a)], a, size); };
    if (one_page(a, size) && (impl_->find_cached(a, access, p) || known_device(a, access, p) != kNoDevice)) {
        if (hits()) return Fill::Ram;
        ++impl_->counts.tlb_special;
        return Fill::Special;
    }
    for (GuestVirt at = a; at - a < size; at = at.page() + kPageSize) {
        const auto answer = impl_->walk(at, access, p);
        if (const auto* f = std::get_if<PageFault>(&answer)) {
            *fault = GuestFault::page(at, f->error_code);
            return Fill::Fault;
        }
        impl_->enter(at, std::get<Mapping>(answer), p);
    }
    const bool inline_now = one_page(a, size) && hits();
    ++(inline_now ? impl_->counts.tlb_fills : impl_->counts.tlb_special);
    return inline_now ? Fill::Ram : Fill::Special;
}

GuestPhys GuestMemory::known_device(GuestVirt a, Access access, Privilege p) const {
    const auto* page = impl_->cached(p).find_device(a, CachedView::needed_for(access));
    return page ? Ram::device_address(page->physical) + a.page_offset() : kNoDevice;
}

MmioIo& GuestMemory::mmio() {
    return impl_->mmio;
}

std::variant<Mapping, GuestFault> GuestMemory::code_mapping(GuestVirt a, Privilege p) {
    auto answer = impl_->walk(a, Access::Execute, p);
    if (const auto* f = std::get_if<PageFault>(&answer)) return GuestFault::page(a, f->error_code);
    Mapping& mapping = std::get<Mapping>(answer);
    impl_->enter(a, mapping, p);
    mapping.global |= mapping.marked_global && impl_->pge_is_away;
    return mapping;
}

void GuestMemory::note_code_page(GuestVirt a, Privilege p, const Mapping& mapping) {
    // An entry that changed without INVLPG so far: code of both frames must not live together.
    if (impl_->cached(p).note_code_page(a, mapping)) impl_->code_page_lost(a.page(), p);
}

std::optional<GuestPhys> GuestMemory::debug_translate(GuestVirt a) const {
    const auto answer = page_walk(*impl_, impl_->state, a, Access::Read, Privilege::Supervisor, false);
    if (const auto* mapping = std::get_if<Mapping>(&answer)) return mapping->physical;
    return std::nullopt;
}

bool GuestMemory::debug_read(GuestVirt a, std::span<uint8_t> to) const {
    bool all = true;
    for_each_page(a, static_cast<uint32_t>(to.size()), [&](GuestVirt at, uint32_t done, uint32_t n) {
        const auto physical = debug_translate(at);
        if (physical && ram_.contains(*physical))
            memcpy(&to[done], ram_.host(*physical), n);
        else
            all = false;
    });
    return all;
}

bool GuestMemory::dma_read(GuestPhys from, std::span<uint8_t> to) {
    bool all = true;
    for (size_t done = 0; done < to.size();) {
        const GuestPhys at = ram_.place(from + done);
        const size_t n = std::min<size_t>(to.size() - done, left_in_page(at.value));
        if (ram_.contains(at)) {
            memcpy(&to[done], ram_.host(at), n);
        } else {
            memset(&to[done], 0xff, n);
            all = false;
        }
        done += n;
    }
    return all;
}

bool GuestMemory::dma_write(GuestPhys to, std::span<const uint8_t> from) {
    bool all = true;
    for (size_t done = 0; done < from.size();) {
        const GuestPhys at = ram_.place(to + done);
        const auto n = static_cast<uint32_t>(std::min<size_t>(from.size() - done, left_in_page(at.value)));
        if (ram_.contains(at))
            impl_->store_ram(at, &from[done], n, TraceRoad::Dma);
        else
            all = false;
        done += n;
    }
    return all;
}

void GuestMemory::dma_write_place(GuestPhys place, std::span<const uint8_t> from) {
    impl_->store_ram(place, from.data(), static_cast<uint32_t>(from.size()), TraceRoad::Dma);
}

uint8_t* GuestMemory::Impl::find_cached(GuestVirt a, Access access, Privilege p) {
    uint8_t* host = cached(p).find(a, CachedView::needed_for(access));
    if (!host || access != Access::Write) return host;
    // A trace kept the slot from being written through. Once it has gone, that is over.
    const GuestPhys physical = ram.physical(host);
    tracer.first_write(physical, owner.road_);
    if (!tracer.traced(physical)) {
        cached(p).allow_write(a);
        writers[physical.page_number()] |= writer_bit(p);
    }
    return host;
}

Place GuestMemory::Impl::place(GuestVirt a, Access access, Privilege p) {
    if (uint8_t* host = find_cached(a, access, p)) return {host, ram.physical(host)};
    if (const auto* device = cached(p).find_device(a, CachedView::needed_for(access))) {
        ++counts.tlb_special;
        return {nullptr, device->physical + a.page_offset()};
    }
    const auto answer = walk(a, access, p);
    if (const auto* f = std::get_if<PageFault>(&answer)) throw GuestFault::page(a, f->error_code);
    const Mapping& mapping = std::get<Mapping>(answer);
    enter(a, mapping, p);
    if (!ram.contains(mapping.physical)) {
        ++counts.tlb_special;
        return {nullptr, mapping.physical};
    }
    ++counts.tlb_fills;
    return {ram.host(mapping.physical), mapping.physical};
}

void GuestMemory::Impl::check(GuestVirt a, uint32_t size, Access access, Privilege p) {
    for_each_page(a, size, [&](GuestVirt at, uint32_t, uint32_t) { place(at, access, p); });
}

void GuestMemory::Impl::load(const Place& from, void* to, uint32_t size) {
    if (from.host) {
        memcpy(to, from.host, size);
        return;
    }
    for_each_device_access(size, [&](uint32_t done, uint32_t n) {
        const uint64_t value = mmio.read(Ram::device_address(from.physical) + done, n);
        memcpy(static_cast<uint8_t*>(to) + done, &value, n);
    });
}

void GuestMemory::Impl::store(const Place& to, const void* from, uint32_t size, TraceRoad road) {
    if (to.host) return store_ram(to.physical, from, size, road);
    for_each_device_access(size, [&](uint32_t done, uint32_t n) {
        uint64_t value = 0;
        memcpy(&value, static_cast<const uint8_t*>(from) + done, n);
        mmio.write(Ram::device_address(to.physical) + done, n, value);
    });
}

void GuestMemory::Impl::store_ram(GuestPhys to, const void* from, uint32_t size, TraceRoad road) {
    uint8_t* host = ram.host(to);
    if (!tracer.traced(to)) {
        memmove(host, from, size);
        return;
    }
    if (tracer.read_only(to)) return;
    uint8_t before[kPageSize];
    memcpy(before, host, size);
    memmove(host, from, size);
    tracer.notify({to, {before, size}, {host, size}, road});
}

}  // namespace ringfold
