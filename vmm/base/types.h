// The address types and the two enumerations that every part of the monitor speaks in.
#pragma once

#include <compare>
#include <cstdint>

namespace ringfold {

// A number that cannot be mistaken for another kind of address. Arithmetic wraps as the guest's does.
template <class Tag, class Rep>
struct Address {
    Rep value = 0;

    constexpr Address() = default;
    constexpr explicit Address(Rep v) : value(v) {}

    constexpr Address operator+(Rep n) const { return Address(static_cast<Rep>(value + n)); }
    constexpr Address operator-(Rep n) const { return Address(static_cast<Rep>(value - n)); }
    constexpr Rep operator-(Address other) const { return static_cast<Rep>(value - other.value); }
    constexpr Address& operator+=(Rep n) {
        value = static_cast<Rep>(value + n);
        return *this;
    }
    constexpr auto operator<=>(const Address&) const = default;

    constexpr Rep page_offset() const { return value & 0xfff; }
    constexpr Address page() const { return Address(static_cast<Rep>(value & ~static_cast<Rep>(0xfff))); }
    constexpr Rep page_number() const { return value >> 12; }
};

// A guest linear address: after segmentation, before paging (Intel SDM volume 3, 3.1). 32 bits.
using GuestVirt = Address<struct GuestVirtTag, uint32_t>;
// A guest physical address: after paging. Up to 52 bits under PAE.
using GuestPhys = Address<struct GuestPhysTag, uint64_t>;

inline constexpr uint32_t kPageSize = 4096;

enum class Access : uint8_t { Read, Write, Execute };

// The privilege that paging checks. Descriptor-table and TSS accesses are Supervisor at any CPL.
enum class Privilege : uint8_t { Supervisor, User };

}  // namespace ringfold
