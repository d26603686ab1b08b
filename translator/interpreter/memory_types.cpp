// MTRRs and PAT, as registers.
#include "translator/interpreter/memory_types.h"

namespace ringfold::interpreter {

namespace {

enum Msr : uint32_t {
    kCapabilities = 0xfe, kVariableBase = 0x200, kFixed64K = 0x250, kFixed16K = 0x258, kFixed4K = 0x268, kDefaultType = 0x2ff,
};
constexpr uint32_t kFixed16Ks = 2, kFixed4Ks = 8;
constexpr uint64_t kHasFixed = 1 << 8, kHasWriteCombining = 1 << 10;
constexpr uint64_t kType = 0xff, kFixedEnable = 1 << 10, kEnable = 1 << 11, kValid = 1 << 11;
constexpr uint64_t kAddress = (uint64_t{1} << kPhysicalAddressBits) - 0x1000;

bool valid_type(uint64_t type) { return type <= 1 || (type >= 4 && type <= 6); }

bool valid_types(uint64_t value) {
    for (int n = 0; n < 8; ++n, value >>= 8)
        if (!valid_type(value & kType)) return false;
    return true;
}

// Which of mtrr_fixed it is: one register of 64 KiB parts, two of 16 KiB, eight of 4 KiB.
std::optional<unsigned> fixed_number(uint32_t index) {
    if (index == kFixed64K) return 0;
    if (index - kFixed16K < kFixed16Ks) return 1 + index - kFixed16K;
    if (index - kFixed4K < kFixed4Ks) return 1 + kFixed16Ks + index - kFixed4K;
    return std::nullopt;
}

// Bases, which hold a type, and masks, which hold whether the pair counts, take turns.
bool valid_variable(uint32_t number, uint64_t value) {
    const bool mask = number & 1;
    if (value & ~(kAddress | (mask ? kValid : kType))) return false;
    return mask || valid_type(value & kType);
}

}  // namespace

bool valid_pat(uint64_t value) {
    constexpr uint64_t kUncachedMinus = 7;
    for (int n = 0; n < 8; ++n, value >>= 8)
        if (!valid_type(value & kType) && (value & kType) != kUncachedMinus) return false;
    return true;
}

std::optional<uint64_t> read_mtrr(const CpuState& s, uint32_t index) {
    if (index == kCapabilities) return kHasWriteCombining | kHasFixed | s.mtrr_variable.size() / 2;
    if (index == kDefaultType) return s.mtrr_default;
    if (index - kVariableBase < s.mtrr_variable.size()) return s.mtrr_variable[index - kVariableBase];
    if (const auto number = fixed_number(index)) return s.mtrr_fixed[*number];
    return std::nullopt;
}

bool write_mtrr(CpuState& s, uint32_t index, uint64_t value) {
    if (index == kDefaultType) {
        if ((value & ~(kType | kFixedEnable | kEnable)) || !valid_type(value & kType)) return false;
        s.mtrr_default = value;
        return true;
    }
    if (const uint32_t number = index - kVariableBase; number < s.mtrr_variable.size()) {
        if (!valid_variable(number, value)) return false;
        s.mtrr_variable[number] = value;
        return true;
    }
    const auto number = fixed_number(index);
    if (!number || !valid_types(value)) return false;
    s.mtrr_fixed[*number] = value;
    return true;
}

}  // namespace ringfold::interpreter
