// Segment limits, types and selectors at their edges, by the host CPU, which judges, the interpreter and both engines. See --help.
#include <algorithm>
#include <map>
#include <stdexcept>

#include <fmt/format.h>

#include "test/differential/random_source.h"
#include "test/segmented/limit_case.h"
#include "test/segmented/limit_ways.h"
#include "test/support/case_options.h"
#include "test/support/cpu_under_test.h"

using namespace ringfold;
using namespace ringfold::test;

namespace {

constexpr const char* kHelp = R"(usage: segment_limits [--seed N] [--count N] [--failures N] [--cpus LIST]
  --count N     so many random cases; without it, every way at every edge of every kind of segment
  --seed N      of the first; case i has seed N + i (default: by the time, and printed)
  --failures N  stop after so many (default 5)
  --cpus LIST   instead of all that the host can run; native judges. "segments-direct" never leaves a limit to the interpreter
)";

struct Options : CaseOptions {
    Options() : CaseOptions(0, 5) {}
    std::vector<std::string> cpus;
};

Options parse(int argc, char** argv) {
    Options o;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        if (i + 1 >= argc) throw std::runtime_error(kHelp);
        const std::string value = argv[++i];
        if (o.take(word, [&] { return value; })) continue;
        if (word == "--cpus")
            o.cpus = split(value);
        else
            throw std::runtime_error(kHelp);
    }
    return o;
}

// Descriptor bits 40 to 55 of ring 3, accessed (Linux sets that bit).
constexpr uint16_t kData = 0xf3, kReadOnly = 0xf1, kDown = 0xf7, kDownReadOnly = 0xf5, kCode = 0xfb, kExecuteOnly = 0xf9,
                   kConforming = 0xff, kBig = 0x4000, kPages = 0x8000, kNotPresent = 0x80;

struct Shape {
    uint32_t limit;  // of 20 bits
    uint16_t attributes;

    bool big() const { return attributes & kBig; }
    bool down() const { return (attributes & 0x0c) == 0x04; }
    uint32_t bytes() const { return attributes & kPages ? limit << 12 | 0xfff : limit; }
    uint32_t top() const { return big() ? 0xffffffff : 0xffff; }  // of what expands down
};

constexpr uint32_t kCount = 5;  // of a repeated instruction

enum class Judge : bool { Host, Interpreter };

// What is tried: a way through one segment register.
struct Trial {
    Shape shape;
    const Way* way;
    SegmentIndex segment;  // whose override an operand gets, unless it is the way's own
    uint32_t offset;
    uint32_t target;  // linear address of that offset, if the base is free
    bool fixed_base = false;
    bool code16 = false;
    bool downwards = false;
    bool warm = true;  // the pages were reached before, so that nothing but the limit is in the way

    // An operand astride the end of a segment of 4 GiB: whether that violates the limit is the maker's choice (SDM volume 3, 5.3).
    // Repeated instructions come there within their five elements.
    bool left_open() const {
        const uint32_t reach = way->opcode[0] == 0xf3 || way->opcode[0] == 0xf2 ? kCount * way->size : way->size;
        return !shape.down() && shape.bytes() == 0xffffffff && offset > 0u - reach;
    }

    // Linear addresses wrap within it.
    bool astride_4g() const { return !fixed_base && target > 0u - way->size; }

    std::string text() const {
        static constexpr const char* kNames[] = {"es", "cs", "ss", "ds", "fs", "gs"};
        return fmt::format("{} through {}, offset {:x} ({:x}), limit {:x}, attributes {:x}{}{}{}", way->name, kNames[segment], offset,
                           target, shape.limit, shape.attributes, code16 ? ", 16-bit code" : "", downwards ? ", downwards" : "", warm ? "" : ", cold");
    }
};

// Offsets at which an access of `size` bytes lies before, at, astride and behind each end of the segment.
std::vector<uint32_t> edges(const Shape& s, uint32_t size) {
    const uint32_t limit = s.bytes(), top = s.top();
    std::vector<uint32_t> list;
    if (s.down())
        list = {limit, limit + 1, limit - size + 1, limit + 2, top - size + 1, top - size + 2, top};
    else
        list = {0, limit - size, limit - size + 1, limit - size + 2, limit, limit + 1, 0xffffffff};
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
    return list;
}

SegmentIndex segment_of(Place place, SegmentIndex wanted) {
    switch (place) {
        case Place::Edi: return ES;
        case Place::Push:
        case Place::Pop:
        case Place::Frame: return SS;
        default: return wanted;
    }
}

// The instruction with the prefixes that keep its sizes in 16-bit code.
std::vector<uint8_t> encode(const Trial& t) {
    static constexpr uint8_t kOverride[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65};
    const Way& way = *t.way;
    std::vector<uint8_t> bytes;
    const bool chooses = way.place == Place::Operand || way.place == Place::Esi;
    const bool by_ebp = way.place == Place::Operand && t.segment == SS;
    if (chooses && !by_ebp && t.segment != DS) bytes.push_back(kOverride[t.segment]);
    if (t.code16) bytes.push_back(0x67);
    const bool narrow = std::find(way.opcode.begin(), way.opcode.end(), 0x66) != way.opcode.end();
    const bool sized = way.size <= 4 || way.place == Place::Push || way.place == Place::Pop;  // 66 makes another instruction of MOVQ
    if (t.code16 && !narrow && sized) bytes.push_back(0x66);
    for (const uint8_t b : way.opcode)
        if (!t.code16 || b != 0x66) bytes.push_back(b);
    if (by_ebp)
        bytes.insert(bytes.end(), {static_cast<uint8_t>(0x45 | way.reg << 3), 0});  // [ebp + 0]
    else if (way.place == Place::Operand)
        bytes.push_back(static_cast<uint8_t>(0x03 | way.reg << 3));  // [ebx]
    bytes.insert(bytes.end(), way.after.begin(), way.after.end());
    return bytes;
}

CpuCase make(const Trial& t, uint64_t number) {
    LimitCase c(number);
    const uint32_t base = t.fixed_base ? 0 : t.target - t.offset;
    const uint16_t selector = c.add(base, t.shape.limit, t.shape.attributes);
    const Place place = t.way->place;
    if (t.code16) c.code(c.add(c.body_address() - 0x100, 0xffff, kCode), c.body_address() - 0x100);
    c.gpr(ECX) = kCount;
    c.gpr(EBX) = c.gpr(ESI) = t.offset;
    if (t.way->opcode[0] == 0xd7) c.gpr(EAX) = 0;  // XLAT adds AL
    c.gpr(EDI) = 0x4800;
    c.gpr(EBP) = t.offset;
    if (place == Place::Edi) {
        c.gpr(EDI) = t.offset;
        c.gpr(ESI) = 0x4900;
    }
    if (t.downwards) c.eflags() |= flag::DF;
    if (t.segment == SS) {
        const uint32_t esp = place == Place::Push ? t.offset + t.way->size : place == Place::Pop ? t.offset : 0x800;
        c.stack(selector, esp);
        if (place == Place::Push) c.gpr(EBP) = (esp + 8) ^ (t.shape.big() ? 0 : 0x77770000);  // where nested ENTER reads
    } else if (t.segment == CS) {
        c.code(selector, base);
    } else {
        c.load(t.segment, selector);
    }
    if (t.warm)
        for (const uint32_t at : {t.target, t.target + t.way->size - 1}) c.touch(t.fixed_base ? at - t.target + t.offset : at);
    c.body(encode(t));
    return c.finish();
}

class Session {
public:
    Session(const std::vector<std::string>& cpus, unsigned failures) : cpus_(available_cpus(cpus)), allowed_(failures) {
        if (cpus_.size() < 2 || !cpus_[0]->is_native()) throw std::runtime_error("the host CPU is to judge");
    }

    uint64_t cases() const { return cases_; }
    bool done() const { return failures_ >= allowed_; }

    void check(const Trial& t, uint64_t seed = 0) {
        if (t.left_open()) return;
        const bool finished = check(make(t, cases_), t.text(), seed, t.way->on_fault);
        if (finished && t.astride_4g()) ++ends_["no fault, astride 4 GiB"];
    }

    // True if the case ran to its end, natively.
    bool check(const CpuCase& c, const std::string& what, uint64_t seed = 0, OnFault on_fault = OnFault::Exact, Judge by = Judge::Host) {
        const size_t first = by == Judge::Host ? 0 : 1;
        const CpuEnd judge = cpus_[first]->run(c);
        ++cases_;
        if (judge.kind != EndKind::Fault) {
            ++incomparable_;
            return false;
        }
        const bool finished = judge.vector == 13 && hlt_at(c, judge);
        ++ends_[finished ? "no fault" : fmt::format("vector {}", judge.vector)];
        for (size_t i = first + 1; i < cpus_.size(); ++i)
            for (int pass = 0; pass < kPasses; ++pass) {
                const CpuEnd end = cpus_[i]->run(c);
                if (on_fault == OnFault::InPieces && judge.vector == 14 && (end.vector == 12 || end.vector == 13)) continue;
                const std::string text = on_fault == OnFault::HalfDone && !finished
                                             ? outline(end, judge)
                                             : difference(end, cpus_[i]->name(), judge, cpus_[first]->name(), {.fpu = false});
                if (text.empty()) continue;
                ++failures_;
                fmt::print("not ok {}, pass {}{}\n{}", what, pass, seed ? fmt::format(", seed {}", seed) : "", text);
                fflush(stdout);
                break;
            }
        return finished;
    }

    // False too if the cases were all of one kind: then nothing was tested.
    bool report() const {
        fmt::print("{} cases: {} not comparable, {} failures\n", cases_, incomparable_, failures_);
        for (const auto& [what, count] : ends_) fmt::print("    {}: {}\n", what, count);
        const bool varied = ends_.contains("no fault") && ends_.contains("vector 12") && ends_.contains("vector 13") && ends_.contains("vector 14");
        if (cases_ < 1000) return failures_ == 0;
        if (!varied && failures_ == 0) fmt::print("not ok: ends of too few kinds\n");
        return failures_ == 0 && varied;
    }

private:
    static constexpr int kPasses = 3;  // what adapts to what an instruction did has done so

    static bool hlt_at(const CpuCase& c, const CpuEnd& end) {
        const uint64_t d = end.segment[CS] & 4 ? c.ldt.at(end.segment[CS] >> 3) : 0;
        const uint32_t base = static_cast<uint32_t>((d >> 16 & 0xffffff) | (d >> 32 & 0xff000000));
        const uint8_t* const at = const_cast<CpuCase&>(c).byte(base + end.eip);
        return at && *at == 0xf4;
    }

    // Which fault it is, of an instruction that may have been half done.
    static std::string outline(const CpuEnd& end, const CpuEnd& judge) {
        if (end.kind == judge.kind && end.vector == judge.vector && end.error_code == judge.error_code && end.eip == judge.eip) return {};
        return describe(end) + "  but should be\n" + describe(judge);
    }

    std::vector<std::unique_ptr<CpuUnderTest>> cpus_;
    unsigned allowed_, failures_ = 0;
    uint64_t cases_ = 0, incomparable_ = 0;
    std::map<std::string, uint64_t> ends_;
};

constexpr uint16_t kTypes[] = {kData, kReadOnly, kDown, kDownReadOnly, kCode, kExecuteOnly};
constexpr uint32_t kTargets[] = {0x4800, 0x5ffc, 0x9000, 0x7800, 0x80000ffe, 0xfffe0ff0, 0xfffffffe, 0xfffffff8};

bool loadable(SegmentIndex segment, uint16_t attributes) {
    const bool code = attributes & 8;
    if (segment == SS) return !code && (attributes & 2);
    if (segment == CS) return code;
    return !code || (attributes & 2);
}

// Each way at each edge of each kind of segment.
void at_every_edge(Session& session) {
    static constexpr Shape kShapes[] = {{0, 0}, {0xfff, 0}, {0xffff, 0}, {0x12344, 0}, {0, kPages}, {0x1f, kPages}, {0xfffff, kPages}};
    unsigned turn = 0;
    for (const Way& way : ways())
        for (const uint16_t type : kTypes)
            for (const uint16_t big : {uint16_t{0}, kBig})
                for (const Shape& s : kShapes) {
                    const SegmentIndex segment = segment_of(way.place, std::array{DS, ES, FS, GS, SS}[turn % 5]);
                    if (!loadable(segment, type)) continue;
                    const Shape shape{s.limit, static_cast<uint16_t>(s.attributes | type | big)};
                    for (const uint32_t offset : edges(shape, way.size)) {
                        if (session.done()) return;
                        ++turn;
                        session.check({shape, &way, segment, offset, kTargets[turn % std::size(kTargets)], false, turn % 7 == 0, turn % 3 == 0, turn % 4 != 0});
                    }
                }
}

// Code that ends at, before and behind the limit of its segment: each instruction is fetched through it.
void fetches(Session& session) {
    static constexpr uint8_t kBytes[] = {0x90, 0xb8, 1, 2, 3, 4, 0x40, 0x81, 0xc1, 1, 0, 0, 0, 0xeb, 0x02, 0x90, 0x90, 0x05, 5, 0, 0, 0};
    for (const uint32_t base : {0u, 0x1000u, 0x11ffu, 0xfffff800u})
        for (uint32_t last = 0; last <= sizeof kBytes; ++last)
            for (const uint16_t big : {uint16_t{0}, kBig}) {
                LimitCase c(session.cases());
                const uint32_t limit = c.body_address() - base - 1 + last;
                if (session.done() || limit > 0xfffff) continue;
                c.code(c.add(base, limit, kCode | big), base);
                c.body(kBytes);
                session.check(c.finish(), fmt::format("code that its limit {:x} ends, base {:x}, D {}", limit, base, big != 0));
            }
}

// Selectors of an LDT with segments of these kinds, and others, by every way to load one.
void load_each(Session& session, std::span<const uint16_t> kinds, const std::vector<uint16_t>& others, Judge judge) {
    constexpr uint32_t kPointer = 0x3e00;
    std::vector<uint16_t> list = others;
    for (uint16_t n = 0; n < kinds.size(); ++n)
        for (uint16_t rpl = 0; rpl < 4; ++rpl) list.push_back(static_cast<uint16_t>(n * 8 | 4 | rpl));
    for (const SelectorWay& way : selector_ways(kPointer))
        for (const uint16_t selector : list)
            for (const bool in_limit : {true, false}) {
                if (session.done()) return;
                const bool pointer = way.frame || std::string_view(way.name).ends_with("far");
                if (!in_limit && !pointer) continue;
                LimitCase c(session.cases());
                for (const uint16_t kind : kinds) c.add(0x1000, 0x1fff, static_cast<uint16_t>(kind | kBig));
                const uint32_t offset = pointer ? (in_limit ? c.body_address() + 0x20 - (selector & 4 ? 0x1000 : 0) : 0x3000) : 0x5678abcd;
                c.gpr(EAX) = 0xabcd0000u | selector;
                c.store32(kPointer, way.name == std::string_view("mov gs, m") ? selector : offset);
                c.store32(kPointer + 4, selector);
                if (way.frame) {
                    c.store32(0x9800, offset);
                    c.store32(0x9804, 0x77770000u | selector);
                    c.store32(0x9808, 0x203);
                }
                c.body(way.bytes);
                session.check(c.finish(), fmt::format("{} of {:x}{}", way.name, selector, in_limit ? "" : ", beyond the limit"), 0, way.on_fault, judge);
            }
}

// Null, foreign, not present and unfit ones.
void selectors(Session& session) {
    constexpr uint16_t kKinds[] = {kData, kReadOnly, kDown, kDownReadOnly, kCode, kExecuteOnly, kData & ~kNotPresent, kDown & ~kNotPresent,
                                   kCode & ~kNotPresent, kExecuteOnly & ~kNotPresent, kConforming & ~kNotPresent, (kConforming & ~kNotPresent) & ~2};
    load_each(session, kKinds, {0, 1, 2, 3, 0x10, 0x13, 0x18, 0x1b, kUserCode, kUserCode & ~3, kUserData, kUserData & ~3, 0x86, 0x1f7, 0xfff4},
              Judge::Host);
}

// Of each privilege, conforming code too, which no process can have of its kernel.
void privileges(Session& session) {
    std::vector<uint16_t> kinds;
    for (const uint16_t kind : {kData, kDown, kCode, kConforming, static_cast<uint16_t>(kConforming & ~2)})
        for (uint16_t dpl = 0; dpl < 4; ++dpl) kinds.push_back(static_cast<uint16_t>((kind & ~0x60) | dpl << 5));
    load_each(session, kinds, {}, Judge::Interpreter);
}

Trial random_trial(RandomSource& r) {
    for (;;) {
        const auto all = ways();
        const Way& way = r.pick(all);
        const uint16_t type = r.pick(kTypes);
        const SegmentIndex segment = segment_of(way.place, r.pick({DS, ES, FS, GS, SS, CS}));
        if (!loadable(segment, type)) continue;
        Shape shape{r.chance(40) ? r.below(0x20) : r.chance(50) ? r.below(0x10000) : r.below(0x100000),
                    static_cast<uint16_t>(type | (r.chance(50) ? kBig : 0) | (r.chance(30) ? kPages : 0))};
        const auto list = edges(shape, way.size);
        Trial t{shape, &way, segment, list[r.below(static_cast<uint32_t>(list.size()))], 0, r.chance(5), r.chance(25), r.chance(30), r.chance(70)};
        if (r.chance(30)) t.offset += r.below(64) - 32;
        if (r.chance(10)) t.offset = static_cast<uint32_t>(r.bits());
        t.target = r.pick({0x1u, 0x2000u, 0x4000u, 0x5fffu, 0x7000u, 0x9000u, 0x401000u, 0x80000000u, 0xfffe0000u, 0xfffff000u}) + (r.chance(80) ? r.below(0x1000) : 0);
        if (r.chance(5)) t.target = 0u - r.below(16);
        if (segment == CS) {  // the code lies in it, and the edge is where that leads
            t.code16 = !shape.big();
            t.shape.limit = 0x1fff;
            t.shape.attributes &= ~kPages;
            t.fixed_base = true;
            const auto at = edges(t.shape, way.size);
            t.offset = at[r.below(static_cast<uint32_t>(at.size()))];
        }
        return t;
    }
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const Options o = parse(argc, argv);
        Session session(o.cpus, o.failures);
        if (o.count == 0) {
            at_every_edge(session);
            fetches(session);
            selectors(session);
            privileges(session);
        } else {
            fmt::print("from seed {}\n", o.seed);
            for (uint64_t i = 0; i < o.count && !session.done(); ++i) {
                RandomSource random(o.seed + i);
                session.check(random_trial(random), o.seed + i);
            }
        }
        return session.report() ? 0 : 1;
    } catch (const std::exception& e) {
        fmt::print(stderr, "{}\n", e.what());
        return 2;
    }
}
