// The -d log: categories that can be switched on at start and written to -D FILE or to standard error.
#pragma once

#include <cstdint>
#include <string_view>

#include <fmt/format.h>

namespace ringfold::log {

enum Category : uint32_t {
    InAsm = 1u << 0,   // guest code as it is translated
    OutAsm = 1u << 1,  // host code, with the class and the reason of each instruction
    Int = 1u << 2,     // exceptions and interrupts as they are delivered
    Exec = 1u << 3,    // each entry into the code cache from the dispatcher
    Mmu = 1u << 4,     // fills, flushes, traces, windows
    GuestErrors = 1u << 5,  // what a guest did to a device that makes no sense
    Audit = 1u << 6,   // what memory views hold, compared with the guest's page tables at each CR3 load (slow)
    Bios = 1u << 7,    // what firmware says on its debug port, 0x402
    CpuReset = 1u << 8,  // the CPU's registers when it is reset, by whatever cause
};

extern uint32_t enabled_categories;

inline bool enabled(Category c) { return __builtin_expect((enabled_categories & c) != 0, 0); }

void write(std::string_view text);
void flush();

template <class... Args>
void print(Category c, fmt::format_string<Args...> format, Args&&... args) {
    if (enabled(c)) write(fmt::format(format, std::forward<Args>(args)...));
}

// Parses "in_asm,int,..."; throws HostError naming an unknown word and the known ones.
uint32_t parse_categories(std::string_view list);
// Opens the file that write() goes to; throws HostError.
void open(const char* path);

}  // namespace ringfold::log
