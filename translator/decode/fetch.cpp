// Instruction fetch, uncached.
#include "translator/decode/fetch.h"

#include <algorithm>
#include <array>

namespace ringfold {

void fetch_instruction(const CpuState& s, GuestMemory& memory, Instruction& out, DecodeMemo* memo) {
    const SegmentRegister& cs = s.segment[CS];
    if (s.eip > cs.limit) throw GuestFault::general_protection();
    const GuestVirt at(cs.base + s.eip);
    const auto allowed = static_cast<uint32_t>(
        std::min<uint64_t>(kMaxInstructionLength, uint64_t{cs.limit} - s.eip + 1));
    std::array<uint8_t, kMaxInstructionLength> bytes;
    uint32_t have = 0, want = std::min(allowed, kPageSize - at.page_offset());
    for (;;) {
        have += memory.fetch(at + have, std::span(bytes).subspan(have, want - have), s.privilege());
        const auto got = std::span(bytes).first(have);
        const DecodeStatus status = memo ? memo->decode(got, code_size(s), out) : decode(got, code_size(s), out);
        if (status == DecodeStatus::Ok) return;
        if (status == DecodeStatus::TooLong || have == allowed) throw GuestFault::general_protection();
        want = allowed;  // the rest lies on the next page
    }
}

}  // namespace ringfold
