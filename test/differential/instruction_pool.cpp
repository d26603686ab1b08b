// Finds the encoding forms by trying prefixes, opcodes and ModRM bytes on the decoder.
#include "test/differential/instruction_pool.h"

#include <algorithm>
#include <map>

#include "test/differential/exclusions.h"
#include "translator/classify/classifier.h"
#include "translator/decode/decoder.h"

namespace ringfold::test {

bool excluded(std::string_view row, Judge judge) {
    const auto names = [row](const Exclusion& e) { return e.mnemonic == row; };
    if (std::any_of(std::begin(kExclusions), std::end(kExclusions), names)) return true;
    return judge == Judge::Host && std::any_of(std::begin(kHostExclusions), std::end(kHostExclusions), names);
}

namespace {

bool is_prefix(uint8_t b) {
    constexpr uint8_t kPrefixes[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3};
    return std::find(std::begin(kPrefixes), std::end(kPrefixes), b) != std::end(kPrefixes);
}

// A repeat prefix that does nothing is left out: on the host some of those mean a later instruction (TZCNT).
bool prefix_counts(const Instruction& i, uint8_t prefix) {
    if (prefix == 0 || prefix == 0x66) return true;
    if (prefix == 0x67) return i.mnemonic == ZYDIS_MNEMONIC_JCXZ;  // else the generator adds it
    return i.mandatory_prefix == prefix || (prefix == 0xf3 ? i.rep : i.repne);
}

class Finder {
public:
    explicit Finder(Judge judge) : judge_(judge) {}
    std::vector<PoolEntry> find() {
        for (const uint8_t prefix : {0x00, 0x66, 0x67, 0xf2, 0xf3})
            for (const unsigned map : {0, 1, 2, 3})
                for (unsigned opcode = 0; opcode < 256; ++opcode) try_opcode(prefix, map, static_cast<uint8_t>(opcode));
        std::vector<PoolEntry> pool;
        for (auto& [name, entry] : entries_) pool.push_back(std::move(entry));
        return pool;
    }

private:
    void try_opcode(uint8_t prefix, unsigned map, uint8_t opcode) {
        if (map == 0 && (is_prefix(opcode) || opcode == 0x0f)) return;
        if (map == 1 && (opcode == 0x38 || opcode == 0x3a)) return;  // maps of their own
        const bool prefetchw = map == 1 && opcode == 0x0d;  // with a register: a NOP on Intel, undefined on AMD
        EncodingForm form;
        if (prefix) form.head.push_back(prefix);
        if (map) form.head.push_back(0x0f);
        if (map == 2) form.head.push_back(0x38);
        if (map == 3) form.head.push_back(0x3a);
        form.head.push_back(opcode);
        for (unsigned modrm = 0; modrm < 256; ++modrm) {
            form.modrm = static_cast<uint8_t>(modrm);
            if (modrm >= 0xc0 && prefetchw) continue;
            if (modrm < 0xc0 && (modrm & 0xc7) != 1) continue;  // [ecx] stands for all memory operands
            if (!try_form(form, prefix)) return;
        }
    }
    // False if the opcode has no ModRM byte, so that one try is enough.
    bool try_form(EncodingForm& form, uint8_t prefix) {
        std::vector<uint8_t> bytes = form.head;
        bytes.push_back(form.modrm);
        bytes.resize(kMaxInstructionLength, 0x01);
        Instruction& i = form.sample;
        const bool ok = decode(bytes, CodeSize::Bits32, i) == DecodeStatus::Ok && i.mnemonic != ZYDIS_MNEMONIC_INVALID;
        form.has_modrm = i.has_modrm;
        form.memory = i.has_memory && i.has_modrm && form.modrm < 0xc0;
        if (i.has_modrm && form.modrm < 0xc0 && !form.memory) return true;  // MOV CR takes any mod for a register
        if (ok && !excluded(i.row->name, judge_) && prefix_counts(i, prefix)) {
            auto& entry = entries_[std::string(i.row->name)];
            entry.row = i.row;
            entry.forms.push_back(form);
        }
        return !ok || i.has_modrm;
    }

    Judge judge_;
    std::map<std::string, PoolEntry> entries_;
};

}  // namespace

std::vector<PoolEntry> make_instruction_pool(Judge judge) {
    return Finder(judge).find();
}

std::vector<std::string> rows_without_forms(const std::vector<PoolEntry>& pool, Judge judge) {
    std::vector<std::string> missing;
    for (const InstructionRow& row : all_rows()) {
        const bool drawn = std::any_of(pool.begin(), pool.end(), [&](const PoolEntry& e) { return e.row == &row; });
        if (!drawn && !excluded(row.name, judge)) missing.emplace_back(row.name);
    }
    return missing;
}

}  // namespace ringfold::test
