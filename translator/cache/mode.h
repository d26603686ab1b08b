// What is baked into a translation beside its bytes: privilege, the form of access, and segmentation.
#pragma once

#include <cstdint>

#include "translator/decode/decoder.h"
#include "vmm/base/types.h"

namespace ringfold {

// How code that is not flat 32-bit code sees its segments. CS is baked in whole; of the others only what decides which
// checks are emitted, since 16-bit code loads them all the time: bases and limits are read from the context.
struct Segmentation {
    uint32_t id = 0;  // stands for all of this in jump caches; 0: flat. See SegmentationTable
    uint32_t code_base = 0, code_limit = 0xffffffff;
    bool code_readable = true;
    bool code16 = false;   // CS.D clear
    bool stack16 = false;  // SS.B clear
    bool real = false;     // real-address or virtual-8086 mode
    // In real and virtual-8086 mode: every segment lets all that a 16-bit offset reaches be read and written, now and
    // after any load of a segment register.
    bool plain = false;

    bool flat() const { return id == 0; }
    bool operator==(const Segmentation&) const = default;
};

struct Mode {
    bool user = false;    // CPL 3
    bool sse = false;     // CR4.OSFXSR: SSE instructions are defined
    bool direct = false;  // memory operands go through the window
    Segmentation segments{};

    // In flat code these are all there is.
    uint32_t bits() const { return uint32_t{user} | uint32_t{sse} << 1 | uint32_t{direct} << 2; }
    bool flat() const { return segments.flat(); }
    CodeSize code_size() const { return segments.code16 ? CodeSize::Bits16 : CodeSize::Bits32; }
    Privilege privilege() const { return user ? Privilege::User : Privilege::Supervisor; }
    bool operator==(const Mode&) const = default;
};

}  // namespace ringfold
