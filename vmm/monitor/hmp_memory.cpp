// "x", "xp" and "print": memory and numbers in QEMU's formats.
#include <algorithm>

#include <capstone/capstone.h>
#include <fmt/format.h>

#include "vmm/base/result.h"
#include "vmm/monitor/hmp.h"

namespace ringfold {

namespace {

constexpr int64_t kMostUnits = 1 << 16;  // a user who asks for more gets what a page of paper could hold
constexpr unsigned kLine = 16, kLongestInstruction = 15;

struct Format {
    int64_t count = 1;
    char kind = 'x';
    unsigned size = 4;
};

// What was left out is as last time, as in QEMU.
Format parse_format(const std::string& text) {
    static Format last;  // of the process, as there is one user at a time
    Format f{.count = 1, .kind = last.kind, .size = last.size};
    size_t at = 0;
    int64_t count = 0;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9' && count <= kMostUnits)
        count = count * 10 + (text[at++] - '0');
    if (at) f.count = count;
    for (; at < text.size(); ++at) {
        switch (text[at]) {
            case 'b':
                f.size = 1;
                break;
            case 'h':
                f.size = 2;
                break;
            case 'w':
                f.size = 4;
                break;
            case 'g':
                f.size = 8;
                break;
            case 'o':
            case 'd':
            case 'u':
            case 'x':
            case 'i':
            case 'c':
                f.kind = text[at];
                break;
            default:
                throw HostError(fmt::format("invalid char in format: '{}'", text[at]));
        }
    }
    if (f.count > kMostUnits) throw HostError(fmt::format("at most {} units at a time", kMostUnits));
    last = f;
    return f;
}

std::string character(uint8_t c) {
    switch (c) {
        case '\'':
            return "'\\''";
        case '\\':
            return "'\\\\'";
        case '\n':
            return "'\\n'";
        case '\r':
            return "'\\r'";
    }
    return c >= 32 && c <= 126 ? fmt::format("'{}'", static_cast<char>(c)) : fmt::format("'\\x{:02x}'", c);
}

std::string shown(uint64_t value, const Format& f) {
    const unsigned bits = 8 * f.size;
    const unsigned shift = 64 - bits, decimals = (bits * 10 + 32) / 33;
    switch (f.kind) {
        case 'o':
            return fmt::format("{:#{}o}", value, (bits + 2) / 3);
        case 'd':
            return fmt::format("{:{}}", static_cast<int64_t>(value << shift) >> shift, decimals);
        case 'u':
            return fmt::format("{:{}}", value, decimals);
        case 'c':
            return character(static_cast<uint8_t>(value));
        default:
            return fmt::format("0x{:0{}x}", value, 2 * f.size);
    }
}

class Dumper {
public:
    Dumper(Machine& machine, bool physical) : machine_(machine), physical_(physical) {}

    bool read(uint64_t at, std::span<uint8_t> to) const {
        if (!physical_) return machine_.memory().debug_read(GuestVirt(static_cast<uint32_t>(at)), to);
        // As QEMU's, it reads a device's registers as the guest would.
        return machine_.read_physical(GuestPhys(at), to);
    }
    std::string label(uint64_t at) const {
        return physical_ ? fmt::format("{:016x}", at) : fmt::format("{:08x}", static_cast<uint32_t>(at));
    }

    std::string data(uint64_t at, Format f) const {
        std::string text;
        const auto bytes = static_cast<uint64_t>(f.count) * f.size;
        if (f.kind == 'c') f.size = 1;
        const uint64_t per_line = f.size == 1 ? kLine / 2 : kLine;
        for (uint64_t done = 0; done < bytes;) {
            std::array<uint8_t, kLine> line;
            const auto here = std::span(line).first(std::min<uint64_t>(per_line, bytes - done));
            text += label(at + done) + ":";
            if (!read(at + done, here)) return text + " Cannot access memory\n";
            for (size_t i = 0; i < here.size(); i += f.size) {
                uint64_t value = 0;
                for (size_t k = f.size; k-- > 0;) value = value << 8 | here[i + k];
                text += " " + shown(value, f);
            }
            text += "\n";
            done += here.size();
        }
        return text;
    }

    std::string code(uint64_t at, int64_t count) const {
        const SegmentRegister& cs = machine_.state().segment[CS];
        const bool wide = machine_.state().protected_mode() && !machine_.state().v86() && cs.big();
        csh handle;
        if (cs_open(CS_ARCH_X86, wide ? CS_MODE_32 : CS_MODE_16, &handle) != CS_ERR_OK) return "no disassembler\n";
        cs_option(handle, CS_OPT_SYNTAX, CS_OPT_SYNTAX_ATT);
        std::string text;
        while (count-- > 0) {
            std::array<uint8_t, kLongestInstruction> bytes{};
            size_t have = bytes.size();
            while (have && !read(at, std::span(bytes).first(have))) --have;
            if (!have) {
                text += fmt::format("{:#010x}:  Cannot access memory\n", at);
                break;
            }
            cs_insn* i = nullptr;
            const bool known = cs_disasm(handle, bytes.data(), have, at, 1, &i) == 1;
            const size_t size = known ? i->size : 1;
            std::string hex;
            for (size_t k = 0; k < size; ++k) hex += fmt::format("{:02x} ", bytes[k]);
            text += known ? fmt::format("{:#010x}:  {:<24} {:<8} {}\n", at, hex, i->mnemonic, i->op_str)
                          : fmt::format("{:#010x}:  {:<24} .byte    0x{:02x}\n", at, hex, bytes[0]);
            if (i) cs_free(i, 1);
            at += size;
        }
        cs_close(&handle);
        return text;
    }

private:
    Machine& machine_;
    bool physical_;
};

std::string dump(Machine& machine, Hmp::Arguments& a, bool physical) {
    const Format f = parse_format(a.format());
    const auto at = static_cast<uint64_t>(a.number());
    const Dumper dumper(machine, physical);
    const uint64_t start = physical ? at : static_cast<uint32_t>(at);
    return f.kind == 'i' ? dumper.code(start, f.count) : dumper.data(start, f);
}

}  // namespace

std::string Hmp::x(Arguments& a) {
    return dump(control_.machine(), a, false);
}
std::string Hmp::xp(Arguments& a) {
    return dump(control_.machine(), a, true);
}

std::string Hmp::print(Arguments& a) {
    const Format f = parse_format(a.format());
    const int64_t value = a.number();
    switch (f.kind) {
        case 'x':
            return fmt::format("{:#x}\n", static_cast<uint64_t>(value));
        case 'o':
            return fmt::format("{:#o}\n", static_cast<uint64_t>(value));
        case 'u':
            return fmt::format("{}\n", static_cast<uint64_t>(value));
        case 'c':
            return character(static_cast<uint8_t>(value)) + "\n";
        default:
            return fmt::format("{}\n", value);
    }
}

}  // namespace ringfold
