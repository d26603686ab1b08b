// Random code in real mode, virtual-8086 mode, 16-bit protected mode and 32-bit segments that are not flat, by the
// translator and by the interpreter, which judges. See --help.
#include <algorithm>
#include <array>
#include <cstring>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>

#include <fmt/format.h>

#include "test/differential/instruction_pool.h"
#include "test/differential/random_source.h"
#include "test/segmented/machine.h"
#include "test/support/case_options.h"
#include "translator/classify/classifier.h"
#include "translator/decode/decoder.h"
#include "translator/interpreter/interpreter.h"
#include "translator/translated_cpu.h"
#include "vmm/base/result.h"

using namespace ringfold;
using namespace ringfold::test;

namespace {

constexpr const char* kHelp = R"(usage: segmented [--seed N] [--count N] [--failures N] [--only ADD,...]
  --seed N      of the first case; case i has seed N + i (default: by the time, and printed)
  --count N     number of cases (default 2000)
  --failures N  stop after so many (default 3)
  --only LIST   rows of instructions.def to draw from
)";

struct Options : CaseOptions {
    Options() : CaseOptions(2000, 3) {}
    std::string only;
};

Options parse(int argc, char** argv) {
    Options o;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        if (i + 1 >= argc) throw std::runtime_error(kHelp);
        const std::string value = argv[++i];
        if (o.take(word, [&] { return value; })) continue;
        if (word == "--only")
            o.only = "," + value + ",";
        else
            throw std::runtime_error(kHelp);
    }
    return o;
}

enum class Kind : unsigned { Real, V86, Protected16, User16, Protected32, User32 };
constexpr const char* kKindNames[] = {"real", "v86", "protected 16", "user 16", "protected 32", "user 32"};
constexpr uint32_t kMostSteps = 4000;
constexpr std::atomic<int> kEachElement = 1;  // of a repeated string instruction, which may have four billion, counts as a step

// Grows a case one instruction at a time, each run at once, so that the next lies where execution goes on.
class Growth {
public:
    Growth(RandomSource& r, const std::vector<PoolEntry>& pool, SegmentedMachine& machine)
        : r_(r), pool_(pool), machine_(machine), interpreter_(machine.state(), machine.memory(), machine.ports()) {
        interpreter_.stop = &kEachElement;
    }

    SegmentedCase grow(Kind kind) {
        kind_ = kind;
        start();
        machine_.load(case_);
        const unsigned count = 2 + r_.below(r_.chance(15) ? 80 : 24);
        const uint32_t eip = state().eip, base = state().segment[CS].base;
        for (unsigned n = 0; n < count && running(); ++n) add_random();
        if (r_.chance(50) && running() && state().segment[CS].base == base) go_round(eip);
        return std::move(case_);
    }

    std::string listing() const { return listing_; }
    const std::set<const InstructionRow*>& rows() const { return rows_; }

private:
    CpuState& state() { return machine_.state(); }
    bool real() { return kind_ == Kind::Real || kind_ == Kind::V86; }
    bool wide() { return state().segment[CS].big(); }
    bool user() { return kind_ == Kind::V86 || kind_ == Kind::User16 || kind_ == Kind::User32; }
    uint16_t rpl() { return user() ? 3 : 0; }

    uint16_t real_selector() { return static_cast<uint16_t>(r_.chance(80) ? 0x1000 + r_.below(0xe000) : r_.bits()); }

    uint32_t random_base() { return kFree + (r_.chance(50) ? r_.below(0x180) << 12 : r_.below(0x180000)); }
    uint32_t random_limit() {
        return r_.chance(50) ? 0xffff : r_.chance(30) ? 0xffffffff : r_.chance(50) ? r_.below(0x10000) : r_.below(0x20000);
    }

    // Descriptors to load: data of every type, and code.
    void add_descriptors() {
        const uint16_t dpl = user() ? 0x60 : 0;
        for (uint16_t n = kFirstFree / 8; n < kSelectors; ++n) {
            uint16_t attributes = 0x93;
            if (r_.chance(10)) attributes = r_.pick<uint16_t>({0x91, 0x97, 0x9b, 0x13, 0x99, 0x9f});
            if (r_.chance(50)) attributes |= 0x4000;
            const uint32_t limit = (attributes & 0x1f) == 0x17 ? r_.below(0x8000) : random_limit();
            if (limit > 0xfffff) attributes |= 0x8000;
            set_descriptor(case_, static_cast<uint16_t>(n * 8), random_base(), limit, attributes | dpl);
        }
        const bool code32 = kind_ == Kind::Protected32 || kind_ == Kind::User32;
        for (uint16_t n : {kFirstFree / 8, kFirstFree / 8 + 1}) {
            const uint32_t limit = r_.chance(80) ? 0xffff : 0xffffffff;
            set_descriptor(case_, static_cast<uint16_t>(n * 8), kFree + 0x20000 + r_.below(0x1000) * 16, limit,
                           static_cast<uint16_t>((code32 ? 0x409b : 0x9b) | dpl | (limit > 0xfffff ? 0x8000 : 0)));
        }
    }

    uint16_t data_selector() { return static_cast<uint16_t>((kFirstFree / 8 + 2 + r_.below(kSelectors - kFirstFree / 8 - 2)) * 8 | rpl()); }

    void start() {
        case_.ram.assign(kRamBytes, 0xf4);
        for (uint32_t n = kFree; n < kRamBytes; n += 64) {  // a grain of data in the sea of HLT
            const uint64_t bits = r_.bits();
            if (n % 512 < 256) memcpy(&case_.ram[n], &bits, 8);
        }
        write_system(case_);
        CpuState& s = case_.state;
        for (uint32_t& reg : s.gpr) reg = r_.chance(75) ? r_.below(0x10000) : static_cast<uint32_t>(r_.bits());
        s.gpr[ESP] = (r_.chance(85) ? 0x100 + (r_.below(0x8000) & ~1u) : r_.below(0x10000)) | (r_.chance(10) ? 0x56780000 : 0);
        s.eip = r_.chance(15) ? 0xff00 + r_.below(0xf0) : r_.chance(20) ? 0xff0 + r_.below(16) : r_.below(0x8000);
        uint32_t flags = 0x202 | (static_cast<uint32_t>(r_.bits()) & 0x8d5) | (r_.chance(15) ? 0x400u : 0);
        if (kind_ == Kind::V86) flags |= flag::VM | (r_.chance(60) ? 0x3000u : 0);
        if (user() && r_.chance(30)) flags |= 0x3000;
        s.set_eflags(flags);
        if (real()) {
            const uint16_t access = kind_ == Kind::V86 ? 0xf3 : 0x93;
            for (auto& seg : s.segment) {
                const uint16_t selector = real_selector();
                seg = {selector, access, uint32_t{selector} << 4, 0xffff};
            }
            if (kind_ == Kind::Real && r_.chance(20))
                for (const SegmentIndex n : {DS, ES, FS, GS, SS})
                    if (r_.chance(30)) s.segment[n].limit = r_.pick<uint32_t>({0xffffffff, 0x1ffff, 0x7fff, 0xffff});
            if (kind_ == Kind::Real && r_.chance(5)) s.segment[SS].attributes |= 0x4000;
            s.idtr = kind_ == Kind::Real ? DescriptorTable{kVectors, 0x3ff} : DescriptorTable{kIdt, 0x7ff};
        } else {
            add_descriptors();
            const auto selector = static_cast<uint16_t>(kFirstFree | rpl());
            s.segment[CS] = loaded(case_, selector);
            for (const SegmentIndex n : {DS, ES, FS, GS, SS}) {
                uint16_t chosen = data_selector();
                while (n == SS && !loaded(case_, chosen).writable()) chosen = data_selector();
                const SegmentRegister reg = loaded(case_, chosen);
                s.segment[n] = reg.readable() && reg.present() ? reg : SegmentRegister{};
            }
            s.idtr = {kIdt, 0x7ff};
        }
        if (kind_ != Kind::Real) s.cr0 |= cr0::PE;
        if (kind_ == Kind::V86 || (!real() && r_.chance(40))) s.cr0 |= cr0::PG;
        if (r_.chance(8)) s.address_mask = ~kA20;
        if (user()) s.cpl = 3;
        if (s.cr0 & cr0::PG)
            for (unsigned n = r_.below(12); n > 0; --n) {  // pages that are read-only or not there
                const uint32_t page = kFree / kPageSize + r_.below((kRamBytes - kFree) / kPageSize);
                case_.ram[kTable + 4 * page] = r_.chance(50) ? 5 : 0;
            }
    }

    bool running() {
        const CpuState& s = state();
        const uint32_t linear = s.segment[CS].base + s.eip;
        const bool folded = !(s.address_mask & kA20) && ((linear | (linear + 64)) & kA20);
        return !folded && steps_ < kMostSteps && s.activity == Activity::Running && linear >= kFree && linear < kRamBytes - 64 && still_ours() && unwritten(linear);
    }
    // Not in a handler of the kernel.
    bool still_ours() { return user() ? state().cpl == 3 : true; }
    bool unwritten(uint32_t linear) const {
        return std::none_of(placed_.begin(), placed_.end(), [&](const auto& p) {
            return p.first < linear + 15 && linear < p.first + p.second;
        });
    }

    void place(const std::vector<uint8_t>& bytes) {
        if (!running()) return;
        const uint32_t linear = state().segment[CS].base + state().eip;
        memcpy(case_.at(linear), bytes.data(), bytes.size());
        machine_.poke(linear, bytes);
        placed_.emplace_back(linear, static_cast<uint32_t>(bytes.size()));
        listing_ += fmt::format("    {:04x}:{:08x} ({:06x}) {:02x}\n", state().segment[CS].selector, state().eip, linear,
                                fmt::join(bytes, " "));
        for (const uint32_t eip = state().eip; steps_++ < kMostSteps && interpreter_.step() == Step::Repeat;)
            if (state().eip != eip) break;
    }

    static std::vector<uint8_t> begun(std::initializer_list<int> first) {
        std::vector<uint8_t> bytes;
        bytes.reserve(kMaxInstructionLength);
        for (const int b : first) bytes.push_back(static_cast<uint8_t>(b));
        return bytes;
    }
    static void append(std::vector<uint8_t>& bytes, uint32_t value, unsigned size) {
        for (unsigned i = 0; i < size; ++i) bytes.push_back(static_cast<uint8_t>(value >> (8 * i)));
    }

    void load_register(uint8_t reg, uint32_t value) {
        std::vector<uint8_t> bytes = begun({0xb8 + reg});
        append(bytes, value, wide() ? 4 : 2);
        place(bytes);
    }
    void push(uint32_t value, unsigned size) {
        std::vector<uint8_t> bytes = begun({});
        if ((size == 4) != wide()) bytes.push_back(0x66);
        bytes.push_back(0x68);
        append(bytes, value, size);
        place(bytes);
    }

    static unsigned weight(const PoolEntry& e) {
        const Instruction& i = e.forms[0].sample;
        if (e.row->why.starts_with("privileged") || e.row->why.starts_with("ports")) return 1;
        if (e.row->emit == EmitKind::stop || e.row->emit == EmitKind::step) return 2;
        if (e.row->verdict == Verdict::Simulate) return 12;
        if (i.opcode_map == 0 && (i.opcode & 0xf8) != 0xd8) return 8;
        return 1;
    }

    const PoolEntry& pick_entry() {
        unsigned total = 0;
        for (const auto& e : pool_) total += weight(e);
        unsigned at = r_.below(total);
        for (const auto& e : pool_) {
            if (at < weight(e)) return e;
            at -= weight(e);
        }
        throw std::logic_error("the weights changed");
    }

    uint32_t forward() { return state().eip + 12 + r_.below(24); }

    // A code segment and an offset in it that lead a little further on.
    std::pair<uint16_t, uint32_t> far_target() {
        const uint32_t to = forward();
        if (real()) {
            const uint32_t up = r_.below(4);
            return {static_cast<uint16_t>(state().segment[CS].selector - up), (to + up * 16) & 0xffff};
        }
        return r_.chance(80) ? std::pair<uint16_t, uint32_t>{state().segment[CS].selector, to}
                             : std::pair<uint16_t, uint32_t>{static_cast<uint16_t>(kFirstFree + 8 * r_.below(3) + rpl()), to};
    }

    void prepare(const Instruction& i, std::string_view name, unsigned size) {
        const bool string = name.starts_with("MOVS") || name.starts_with("STOS") || name.starts_with("LODS") ||
                            name.starts_with("SCAS") || name.starts_with("CMPS");
        if (string && (i.rep || i.repne) && r_.chance(90)) load_register(ECX, r_.below(r_.chance(10) ? 300 : 24));
        if (name.starts_with("LOOP") && r_.chance(60)) load_register(ECX, r_.below(4));
        if (name == "RET" && r_.chance(85)) push(forward(), size);
        if (name == "RET_FAR" || name.starts_with("IRET")) {
            const auto [selector, offset] = far_target();
            if (name.starts_with("IRET"))
                push(state().eflags() ^ r_.pick<uint32_t>({0, 0, 0x200, 0x400, 0x8d5, 0x3000, 0x4000}), size);
            push(selector, size);
            push(offset + 12, size);
        }
        if (name.starts_with("POPF"))
            push(state().eflags() ^ r_.pick<uint32_t>({0, 0, 0x200, 0x400, 0x8d5, 0x8d5, 0x3000, 0x4000, 0x40000}), size);
    }

    void load_segment() {
        const uint16_t selector = real() ? real_selector() : r_.chance(5) ? static_cast<uint16_t>(r_.bits()) : data_selector();
        const unsigned size = r_.chance(70) == wide() ? 4 : 2;
        switch (r_.below(3)) {
            case 0: {
                push(selector, size);
                std::vector<uint8_t> pop = begun({});
                if ((size == 4) != wide()) pop.push_back(0x66);
                if (r_.chance(20)) {
                    pop.push_back(0x0f);
                    pop.push_back(r_.pick<uint8_t>({0xa1, 0xa9}));
                } else {
                    pop.push_back(r_.pick<uint8_t>({0x07, 0x1f, 0x1f, 0x17}));
                }
                return place(pop);
            }
            default: {
                const auto reg = static_cast<uint8_t>(r_.pick<int>({0, 1, 2, 3, 5, 6, 7}));
                load_register(reg, selector);
                return place({0x8e, static_cast<uint8_t>(0xc0 | r_.pick<int>({0, 3, 3, 4, 5, 2}) << 3 | reg)});
            }
        }
    }

    void add_random() {
        const PoolEntry& entry = pick_entry();
        const EncodingForm& form = r_.pick(entry.forms);
        const std::string_view name = entry.row->name;
        const bool loads = (name == "MOV_SEGMENT" && form.head.back() == 0x8e) || name == "POP_SEGMENT";
        if (loads && r_.chance(85)) return load_segment();
        const auto bytes = encode(form);
        Instruction i;
        if (bytes.empty() || decode(bytes, wide() ? CodeSize::Bits32 : CodeSize::Bits16, i) != DecodeStatus::Ok) return;
        prepare(i, i.row->name, i.operand_size);
        if (!running()) return;
        rows_.insert(i.row);
        place(aimed(bytes, i));
    }

    std::vector<uint8_t> encode(const EncodingForm& form) {
        std::vector<uint8_t> bytes = begun({});
        if (r_.chance(12)) bytes.push_back(0x67);
        if (r_.chance(25)) bytes.push_back(0x66);
        if (r_.chance(15)) bytes.push_back(r_.pick<uint8_t>({0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65}));
        bytes.insert(bytes.end(), form.head.begin(), form.head.end());
        if (form.has_modrm) bytes.push_back(form.memory ? random_modrm(form) : form.modrm);
        while (bytes.size() < kMaxInstructionLength) bytes.push_back(static_cast<uint8_t>(r_.chance(40) ? r_.below(8) : r_.bits()));
        Instruction i;
        const CodeSize size = wide() ? CodeSize::Bits32 : CodeSize::Bits16;
        if (decode(bytes, size, i) != DecodeStatus::Ok || i.mnemonic == ZYDIS_MNEMONIC_INVALID) return {};
        if (excluded(i.row->name, Judge::Interpreter)) return {};
        bytes.resize(i.length);
        return bytes;
    }

    uint8_t random_modrm(const EncodingForm& form) {
        return static_cast<uint8_t>((form.modrm & 0x38) | r_.below(3) << 6 | r_.below(8));
    }

    // Branches lead a little further on.
    std::vector<uint8_t> aimed(std::vector<uint8_t> bytes, const Instruction& i) {
        if (i.op(0).kind == OperandKind::Relative && r_.chance(90)) {
            const uint32_t distance = r_.below(24);
            for (unsigned n = 0; n < i.immediate_length; ++n)
                bytes[i.immediate_offset + n] = static_cast<uint8_t>(n ? 0 : distance);
        }
        if (i.op(0).kind == OperandKind::FarPointer) {
            const auto [selector, offset] = far_target();
            const unsigned size = i.operand_size;
            memcpy(&bytes[bytes.size() - 2 - size], &offset, size);
            memcpy(&bytes[bytes.size() - 2], &selector, 2);
        }
        return bytes;
    }

    // Back to the start a few times, so that caches are warm and blocks chained; by a counter on the stack's segment.
    void go_round(uint32_t eip) {
        const uint32_t counter = 0x9000 + r_.below(0x100) * 2;
        const uint32_t linear = state().segment[SS].base + counter;
        if (linear >= kRamBytes - 2) return;
        const auto rounds = static_cast<uint16_t>(2 + r_.below(5));
        memcpy(case_.at(linear), &rounds, 2);
        machine_.poke(linear, {reinterpret_cast<const uint8_t*>(&rounds), 2});
        std::vector<uint8_t> subtract = begun({0x36});  // sub word [ss:counter], 1
        if (wide()) subtract.push_back(0x66);
        subtract.push_back(0x83);
        subtract.push_back(wide() ? 0x2d : 0x2e);
        append(subtract, counter, wide() ? 4 : 2);
        subtract.push_back(1);
        place(subtract);
        const unsigned size = wide() ? 4 : 2;
        std::vector<uint8_t> jump = begun({0x0f, 0x85});
        append(jump, eip - (state().eip + 2 + size), size);
        place(jump);
    }

    RandomSource& r_;
    const std::vector<PoolEntry>& pool_;
    SegmentedMachine& machine_;
    Interpreter interpreter_;
    SegmentedCase case_;
    Kind kind_ = Kind::Real;
    std::vector<std::pair<uint32_t, uint32_t>> placed_;
    std::set<const InstructionRow*> rows_;
    std::string listing_;
    uint32_t steps_ = 0;
};

std::unique_ptr<Cpu> translated(SegmentedMachine& m, const char* policy, const Thresholds& thresholds = {},
                                const char* engine = "windows") {
    TranslatorOptions options;
    options.engine_options.cache_bytes = 4 << 20;
    options.engine = engine;
    options.policy = {.name = policy, .thresholds = thresholds};
    return std::make_unique<TranslatedCpu>(m.context(), m.memory(), m.ports(), m.interrupts(), options);
}

class Session {
public:
    explicit Session(const Options& o) : o_(o), pool_(make_instruction_pool(Judge::Interpreter)) {
        if (!o.only.empty())
            std::erase_if(pool_, [&](const PoolEntry& e) { return o.only.find(fmt::format(",{},", e.row->name)) == o.only.npos; });
        translated_.emplace_back("soft", [](SegmentedMachine& m) { return translated(m, "never-direct"); });
        translated_.emplace_back("hot", [](SegmentedMachine& m) { return translated(m, "hot", {.direct_after = 2}); });
        try {
            translated_.emplace_back("segments", [](SegmentedMachine& m) { return translated(m, "innocent", {}, "segments"); });
        } catch (const HostError& e) {
            fmt::print(stderr, "without segments: {}\n", e.what());
        }
    }

    bool run() {
        for (uint64_t i = 0; i < o_.count && failures_ < o_.failures; ++i) run_case(o_.seed + i);
        fmt::print("{} cases from seed {}: {} without an end, {} that overwrite what repeats; {} failures\n", cases_, o_.seed,
                   endless_, rewritten_, failures_);
        for (const auto& [kind, count] : kinds_) fmt::print("    {}: {}\n", kKindNames[static_cast<size_t>(kind)], count);
        fmt::print("    rows of the table drawn: {} of {}\n", rows_.size(), pool_.size());
        const bool enough = failures_ || cases_ < 2000 || rows_.size() * 10 >= pool_.size() * 9;
        if (!enough) fmt::print("not ok: too few rows drawn\n");
        return failures_ == 0 && enough;
    }

private:
    // The interpreter, unless the case has no end, or a repeated string instruction overwrites itself: when it is
    // fetched again is the maker's choice.
    bool judge(const SegmentedCase& c) {
        judge_.load(c);
        Interpreter interpreter(judge_.state(), judge_.memory(), judge_.ports());
        interpreter.stop = &kEachElement;
        const CpuState& cpu = judge_.state();
        for (uint32_t n = 0; n < kMostSteps && cpu.activity == Activity::Running; ++n) {
            const uint32_t eip = cpu.eip, code = cpu.segment[CS].base + eip;
            const auto before = bytes_at(code);
            interpreter.step();
            if (cpu.eip != eip || bytes_at(code) == before) continue;
            ++rewritten_;
            return false;
        }
        if (cpu.activity == Activity::Running) ++endless_;
        return cpu.activity != Activity::Running;
    }

    std::array<uint8_t, kMaxInstructionLength> bytes_at(uint32_t linear) {
        std::array<uint8_t, kMaxInstructionLength> bytes{};
        const auto ram = judge_.ram();
        for (uint32_t i = 0; i < bytes.size(); ++i)
            if (uint64_t{linear} + i < ram.size()) bytes[i] = ram[linear + i];
        return bytes;
    }

    void run_case(uint64_t seed) {
        RandomSource random(seed);
        const auto kind = static_cast<Kind>(random.below(6));
        Growth growth(random, pool_, grown_);
        const SegmentedCase c = growth.grow(kind);
        ++cases_;
        ++kinds_[kind];
        rows_.insert(growth.rows().begin(), growth.rows().end());
        if (!judge(c)) return;
        for (auto& [name, machine] : translated_) {
            machine.load(c);
            machine.run();
            const std::string text = difference(machine, judge_);
            if (text.empty()) continue;
            ++failures_;
            fmt::print("not ok seed {}, {}: by {}\n{}  code:\n{}", seed, kKindNames[static_cast<size_t>(kind)], name, text,
                       growth.listing());
            fflush(stdout);
        }
    }

    Options o_;
    std::vector<PoolEntry> pool_;
    SegmentedMachine grown_, judge_;
    struct Translated {
        Translated(const char* n, const SegmentedMachine::Make& make) : name(n), machine(make) {}
        const char* name;
        SegmentedMachine machine;
    };
    std::list<Translated> translated_;
    uint64_t cases_ = 0, endless_ = 0, rewritten_ = 0;
    unsigned failures_ = 0;
    std::map<Kind, uint64_t> kinds_;
    std::set<const InstructionRow*> rows_;
};

}  // namespace

int main(int argc, char** argv) {
    try {
        return Session(parse(argc, argv)).run() ? 0 : 1;
    } catch (const std::exception& e) {
        fmt::print(stderr, "{}\n", e.what());
        return 2;
    }
}
