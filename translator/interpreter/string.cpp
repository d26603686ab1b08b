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
        op.add(ECX, 0 - some(op.cpu.stops() ? 1 : op.index(ECX)));
        if (!go_on) return;
        if (op.cpu.stops() && op.index(ECX)) {
            op.cpu.next_eip = op.s.eip;
            return;
        }
    }
}

// How many of `most` elements, from the one at `offset` on in the direction of the operation, lie in the segment and in
// the page without anything to check.
uint32_t plain_run(const StringOp& op, unsigned segment, uint32_t offset, GuestVirt a, uint32_t most) {
    const SegmentRegister& seg = op.s.segment[segment];
    const uint32_t limit = std::min(seg.limit, op.mask);
    if (seg.expand_down() || offset > limit) return 0;
    const uint64_t in_segment = uint64_t{limit} - offset + 1, in_page = kPageSize - a.page_offset();
    uint64_t elements = std::min(in_segment, in_page) / op.size;
    if (op.backward && elements) elements = std::min(offset, a.page_offset()) / op.size + 1;
    return static_cast<uint32_t>(std::min<uint64_t>(elements, most));
}

// The host address of `run` elements of plain RAM from the lowest on, of which `a` is the first that the operation
// comes to; null where an access needs more than a load or store.
uint8_t* plain_host(StringOp& op, GuestVirt a, uint32_t run, Access access) {
    const SoftTlb& tlb = op.cpu.memory().view(op.s.privilege()).tlb;
    const GuestVirt lowest = op.backward ? GuestVirt(a.value - (run - 1) * op.size) : a;
    const uint32_t n = SoftTlb::index(a);
    const uint32_t bias = access == Access::Write ? tlb.write_bias[n] : tlb.read_bias[n];
    return SoftTlb::hits(bias, lowest, run * op.size) ? reinterpret_cast<uint8_t*>(lowest.value + tlb.addend[n]) : nullptr;
}

// Element by element, in order: an overlap repeats what was just stored.
template <class T>
void copy_overlapping(uint8_t* to, const uint8_t* from, uint32_t elements, bool backward) {
    for (uint32_t n = 0; n < elements; ++n) {
        const size_t at = (backward ? elements - 1 - n : n) * sizeof(T);
        T element;
        memcpy(&element, from + at, sizeof(T));
        memcpy(to + at, &element, sizeof(T));
    }
}

void copy_run(uint8_t* to, const uint8_t* from, uint32_t elements, unsigned size, bool backward) {
    const uint32_t bytes = elements * size;
    const bool repeats = backward ? to < from && to + bytes > from : to > from && to < from + bytes;
    if (!repeats) {
        memmove(to, from, bytes);
        return;
    }
    switch (size) {
        case 1: return copy_overlapping<uint8_t>(to, from, elements, backward);
        case 2: return copy_overlapping<uint16_t>(to, from, elements, backward);
        default: return copy_overlapping<uint32_t>(to, from, elements, backward);
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
    const uint8_t* host_from = run > 1 ? plain_host(op, from, run, Access::Read) : nullptr;
    op.cpu.store(to, op.size, element);
    uint8_t* host_to = host_from ? plain_host(op, to, run, Access::Write) : nullptr;
    const uint32_t first = op.backward ? 0 : op.size;  // the element that is done lies at that end
    if (host_to)
        copy_run(host_to + first, host_from + first, run - 1, op.size, op.backward);
    else
        run = 1;
    op.advance(ESI, run);
    op.advance(EDI, run);
    return run;
}

uint32_t store_some(StringOp& op, uint32_t most) {
    const GuestVirt to = op.destination(Access::Write);
    uint32_t run = plain_run(op, ES, op.index(EDI), to, most);
    uint8_t* host = run > 1 ? plain_host(op, to, run, Access::Write) : nullptr;
    if (host) {
        fill_run(host, run * op.size, op.s.gpr[EAX], op.size);
    } else {
        op.cpu.store(to, op.size, op.s.gpr[EAX]);
        run = 1;
    }
    op.advance(EDI, run);
    return run;
}

// Of a run from `host` on, the element at which the repetition may end: the first that is equal (REPNE) or not (REPE),
// or the last.
template <class T, class Other>
uint32_t find_end(const uint8_t* host, uint32_t run, bool repne, bool backward, Other other) {
    for (uint32_t n = 0; n + 1 < run; ++n) {
        const size_t at = backward ? run - 1 - n : n;
        T element;
        memcpy(&element, host + at * sizeof(T), sizeof(T));
        if ((element == other(at)) == repne) return n;
    }
    return run - 1;
}

template <class T>
T element_at(const uint8_t* host, size_t n) {
    T element;
    memcpy(&element, host + n * sizeof(T), sizeof(T));
    return element;
}

// Calls f with a value of the element's type.
template <class F>
auto in_size(unsigned size, F f) {
    switch (size) {
        case 1: return f(uint8_t{});
        case 2: return f(uint16_t{});
        default: return f(uint32_t{});
    }
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
    auto some = [&](uint32_t most) {
        const GuestVirt from = op.source();
        uint32_t element = op.cpu.load(from, op.size);
        uint32_t run = plain_run(op, op.i.memory.segment, op.index(ESI), from, most);
        const uint8_t* host = run > 1 ? plain_host(op, from, run, Access::Read) : nullptr;
        if (!host) run = 1;
        const uint32_t last = op.backward ? 0 : run - 1;
        if (host) element = in_size(op.size, [&]<class T>(T) { return uint32_t{element_at<T>(host, last)}; });
        write_gpr(op.s, EAX, op.size, element);
        op.advance(ESI, run);
        return run;
    };
    repeat(op, some, true);
}

void scas(Interpreter& cpu, const Instruction& i) {
    StringOp op(cpu, i);
    bool go_on = true;
    auto some = [&](uint32_t most) {
        const GuestVirt at = op.destination(Access::Read);
        uint32_t found = op.cpu.load(at, op.size), done = 0;
        const uint32_t run = plain_run(op, ES, op.index(EDI), at, most);
        if (const uint8_t* host = run > 1 ? plain_host(op, at, run, Access::Read) : nullptr) {
            found = in_size(op.size, [&]<class T>(T) {
                const auto wanted = static_cast<T>(op.s.gpr[EAX]);
                done = find_end<T>(host, run, op.i.repne, op.backward, [wanted](size_t) { return wanted; });
                return uint32_t{element_at<T>(host, op.backward ? run - 1 - done : done)};
            });
        }
        go_on = compare_elements(op, op.s.gpr[EAX], found);
        op.advance(EDI, done + 1);
        return done + 1;
    };
    repeat(op, some, go_on);
}

void cmps(Interpreter& cpu, const Instruction& i) {
    StringOp op(cpu, i);
    bool go_on = true;
    auto some = [&](uint32_t most) {
        const GuestVirt from = op.source();
        uint32_t left = op.cpu.load(from, op.size), done = 0;
        const GuestVirt at = op.destination(Access::Read);
        const uint32_t run = std::min(plain_run(op, op.i.memory.segment, op.index(ESI), from, most),
                                      plain_run(op, ES, op.index(EDI), at, most));
        const uint8_t* host_from = run > 1 ? plain_host(op, from, run, Access::Read) : nullptr;
        uint32_t right = op.cpu.load(at, op.size);
        if (const uint8_t* host = host_from ? plain_host(op, at, run, Access::Read) : nullptr) {
            in_size(op.size, [&]<class T>(T) {
                done = find_end<T>(host, run, op.i.repne, op.backward,
                                   [host_from](size_t n) { return element_at<T>(host_from, n); });
                const uint32_t n = op.backward ? run - 1 - done : done;
                left = element_at<T>(host_from, n);
                right = element_at<T>(host, n);
            });
        }
        go_on = compare_elements(op, left, right);
        op.advance(ESI, done + 1);
        op.advance(EDI, done + 1);
        return done + 1;
    };
    repeat(op, some, go_on);
}

}  // namespace ringfold::interpreter
