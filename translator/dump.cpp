// Listings by Capstone, from the structures that the translator really used.
#include "translator/dump.h"

#include <capstone/capstone.h>
#include <fmt/format.h>

#include "translator/classify/classifier.h"
#include "vmm/base/log.h"

namespace ringfold {

namespace {

class Disassembler {
public:
    explicit Disassembler(cs_mode mode) { open_ = cs_open(CS_ARCH_X86, mode, &handle_) == CS_ERR_OK; }
    ~Disassembler() {
        if (open_) cs_close(&handle_);
    }
    Disassembler(const Disassembler&) = delete;
    Disassembler& operator=(const Disassembler&) = delete;

    // Calls line(address, text) for each instruction; bytes that do not decode become "(bad)" and end it.
    template <class Line>
    void list(std::span<const uint8_t> code, uint64_t address, Line line) const {
        if (!open_) return;
        cs_insn* found = nullptr;
        const size_t count = cs_disasm(handle_, code.data(), code.size(), address, 0, &found);
        for (size_t n = 0; n < count; ++n) line(found[n].address, fmt::format("{} {}", found[n].mnemonic, found[n].op_str));
        if (count) cs_free(found, count);
        if (count == 0 && !code.empty()) line(address, std::string("(bad)"));
    }

private:
    csh handle_ = 0;
    bool open_ = false;
};

const Disassembler& guest_disassembler(CodeSize size) {
    static const Disassembler d16(CS_MODE_16), d32(CS_MODE_32);
    return size == CodeSize::Bits16 ? d16 : d32;
}

const Disassembler& host_disassembler(unsigned bits) {
    static const Disassembler d(CS_MODE_64);
    return bits == 64 ? d : guest_disassembler(CodeSize::Bits32);
}

std::string guest_text(const Instruction& i, GuestVirt eip, CodeSize size) {
    std::string text = "(bad)";
    guest_disassembler(size).list({i.bytes.data(), i.length}, eip.value, [&](uint64_t, std::string s) { text = std::move(s); });
    return text;
}

}  // namespace

void dump_block(const Block& block, GuestVirt eip, std::span<const Instruction> instructions, std::span<const uint8_t> code, unsigned code_bits) {
    std::string out = fmt::format("---- block {:08x} (physical {:x}) {} {}, {} bytes to {}\n", eip.value, block.key.code.value,
                                  block.key.mode.user ? "user" : "supervisor", block.key.mode.direct ? "direct" : "soft",
                                  block.guest_length, block.host_length);
    for (size_t n = 0; n < block.spots.size(); ++n) {
        const Instruction& i = instructions[n];
        out += fmt::format("{:08x}  {:<34} {:<8} ({})\n", eip.value, guest_text(i, eip, block.key.mode.code_size()),
                           i.row->verdict == Verdict::Ident ? "IDENT" : "SIMULATE", i.row->why);
        eip += i.length;
        if (!log::enabled(log::OutAsm)) continue;
        const uint32_t begin = block.spots[n].host;
        const uint32_t end = n + 1 < block.spots.size() ? block.spots[n + 1].host : block.host_length;
        host_disassembler(code_bits).list(code.subspan(begin, end - begin), reinterpret_cast<uint64_t>(block.host) + begin,
                                 [&](uint64_t at, const std::string& s) { out += fmt::format("    {:x}  {}\n", at, s); });
    }
    log::write(out);
}

}  // namespace ringfold
