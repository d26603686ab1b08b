// Fills in encoding forms: registers, aimed memory operands, immediates and prefixes, and the little that makes an
// instruction meaningful (a pointer in esi before MOVS, an address on the stack before RET).
#include "test/differential/block_generator.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include <fmt/ranges.h>

#include "test/differential/random_state.h"
#include "test/support/test_layout.h"
#include "translator/classify/classifier.h"
#include "translator/decode/decoder.h"

namespace ringfold::test {

namespace {

constexpr unsigned kMaxInstructions = 16, kLongBlock = 120;
constexpr uint8_t kNoBase = 8;

void append32(std::vector<uint8_t>& bytes, uint32_t value, unsigned size = 4) {
    for (unsigned i = 0; i < size; ++i) bytes.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

bool is_string(const Instruction& i) {
    switch (i.opcode_map == 0 ? i.opcode : 0) {
        case 0xa4:
        case 0xa5:
        case 0xa6:
        case 0xa7:
        case 0xaa:
        case 0xab:
        case 0xac:
        case 0xad:
        case 0xae:
        case 0xaf:
            return true;
        default:
            return false;
    }
}

// How often the rows are drawn: the translator's own sequences more than what it copies, and rarely what ends a block
// in user mode by #GP.
unsigned weight(const PoolEntry& e) {
    const Instruction& i = e.forms[0].sample;
    if (e.row->why.starts_with("privileged") || e.row->why.starts_with("ports")) return 1;
    if (e.row->verdict == Verdict::Simulate) return 4;
    if (i.opcode_map == 0 && (i.opcode & 0xf8) != 0xd8) return 6;
    return 1;
}

}  // namespace

// One block while it grows.
class BlockGenerator::Growth {
public:
    Growth(BlockGenerator& g, RandomSource& r) : g_(g), r_(r), pool_(g.pool_), state_(g.machine_.state()) {
        block_.start = random_state(r_);
        block_.start.supervisor = g_.supervisor_;
        if (g_.supervisor_) block_.start.eflags ^= r_.pick<uint32_t>({0, 0, 0x200, 0x3000});
        g_.machine_.load(block_.start);
    }

    RandomBlock grow() {
        const unsigned count = 1 + r_.below(r_.chance(30) ? 4 : r_.chance(8) ? kLongBlock : kMaxInstructions);
        while (block_.instructions.size() < count && running()) add_random();
        if (r_.chance(40)) go_round();
        return std::move(block_);
    }

private:
    // Ends with a jump to the start, some times: the second round meets warm caches and chained blocks.
    void go_round() {
        const uint32_t counter = kStackPage + 0xff0;
        const uint32_t rounds = 2 + r_.below(4);
        memcpy(block_.start.byte(counter), &rounds, 4);
        g_.machine_.poke(counter, {reinterpret_cast<const uint8_t*>(&rounds), 4});
        std::vector<uint8_t> subtract = {0x83, 0x2d};  // sub dword [counter], 1
        append32(subtract, counter);
        subtract.push_back(1);
        place(subtract);
        std::vector<uint8_t> jump = {0x0f, 0x85};  // jnz
        append32(jump, block_.start.eip - (state_.eip + 6));
        place(jump);
    }

    // Execution goes on in code space not yet written.
    bool running() const {
        return state_.activity == Activity::Running && state_.eip >= kCodePage && state_.eip < kCodeEnd - 64 &&
               unwritten(state_.eip, kMaxInstructionLength);
    }

    bool unwritten(uint32_t eip, uint32_t length) const {
        return std::none_of(block_.instructions.begin(), block_.instructions.end(), [&](const PlacedInstruction& i) {
            return i.eip < eip + length && eip < i.eip + i.bytes.size();
        });
    }

    // Places the bytes at EIP and runs them. A REP instruction may need several steps.
    void place(const std::vector<uint8_t>& bytes) {
        if (!running()) return;
        const uint32_t eip = state_.eip;
        for (size_t n = 0; n < bytes.size(); ++n) *block_.start.byte(eip + static_cast<uint32_t>(n)) = bytes[n];
        g_.machine_.poke(eip, bytes);
        block_.instructions.push_back({eip, bytes});
        g_.interpreter_.step();
    }

    void load_register(uint8_t reg, uint32_t value) {
        std::vector<uint8_t> bytes = {static_cast<uint8_t>(0xb8 + reg)};
        append32(bytes, value);
        place(bytes);
    }

    void push(uint32_t value) {
        std::vector<uint8_t> bytes = {0x68};
        append32(bytes, value);
        place(bytes);
    }

    void store(uint32_t address, uint32_t value) {
        std::vector<uint8_t> bytes = {0xc7, 0x05};
        append32(bytes, address);
        append32(bytes, value);
        place(bytes);
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

    void add_random() {
        const PoolEntry& entry = pick_entry();
        const EncodingForm& form = r_.pick(entry.forms);
        const std::string_view name = entry.row->name;
        const bool segment = (name == "MOV_SEGMENT" && form.head.back() == 0x8e) || name == "POP_SEGMENT";
        if (segment && (g_.judge_ == Judge::Host || r_.chance(80))) return load_segment();
        if (g_.judge_ == Judge::Interpreter && r_.chance(85) && add_system(form, name)) return;
        prepare(form.sample, name);
        if (!running()) return;
        if (is_indirect_branch(form, name)) return add_indirect(form, name);
        place(encode(form));
    }

    uint32_t random_selector() {
        if (g_.judge_ == Judge::Host) return r_.pick<uint32_t>({kUserData, kUserData, kUserData, kUserCode, 0});
        // Those of GuestMachine's GDT, with any RPL.
        const uint32_t usual = state_.cpl == 3 ? kUserData : 0x18;
        return r_.chance(50)  ? usual
               : r_.chance(5) ? random_dword(r_) & 0xffff
                              : r_.below(17) * 8 + r_.pick<uint32_t>({0, 3, r_.below(4)});
    }

    // System instructions with operands that let them succeed. False for those that need none.
    bool add_system(const EncodingForm& form, std::string_view name) {
        const uint8_t opcode = form.head.back();
        if (name == "MOV_CONTROL" && opcode == 0x22) return add_control(form);
        if (name == "MOV_DEBUG" && opcode == 0x23) return add_debug(form);
        if (name == "RET_FAR" || name.starts_with("IRET")) return add_far_return(form, name);
        if ((name == "JMP_FAR" || name == "CALL_FAR") && !form.memory) return add_far_jump(form);
        if (name.starts_with("POPF"))
            push(state_.eflags() ^ (r_.chance(10) ? 0x100
                                                  : r_.pick<uint32_t>({0, 0x200, 0x400, 0x3000, 0x8d5, 0x4000, 0x40000,
                                                                       0x200000, 0x10000})));
        if (name == "WRMSR" || name == "RDMSR")
            load_register(ECX, r_.pick<uint32_t>({0x174, 0x175, 0x176, 0x1a0, 0x277, 0xc0000080, 0xfe, 0x20f, 0x26f, 0x2ff}));
        if (name == "LLDT" || name == "LTR" || name == "LAR" || name == "LSL" || name == "VERR" || name == "VERW")
            if (!form.memory) load_register(form.modrm & 7, random_selector());
        return false;
    }

    bool add_control(const EncodingForm& form) {
        const unsigned n = form.modrm >> 3 & 7;
        uint32_t value = n == 0 ? state_.cr0 : n == 2 ? random_data_address(r_) : n == 3 ? state_.cr3 : state_.cr4;
        if (n == 0) value ^= 1u << r_.pick<unsigned>({1, 2, 3, 3, 3, 5, 16, 18, 29, 30});
        if (n == 4) value ^= 1u << r_.pick<unsigned>({2, 3, 4, 7, 9, 10});
        load_register(form.modrm & 7, value);
        place(encode(form));
        return true;
    }

    bool add_debug(const EncodingForm& form) {
        const unsigned n = form.modrm >> 3 & 7;
        uint32_t value = n < 4 ? (r_.chance(50) ? random_data_address(r_) : state_.eip + r_.below(48)) : 0x400;
        if (n == 7 && r_.chance(40)) value |= 1u << r_.below(8) | static_cast<uint32_t>(r_.bits()) << 16;
        load_register(form.modrm & 7, value);
        place(encode(form));
        return true;
    }

    uint32_t random_code_selector() {
        const uint32_t current = state_.segment[CS].selector;
        return r_.chance(75) ? current : r_.pick<uint32_t>({0x08, 0x23, 0x73, 0x70, 0x5b, 0x40, 0x2b, 0});
    }

    bool add_far_return(const EncodingForm& form, std::string_view name) {
        const uint32_t code = random_code_selector(), target = forward_target() + 32;
        if ((code & 3) > state_.cpl) {  // outwards: SS and ESP too
            push(r_.chance(80) ? kUserData : random_selector());
            push(kStackStart);
        }
        if (name.starts_with("IRET")) push(state_.eflags() ^ r_.pick<uint32_t>({0, 0, 0x200, 0x400, 0x3000, 0x4000}));
        push(code);
        push(target);
        place(encode(form));
        return true;
    }

    bool add_far_jump(const EncodingForm& form) {
        std::vector<uint8_t> bytes = form.head;
        const bool narrow = form.head.size() > 1;
        append32(bytes, forward_target(), narrow ? 2 : 4);
        append32(bytes, random_code_selector(), 2);
        place(bytes);
        return true;
    }

    // The selectors that mean the same under the host's GDT: user data, user code, null.
    void load_segment() {
        push(random_selector());
        const uint8_t pop = r_.pick<uint8_t>({0x07, 0x17, 0x1f});
        place(r_.chance(30) ? std::vector<uint8_t>{0x0f, r_.pick<uint8_t>({0xa1, 0xa9})} : std::vector<uint8_t>{pop});
    }

    void prepare(const Instruction& i, std::string_view name) {
        const bool stack_in_place = state_.gpr[ESP] - kStackPage - 64 < 4096 - 128;
        if (!stack_in_place && r_.chance(50)) load_register(ESP, kStackPage + 0x100 + (r_.below(0xe00) & ~3u));
        if (is_string(i)) {
            if (r_.chance(80)) load_register(ESI, random_data_address(r_));
            if (r_.chance(80)) load_register(EDI, random_data_address(r_));
            if ((i.rep || i.repne) && r_.chance(80)) load_register(ECX, r_.below(40));
        }
        if (name == "XLAT" && r_.chance(80)) load_register(EBX, random_data_address(r_));
        if (name.starts_with("MASKMOV") && r_.chance(80)) load_register(EDI, random_data_address(r_));
        if (name == "LEAVE" && r_.chance(80)) load_register(EBP, kStackPage + (r_.below(0xff0) & ~3u));
        if (name.starts_with("LOOP") && r_.chance(60)) load_register(ECX, r_.below(4));
        if (name == "RET" && r_.chance(calls_open_ ? 30 : 85)) push(forward_target());
        if (name == "CALL") ++calls_open_;
        if (name == "RET" && calls_open_) --calls_open_;
    }

    uint32_t forward_target() { return state_.eip + 24 + r_.below(24); }

    static bool is_indirect_branch(const EncodingForm& form, std::string_view name) {
        return form.head.back() == 0xff && (name == "JMP" || name == "CALL");
    }

    void add_indirect(const EncodingForm& form, std::string_view) {
        if (r_.chance(15)) return place(encode(form));
        const uint32_t target = forward_target();
        if (!form.memory) {
            load_register(form.modrm & 7, target);
            return place(encode(form));
        }
        const uint32_t address = kStackPage + (r_.below(0xff0) & ~3u);
        store(address, target);
        if (!running()) return;
        std::vector<uint8_t> bytes = form.head;
        add_memory(bytes, form, address);
        place(bytes);
    }

    // --- encoding ------------------------------------------------------------------------------------------------

    std::vector<uint8_t> encode(const EncodingForm& form) {
        std::vector<uint8_t> bytes;
        const Instruction& i = form.sample;
        const bool may_shorten = form.memory || is_string(i) || (r_.chance(10) && i.mnemonic != ZYDIS_MNEMONIC_JECXZ);
        const bool short_address = r_.chance(is_string(i) ? 8 : 5) && may_shorten;
        if (short_address) bytes.push_back(0x67);
        if ((form.memory || is_string(i)) && r_.chance(8))
            bytes.push_back(r_.pick<uint8_t>({0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65}));
        bytes.insert(bytes.end(), form.head.begin(), form.head.end());
        if (form.has_modrm && !form.memory) bytes.push_back(form.modrm);
        if (form.memory && short_address)
            add_short_memory(bytes, form);
        else if (form.memory)
            add_memory(bytes, form, target_of(form));
        finish(bytes, form);
        return bytes;
    }

    uint32_t target_of(const EncodingForm& form) {
        uint32_t address = random_data_address(r_);
        if (form.sample.memory.size >= 16 && r_.chance(85)) address &= ~15u;
        if (r_.chance(2)) address = state_.eip + r_.below(64);  // code that changes itself
        if (form.sample.row->name.ends_with("_STRING") && r_.chance(80)) address -= bit_string_bytes(form);
        return address;
    }

    // By how much BT and its like move their operand.
    uint32_t bit_string_bytes(const EncodingForm& form) const {
        const uint32_t offset = state_.gpr[form.modrm >> 3 & 7];
        if (form.sample.operand_size == 2) return static_cast<uint32_t>(static_cast<int16_t>(offset) >> 4) * 2;
        return static_cast<uint32_t>(static_cast<int32_t>(offset) >> 5) * 4;
    }

    void add_memory(std::vector<uint8_t>& bytes, const EncodingForm& form, uint32_t target) {
        const uint8_t reg = form.modrm & 0x38;
        const unsigned shape = r_.below(20);
        if (shape == 0) {  // [disp32]
            bytes.push_back(reg | 5);
            return append32(bytes, target);
        }
        const bool sib = shape < 9;
        const uint8_t base = static_cast<uint8_t>(r_.below(sib ? 9 : 8));
        if (!sib && base != ESP) {
            const uint32_t displacement = target - state_.gpr[base];
            return add_modrm(bytes, reg, base, displacement);
        }
        uint8_t index = static_cast<uint8_t>(r_.below(8));
        if (!sib) index = ESP;
        const uint8_t scale = static_cast<uint8_t>(r_.below(4));
        const uint32_t indexed = index == ESP ? 0 : state_.gpr[index] << scale;
        const uint8_t low = static_cast<uint8_t>(scale << 6 | index << 3);
        if (base == kNoBase) {
            bytes.push_back(reg | 4);
            bytes.push_back(low | 5);
            return append32(bytes, target - indexed);
        }
        add_modrm(bytes, reg, 4, target - indexed - state_.gpr[base], low | base);
    }

    // With the exact displacement mostly; sometimes a byte or none, wherever that leads.
    void add_modrm(std::vector<uint8_t>& bytes, uint8_t reg, uint8_t rm, uint32_t displacement, int sib = -1) {
        const auto as_byte = static_cast<uint32_t>(static_cast<int8_t>(displacement));
        const bool base_ebp = (sib < 0 ? rm : sib & 7) == EBP;
        unsigned mode = as_byte == displacement || r_.chance(6) ? 1 : 2;
        if (!base_ebp && (displacement == 0 || r_.chance(6))) mode = 0;
        bytes.push_back(static_cast<uint8_t>(mode << 6 | reg | rm));
        if (sib >= 0) bytes.push_back(static_cast<uint8_t>(sib));
        if (mode == 1) bytes.push_back(static_cast<uint8_t>(displacement));
        if (mode == 2) append32(bytes, displacement);
    }

    void add_short_memory(std::vector<uint8_t>& bytes, const EncodingForm& form) {
        static constexpr uint8_t kFirst[] = {EBX, EBX, EBP, EBP, ESI, EDI, EBP, EBX};
        static constexpr uint8_t kSecond[] = {ESI, EDI, ESI, EDI};
        const uint8_t rm = static_cast<uint8_t>(r_.below(8));
        const uint32_t target = r_.chance(50) ? 0x4000 + r_.below(0x1ff0) : kStackPage + r_.below(0xff0);
        uint32_t sum = state_.gpr[kFirst[rm]];
        if (rm < 4) sum += state_.gpr[kSecond[rm]];
        bytes.push_back(static_cast<uint8_t>(0x80 | (form.modrm & 0x38) | rm));
        append32(bytes, target - sum, 2);
    }

    // Immediates, branch displacements and LOCK. The decoder says how long the whole is.
    void finish(std::vector<uint8_t>& bytes, const EncodingForm& form) {
        const size_t fixed = bytes.size();
        for (size_t n = fixed; n < kMaxInstructionLength; ++n) bytes.push_back(static_cast<uint8_t>(r_.bits()));
        Instruction i;
        if (decode(bytes, CodeSize::Bits32, i) != DecodeStatus::Ok || i.row != form.sample.row || i.length < fixed) {
            throw std::logic_error(
                fmt::format("an encoding of {} came out as another instruction: {:02x}", form.sample.row->name, fmt::join(bytes, " ")));
        }
        bytes.resize(i.length);
        if (i.immediate_length && i.op(0).kind == OperandKind::Relative) {
            // Behind a call, room for what the return leads to.
            const uint32_t least = form.sample.opcode == 0xe8 ? 15 + r_.below(60) : 0;
            const uint32_t distance = r_.chance(5) ? 0u - r_.below(64) : least + r_.below(24);
            // A 16-bit operand size truncates EIP; that too stays inside the code pages.
            memcpy(&bytes[i.immediate_offset], &distance, i.immediate_length);
        } else if (i.immediate_length && r_.chance(40)) {
            const uint32_t value = random_dword(r_);
            memcpy(&bytes[i.immediate_offset], &value, std::min<size_t>(i.immediate_length, 4));
        }
        if (form.memory && i.writes_memory() && r_.chance(5) && bytes.size() < kMaxInstructionLength)
            try_lock(bytes, form);
    }

    void try_lock(std::vector<uint8_t>& bytes, const EncodingForm& form) {
        std::vector<uint8_t> locked = bytes;
        locked.insert(locked.begin(), 0xf0);
        Instruction i;
        if (decode(locked, CodeSize::Bits32, i) == DecodeStatus::Ok && i.row == form.sample.row) bytes = locked;
    }

    BlockGenerator& g_;
    RandomSource& r_;
    const std::vector<PoolEntry>& pool_;
    CpuState& state_;
    RandomBlock block_;
    unsigned calls_open_ = 0;
};

BlockGenerator::BlockGenerator(Judge judge, bool supervisor, const std::vector<std::string>& only)
    : judge_(judge), supervisor_(supervisor), pool_(make_instruction_pool(judge)) {
    if (only.empty()) return;
    std::erase_if(pool_,
                  [&](const PoolEntry& e) { return std::find(only.begin(), only.end(), e.row->name) == only.end(); });
    if (pool_.empty()) throw std::runtime_error("no row of the table has such a name");
}

RandomBlock BlockGenerator::generate(RandomSource& r) {
    return Growth(*this, r).grow();
}

}  // namespace ringfold::test
