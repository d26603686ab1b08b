// String instructions on memory. Each element (or run of elements) commits ECX, ESI and EDI before the next, so a
// fault, a trap or a pending event between two of them finds a state from which the instruction goes on.
#include "translator/interpreter/handlers.h"
#include "translator/interpreter/host_flags.h"

#include <algorithm>

namespace ringfold::interpreter {

namespace {

struct StringOp {
    Interpreter& cpu;
    const Instruction& i;
    CpuState& s;
    unsigned size;           // of an element
    uint32_t mask;           // of offsets and of the counter
    bool backward;

    StringOp(Interpreter& c, const Instruction& instruction)
        : cpu(c), i(instruction), s(c.state()), size(instruction.opcode & 1 ? instruction.operand_size : 1),
          mask(instruction.address_size == 2 ? 0xffff : 0xffffffff), backward(s.direction_flag) {}

    uint32_t index(Gpr r) const { return s.gpr[r] & mask; }
    void add(Gpr r, uint32_t n) { write_gpr(s, r, i.address_size, s.gpr[r] + n); }
    void advance(Gpr r, uint32_t elements) { add(r, backward ? 0 - elements * size : elements * size); }

    GuestVirt source() const { return cpu.linear(i.memory.segment, index(ESI), size, Access::Read); }
    GuestVirt destination(Access access) const { return cpu.linear(ES, index(EDI), size, access); }
};

// Runs `some` until the counter is used up. some(most) does 1 to `most` elements and says how many; it ends the
// repetition by clearing `go_on`. *stop is non-zero from the start when each element may be followed by a trap.
template <class Some>
void repeat(StringOp& op, Some some, const bool& go_on) {
    if (!op.i.rep && !op.i.repne) {
        some(1);
        return;
    }
    while (op.index(ECX)) {
        op.add(ECX, 0 - some(*op.cpu.stop ? 1 : op.index(ECX)));
        if (!go_on) return;
        if (*op.cpu.stop && op.index(ECX)) {
            op.cpu.next_eip = op.s.eip;
            return;
        }
    }
}

// How many of `most` elements lie behind `offset` in the segment and in the page without anything to check.
uint32_t plain_run(const StringOp& op, unsigned segment, uint32_t offset, GuestVirt a, uint32_t most) {
    const SegmentRegister& seg = op.s.segment[segment];
    if (op.backward || seg.expand_down() || offset > seg.limit) return 0;
    const uint64_t in_segment = uint64_t{std::min(seg.limit, op.mask)} - offset + 1;
    const uint64_t bytes = std::min<uint64_t>(in_segment, kPageSize - a.page_offset());
    return static_cast<uint32_t>(std::min<uint64_t>(bytes / op.size, most));
}

// The host address of `bytes` of plain RAM, or null where an access needs more than a load or store.
uint8_t* plain_host(Interpreter& cpu, GuestVirt a, uint32_t bytes, Access access) {
    const SoftTlb& tlb = cpu.memory().view(cpu.state().privilege()).tlb;
    const uint32_t n = SoftTlb::index(a);
    const uint32_t bias = access == Access::Write ? tlb.write_bias[n] : tlb.read_bias[n];
    return SoftTlb::hits(bias, a, bytes) ? reinterpret_cast<uint8_t*>(a.value + tlb.addend[n]) : nullptr;
}

// Element by element, in order: an overlap repeats what was just stored.
template <class T>
void copy_overlapping(uint8_t* to, const uint8_t* from, uint32_t bytes) {
    for (uint32_t n = 0; n < bytes; n += sizeof(T)) {
        T element;
        memcpy(&element, from + n, sizeof(T));
        memcpy(to + n, &element, sizeof(T));
    }
}

void copy_run(uint8_t* to, const uint8_t* from, uint32_t bytes, unsigned size) {
    if (to <= from || to >= from + bytes) {
        memmove(to, from, bytes);
        return;
    }
    switch (size) {
        case 1: return copy_overlapping<uint8_t>(to, from, bytes);
        case 2: return copy_overlapping<uint16_t>(to, from, bytes);
        default: return copy_overlapping<uint32_t>(to, from, bytes);
    }
}

template <class T>
void fill(uint8_t* to, uint32_t bytes, T element) {
    for (uint32_t n = 0; n < bytes; n += sizeof(T)) memcpy(to + n, &element, sizeof(T));
}

void fill_run(uint8_t* to, uint32_t bytes, uint32_t value, unsigned size) {
    switch (size) {
        case 1: memset(to, static_cast<uint8_t>(value), bytes); return;
        case 2: return fill(to, bytes, static_cast<uint16_t>(value));
        default: return fill(to, bytes, value);
    }
}

// One element, then the rest of a run within a page if both sides turned out to be plain RAM. The source is looked up
// before the destination is touched, for the two may share a TLB slot.
uint32_t move_some(StringOp& op, uint32_t most) {
    const GuestVirt from = op.source();
    const uint32_t element = op.cpu.load(from, op.size);  // the source's faults come first
    const GuestVirt to = op.destination(Access::Write);
    uint32_t run = std::min(plain_run(op, op.i.memory.segment, op.index(ESI), from, most),
                            plain_run(op, ES, op.index(EDI), to, most));
    const uint8_t* host_from = run > 1 ? plain_host(op.cpu, from, run * op.size, Access::Read) : nullptr;
    op.cpu.store(to, op.size, element);
    uint8_t* host_to = host_from ? plain_host(op.cpu, to, run * op.size, Access::Write) : nullptr;
    if (host_to)
        copy_run(host_to + op.size, host_from + op.size, (run - 1) * op.size, op.size);
    else
        run = 1;
    op.advance(ESI, run);
    op.advance(EDI, run);
    return run;
}

uint32_t store_some(StringOp& op, uint32_t most) {
    const GuestVirt to = op.destination(Access::Write);
    uint32_t run = plain_run(op, ES, op.index(EDI), to, most);
    uint8_t* host = run > 1 ? plain_host(op.cpu, to, run * op.size, Access::Write) : nullptr;
    if (host) {
        fill_run(host, run * op.size, op.s.gpr[EAX], op.size);
    } else {
        op.cpu.store(to, op.size, op.s.gpr[EAX]);
        run = 1;
    }
    op.advance(EDI, run);
    return run;
}

// Sets the flags of left - right; false when the prefix ends the repetition here.
bool compare_elements(StringOp& op, uint32_t left, uint32_t right) {
    HostFlags flags(op.s.arithmetic_flags);
    auto in_width = [&]<class T>(T value) { Cmp::run(value, static_cast<T>(right), flags); };
    switch (op.size) {
        case 1: in_width(static_cast<uint8_t>(left)); break;
        case 2: in_width(static_cast<uint16_t>(left)); break;
        default: in_width(left); break;
    }
    set_arithmetic_flags(op.s, flags);
    const bool equal = op.s.arithmetic_flags & flag::ZF;
    return op.i.repne ? !equal : equal;
}

}  // namespace

void movs(Interpreter& cpu, const Instruction& i) {
    StringOp op(cpu, i);
    repeat(op, [&](uint32_t most) { return move_some(op, most); }, true);
}

void stos(Interpreter& cpu, const Instruction& i) {
    StringOp op(cpu, i);
    repeat(op, [&](uint32_t most) { return store_some(op, most); }, true);
}

void lods(Interpreter& cpu, const Instruction& i) {
    StringOp op(cpu, i);
    auto one = [&](uint32_t) {
        write_gpr(op.s, EAX, op.size, cpu.load(op.source(), op.size));
        op.advance(ESI, 1);
        return 1u;
    };
    repeat(op, one, true);
}

void scas(Interpreter& cpu, const Instruction& i) {
    StringOp op(cpu, i);
    bool go_on = true;
    auto one = [&](uint32_t) {
        const uint32_t found = cpu.load(op.destination(Access::Read), op.size);
        go_on = compare_elements(op, op.s.gpr[EAX], found);
        op.advance(EDI, 1);
        return 1u;
    };
    repeat(op, one, go_on);
}

void cmps(Interpreter& cpu, const Instruction& i) {
    StringOp op(cpu, i);
    bool go_on = true;
    auto one = [&](uint32_t) {
        const uint32_t left = cpu.load(op.source(), op.size);
        const uint32_t right = cpu.load(op.destination(Access::Read), op.size);
        go_on = compare_elements(op, left, right);
        op.advance(ESI, 1);
        op.advance(EDI, 1);
        return 1u;
    };
    repeat(op, one, go_on);
}

}  // namespace ringfold::interpreter
