// "info mem" and "info tlb": the guest's page tables as they stand, whatever has been cached of them.
#include <functional>

#include <fmt/format.h>

#include "vmm/monitor/hmp.h"

namespace ringfold {

namespace {

constexpr uint64_t kPresent = 1, kWrite = 2, kUser = 4, kLarge = 0x80, kNoExecute = uint64_t{1} << 63;
constexpr size_t kMostText = 4 << 20;  // a guest's tables can have a million entries
constexpr const char* kCut = "... (and more)\n";

class Tables {
public:
    // `rights`: of all levels together; `size` of the page.
    using Page = std::function<bool(uint64_t linear, uint64_t size, uint64_t entry, uint64_t rights)>;

    explicit Tables(Machine& machine) : machine_(machine) {}

    // Until `page` says false.
    void each(const Page& page) const {
        const CpuState& s = machine_.state();
        if (s.cr4 & cr4::PAE) {
            for (unsigned n = 0; n < 4; ++n) {
                const uint64_t top = entry(s.cr3 & 0xffffffe0, n, 8);
                if (top & kPresent && !directory(top & kFrame, 512, uint64_t{n} << 30, 21, 8, page)) return;
            }
            return;
        }
        directory(s.cr3 & 0xfffff000, 1024, 0, 22, 4, page);
    }

private:
    static constexpr uint64_t kFrame = 0x000f'ffff'ffff'f000;

    uint64_t entry(uint64_t table, unsigned n, unsigned size) const {
        uint64_t value = 0;
        machine_.memory().dma_read(GuestPhys(table + uint64_t{n} * size), {reinterpret_cast<uint8_t*>(&value), size});
        return value;
    }
    bool directory(uint64_t table, unsigned entries, uint64_t linear, unsigned shift, unsigned size,
                   const Page& page) const {
        const bool large_allowed = size == 8 || machine_.state().cr4 & cr4::PSE;
        for (unsigned n = 0; n < entries; ++n) {
            const uint64_t e = entry(table, n, size), at = linear + (uint64_t{n} << shift);
            if (!(e & kPresent)) continue;
            if (e & kLarge && large_allowed) {
                if (!page(at, uint64_t{1} << shift, e, e)) return false;
                continue;
            }
            for (unsigned k = 0; k < entries; ++k) {
                const uint64_t leaf = entry(e & kFrame, k, size);
                if (leaf & kPresent && !page(at + (uint64_t{k} << 12), kPageSize, leaf & ~kLarge, leaf & e))
                    return false;
            }
        }
        return true;
    }

    Machine& machine_;
};

}  // namespace

std::string Hmp::info_tlb(Arguments&) {
    if (!control_.machine().state().paging()) return "PG disabled\n";
    std::string text;
    Tables(control_.machine()).each([&](uint64_t linear, uint64_t size, uint64_t e, uint64_t) {
        const auto letter = [e](unsigned bit, char c) { return e >> bit & 1 ? c : '-'; };
        text += fmt::format("{:016x}: {:016x} {}{}{}{}{}{}{}{}{}\n", linear,
                            e & ~kNoExecute & ~(size - 1) & ~uint64_t{0xfff}, e & kNoExecute ? 'X' : '-',
                            letter(8, 'G'), letter(7, 'P'), letter(6, 'D'), letter(5, 'A'), letter(4, 'C'),
                            letter(3, 'T'), letter(2, 'U'), letter(1, 'W'));
        if (text.size() < kMostText) return true;
        text += kCut;
        return false;
    });
    return text;
}

std::string Hmp::info_mem(Arguments&) {
    if (!control_.machine().state().paging()) return "PG disabled\n";
    std::string text;
    uint64_t begin = 0, end = 0, rights = 0;
    const auto tell = [&] {
        if (end > begin)
            text += fmt::format("{:016x}-{:016x} {:016x} {}r{}\n", begin, end, end - begin, rights & kUser ? 'u' : '-',
                                rights & kWrite ? 'w' : '-');
    };
    Tables(control_.machine()).each([&](uint64_t linear, uint64_t size, uint64_t, uint64_t all) {
        all &= kUser | kWrite;
        if (linear != end || all != rights) {
            tell();
            begin = linear;
            rights = all;
        }
        end = linear + size;
        return text.size() < kMostText;
    });
    tell();
    return text.size() < kMostText ? text : text + kCut;
}

}  // namespace ringfold
