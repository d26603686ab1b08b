// The pages that all test code sees: case.inc tells its readers the same.
#pragma once

#include "test/support/cpu_case.h"

namespace ringfold::test {

inline constexpr uint32_t kCodePage = 0x1000, kCodeEnd = 0x4000, kHolePage = 0x6000, kReadOnlyPage = 0x7000;
inline constexpr uint32_t kStackPage = 0x9000, kStackStart = 0x9800;
inline constexpr uint32_t kWritablePages[] = {0x1000, 0x2000,     0x3000,     0x4000,     0x5000,
                                              0x9000, 0x00401000, 0x7ffff000, 0x80000000, 0xfffe0000};
inline constexpr uint32_t kReadOnlyPages[] = {kReadOnlyPage};
inline constexpr uint32_t kStartFlags = 0x202;  // IF, as the host has it

// All of them, zero.
inline std::vector<PageImage> standard_pages() {
    std::vector<PageImage> pages;
    for (const uint32_t a : kWritablePages) pages.push_back({a, true, {}});
    for (const uint32_t a : kReadOnlyPages) pages.push_back({a, false, {}});
    return pages;
}

}  // namespace ringfold::test
