// The -d log: where it goes and which categories are on.
#include "vmm/base/log.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "vmm/base/result.h"

namespace ringfold::log {

uint32_t enabled_categories = 0;

namespace {

FILE* destination = stderr;

constexpr std::pair<std::string_view, Category> kNames[] = {
    {"in_asm", InAsm}, {"out_asm", OutAsm}, {"int", Int}, {"exec", Exec}, {"mmu", Mmu}, {"guest_errors", GuestErrors},
    {"audit", Audit}, {"bios", Bios}, {"cpu_reset", CpuReset}, {"unimp", GuestErrors},
};

Category parse_one(std::string_view word) {
    std::string known;
    for (auto [name, category] : kNames) {
        if (word == name) return category;
        known += known.empty() ? "" : ", ";
        known += name;
    }
    throw HostError(fmt::format("-d: unknown log category '{}'; known are {}", word, known));
}

}  // namespace

void write(std::string_view text) {
    fwrite(text.data(), 1, text.size(), destination);
}

void flush() {
    fflush(destination);
}

uint32_t parse_categories(std::string_view list) {
    uint32_t result = 0;
    while (!list.empty()) {
        const auto comma = list.find(',');
        result |= parse_one(list.substr(0, comma));
        list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
    }
    return result;
}

void open(const char* path) {
    FILE* file = fopen(path, "w");
    if (!file) throw HostError(fmt::format("-D {}: cannot write the log: {}", path, strerror(errno)));
    destination = file;
}

}  // namespace ringfold::log
