// Which bytes of guest RAM translations were made from, one bit each: a store to others, even on the same page, is
// none of the translator's business. A set bit promises nothing, a clear one that no translation depends on the byte.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>

#include "vmm/base/types.h"

namespace ringfold {

class CodeMap {
public:
    explicit CodeMap(uint64_t ram_bytes);  // throws std::bad_alloc

    void set(GuestPhys from, uint32_t bytes);
    void clear_page(GuestPhys page);
    bool any(GuestPhys from, uint32_t bytes) const;

    // For translated code: the bit of byte p is bit p % 8 of byte p / 8. Four bytes may be read anywhere.
    const uint8_t* bits() const { return bits_.get(); }

private:
    struct Free {
        void operator()(uint8_t* p) const { std::free(p); }
    };
    std::unique_ptr<uint8_t[], Free> bits_;  // host memory that costs nothing where there is no code
};

}  // namespace ringfold
