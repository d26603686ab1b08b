#include "translator/cache/code_map.h"

#include <cstring>
#include <new>

namespace ringfold {

namespace {
uint8_t bit(uint64_t byte) { return static_cast<uint8_t>(1u << (byte & 7)); }
}  // namespace

CodeMap::CodeMap(uint64_t ram_bytes)
    : bits_(static_cast<uint8_t*>(std::calloc(ram_bytes / 8 + sizeof(uint32_t), 1))) {
    if (!bits_) throw std::bad_alloc();
}

void CodeMap::set(GuestPhys from, uint32_t bytes) {
    for (uint64_t b = from.value; b < from.value + bytes; ++b) bits_[b / 8] |= bit(b);
}

void CodeMap::clear_page(GuestPhys page) {
    memset(&bits_[page.page().value / 8], 0, kPageSize / 8);
}

bool CodeMap::any(GuestPhys from, uint32_t bytes) const {
    for (uint64_t b = from.value; b < from.value + bytes; ++b)
        if (bits_[b / 8] & bit(b)) return true;
    return false;
}

}  // namespace ringfold
