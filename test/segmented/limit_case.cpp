// The program's own loads, and memory in which each place can be told from the others.
#include "test/segmented/limit_case.h"

#include <stdexcept>

#include <sys/mman.h>

#include "test/support/test_layout.h"

namespace ringfold::test {

namespace {
constexpr uint32_t kOperands = 0x3f00;  // what the loads read
constexpr uint8_t kHlt = 0xf4;

// Whether vm.mmap_min_addr lets the judge have page 0, with which an access astride 4 GiB succeeds.
bool page_zero_allowed() {
    static const bool allowed = [] {
        void* const page = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        if (page == MAP_FAILED) return false;
        munmap(page, 4096);
        return true;
    }();
    return allowed;
}
}  // namespace

LimitCase::LimitCase(uint64_t number) : body_(0x1200 + static_cast<uint32_t>(number % 100) * 0x30) {
    case_.pages = standard_pages();
    case_.pages.push_back({0xfffff000, true, {}});
    if (page_zero_allowed()) case_.pages.push_back({0, true, {}});
    for (PageImage& page : case_.pages) {
        const bool code = page.address == kCodePage || page.address == 0x2000 || page.address == 0x3000;
        for (uint32_t i = 0; i < page.bytes.size(); ++i)
            page.bytes[i] = code ? kHlt : static_cast<uint8_t>(i * 7 + (i >> 8) * 3 + (page.address >> 12) * 5);
    }
    case_.gpr = {0xaaaa0001, 5, 0xdddd0002, 0xbbbb0003, kStackStart, 0x5555b000, 0x51515151, 0xd1d1d1d1};
    case_.eflags = kStartFlags;
    case_.eip = kCodePage;
}

uint16_t LimitCase::add(uint32_t base, uint32_t limit, uint16_t attributes) {
    case_.ldt.push_back(descriptor(base, limit, attributes));
    return static_cast<uint16_t>((case_.ldt.size() - 1) * 8 | 7);
}

void LimitCase::stack(uint16_t selector, uint32_t esp) {
    selector_[SS] = selector;
    esp_ = esp;
}

void LimitCase::code(uint16_t selector, uint32_t base) {
    selector_[CS] = selector;
    code_base_ = base;
}

// By PUSH and POP of the same word, which leave registers and flags alone.
void LimitCase::touch(uint32_t linear) {
    const uint32_t word = linear & ~0xfffu;
    for (const PageImage& page : case_.pages) {
        if (page.address != word) continue;
        emit({0xff, 0x35});
        emit32(word);
        if (page.writable)
            emit({0x8f, 0x05});
        else
            emit({0x8d, 0x64, 0x24, 0x04});  // lea esp, [esp + 4]
        if (page.writable) emit32(word);
    }
}

void LimitCase::store(uint32_t linear, std::span<const uint8_t> bytes) {
    for (const uint8_t b : bytes) {
        uint8_t* const at = case_.byte(linear++);
        if (!at) throw std::logic_error("the case writes where no page is");
        *at = b;
    }
}

void LimitCase::store32(uint32_t linear, uint32_t value) {
    for (int i = 0; i < 4; ++i, value >>= 8) store(linear + i, std::array{static_cast<uint8_t>(value)});
}

void LimitCase::body(std::span<const uint8_t> bytes) {
    store(body_, bytes);
    store(body_ + static_cast<uint32_t>(bytes.size()), std::array{kHlt});
}

void LimitCase::emit32(uint32_t value) {
    for (int i = 0; i < 4; ++i, value >>= 8) prologue_.push_back(static_cast<uint8_t>(value));
}

const CpuCase& LimitCase::finish() {
    for (const SegmentIndex n : {FS, GS, ES, SS, DS}) {
        if (!selector_[n]) continue;
        const uint32_t operand = kOperands + 8 * n;
        store32(operand, esp_);
        store32(operand + 4, selector_[n]);
        if (n == SS) {
            emit({0x0f, 0xb2, 0x25});  // lss esp, [operand]
            emit32(operand);
        } else {
            emit({0x8e, static_cast<uint8_t>(n << 3 | 5)});  // mov n, [operand + 4]
            emit32(operand + 4);
        }
    }
    emit({0xea});  // jmp far selector:offset
    emit32(body_ - code_base_);
    const uint16_t cs = selector_[CS] ? selector_[CS] : kUserCode;
    emit({static_cast<uint8_t>(cs), static_cast<uint8_t>(cs >> 8)});
    store(kCodePage, prologue_);
    return case_;
}

}  // namespace ringfold::test
