// A fault that the guest must see: the exception, its error code and, for #PF, the new CR2.
#pragma once

#include <cstdint>
#include <optional>

#include "vmm/base/types.h"

namespace ringfold {

// Exception vectors (Intel SDM volume 3, table 6-1).
enum class Vector : uint8_t {
    DE = 0, DB = 1, NMI = 2, BP = 3, OF = 4, BR = 5, UD = 6, NM = 7, DF = 8,
    TS = 10, NP = 11, SS = 12, GP = 13, PF = 14, MF = 16, AC = 17, MC = 18, XM = 19,
};

// Page-fault error code bits (SDM volume 3, 4.7).
inline constexpr uint32_t kPfPresent = 1, kPfWrite = 2, kPfUser = 4, kPfReserved = 8, kPfFetch = 16;

// Thrown by the interpreter and by guest memory; always caught before control returns to generated code,
// whose frames cannot unwind. The state of the CPU is as before the instruction when it is thrown.
struct GuestFault {
    Vector vector;
    std::optional<uint32_t> error_code;  // pushed after the return address if present
    GuestVirt linear{};                  // #PF only: the new CR2

    bool operator==(const GuestFault&) const = default;

    static GuestFault general_protection(uint32_t error = 0) { return {Vector::GP, error}; }
    static GuestFault stack(uint32_t error = 0) { return {Vector::SS, error}; }
    static GuestFault not_present(uint32_t error) { return {Vector::NP, error}; }
    static GuestFault invalid_tss(uint32_t error) { return {Vector::TS, error}; }
    static GuestFault undefined() { return {Vector::UD, std::nullopt}; }
    static GuestFault no_math() { return {Vector::NM, std::nullopt}; }
    static GuestFault divide() { return {Vector::DE, std::nullopt}; }
    static GuestFault page(GuestVirt linear, uint32_t error) { return {Vector::PF, error, linear}; }
};

}  // namespace ringfold
