// Memory layout, tables, and the comparison of two end states.
#include "test/segmented/machine.h"

#include <signal.h>
#include <sys/time.h>

#include <cstring>

#include <fmt/format.h>

namespace ringfold::test {

namespace {

constexpr int kLimitSeconds = 5;  // the judge has seen the case end, so only a busy machine comes near it
Cpu* watched = nullptr;
volatile sig_atomic_t rang = 0;

void ring(int) {
    rang = 1;
    if (watched) watched->kick();
}

void set_timer(int seconds) {
    const itimerval limit{{0, 0}, {seconds, 0}};
    setitimer(ITIMER_REAL, &limit, nullptr);
}

void put32(SegmentedCase& c, uint32_t at, uint32_t value) {
    memcpy(&c.ram[at], &value, 4);
}

// What is the FPU's own: addresses of instructions and data are the monitor's affair, and so left out.
std::string fpu_text(const CpuState& s) {
    std::string text;
    for (unsigned n = 0; n < 288; ++n)
        if (n < 6 || (n >= 24 && n < 28) || (n >= 32 && (n >= 160 || n % 16 < 10))) text += fmt::format("{:02x}", s.fpu[n]);
    return text;
}

std::string text_of(const CpuState& s) {
    std::string text = fmt::format("activity {} cpl {} cr0 {:x} cr2 {:x} cr3 {:x} cr4 {:x} shadow {} eip {:x} eflags {:x}\n  ",
                                   static_cast<int>(s.activity), s.cpl, s.cr0, s.cr2, s.cr3, s.cr4, s.interrupt_shadow,
                                   s.eip, s.eflags());
    for (const uint32_t r : s.gpr) text += fmt::format(" {:08x}", r);
    for (const auto& r : s.segment)
        text += fmt::format("\n   {:04x}: {:x} limit {:x} attributes {:x}", r.selector, r.base, r.limit, r.attributes);
    return text + "\n";
}

}  // namespace

SegmentedMachine::SegmentedMachine(const Make& make) {
    tracer_.set_guard(&memory_);
    context_.cpu.reset();
    if (make) cpu_ = make(*this);
    struct sigaction action {};
    action.sa_handler = ring;
    action.sa_flags = SA_ONSTACK | SA_RESTART;
    sigaction(SIGALRM, &action, nullptr);
}

void SegmentedMachine::poke(uint32_t physical, std::span<const uint8_t> bytes) {
    memory_.dma_write(GuestPhys(physical), bytes);
}

void SegmentedMachine::load(const SegmentedCase& c) {
    for (uint32_t page = 0; page < kRamBytes; page += kPageSize)
        if (memcmp(ram_.host(GuestPhys(page)), &c.ram[page], kPageSize) != 0) poke(page, {&c.ram[page], kPageSize});
    context_.cpu = c.state;
    memory_.paging_mode_changed();
}

void SegmentedMachine::run() {
    watched = cpu_.get();
    rang = 0;
    set_timer(kLimitSeconds);
    while (!rang && std::holds_alternative<Interrupted>(cpu_->run())) {
    }
    set_timer(0);
    watched = nullptr;
}

void set_descriptor(SegmentedCase& c, uint16_t selector, uint32_t base, uint32_t limit, uint16_t attributes) {
    const uint32_t units = attributes & 0x8000 ? limit >> 12 : limit;
    put32(c, kGdt + (selector & ~7u), (units & 0xffff) | base << 16);
    put32(c, kGdt + (selector & ~7u) + 4,
          (base >> 16 & 0xff) | uint32_t{attributes} << 8 | (units & 0xf0000) | (base & 0xff000000));
}

SegmentRegister loaded(const SegmentedCase& c, uint16_t selector) {
    uint32_t low, high;
    memcpy(&low, &c.ram[kGdt + (selector & ~7u)], 4);
    memcpy(&high, &c.ram[kGdt + (selector & ~7u) + 4], 4);
    const auto attributes = static_cast<uint16_t>(high >> 8 & 0xf0ff);
    uint32_t limit = (low & 0xffff) | (high & 0xf0000);
    if (attributes & 0x8000) limit = limit << 12 | 0xfff;
    return {selector, attributes, low >> 16 | (high & 0xff) << 16 | (high & 0xff000000), limit};
}

void write_system(SegmentedCase& c) {
    constexpr uint8_t kHlt = 0xf4, kIret = 0xcf;
    for (uint32_t n = 0; n < 256; ++n) {
        put32(c, kVectors + 4 * n, (kRealHandlers >> 4) << 16 | n);
        c.ram[kRealHandlers + n] = n >= 0x20 && n < 0x30 ? kIret : kHlt;
        const uint32_t handler = kHandlers + n;
        put32(c, kIdt + 8 * n, handler | uint32_t{kFlatCode} << 16);
        put32(c, kIdt + 8 * n + 4, n >= 0x20 && n < 0x30 ? 0xee00u : 0x8e00u);
        c.ram[handler] = n >= 0x20 && n < 0x30 ? kIret : kHlt;
    }
    set_descriptor(c, kFlatCode, 0, 0xffffffff, 0xc09b);
    set_descriptor(c, kFlatData, 0, 0xffffffff, 0xc093);
    set_descriptor(c, kTssSelector, kTss, 0x67, 0x8b);
    put32(c, kTss + 4, kRing0Stack);
    put32(c, kTss + 8, kFlatData);
    put32(c, kTss + 0x64, 0x68u << 16);
    put32(c, kDirectory, kTable | 7);
    for (uint32_t page = 0; page < kRamBytes / kPageSize; ++page) put32(c, kTable + 4 * page, page << 12 | 7);
    CpuState& s = c.state;
    s.reset();
    s.cr0 = cr0::ET | cr0::NE | cr0::MP;
    s.cr3 = kDirectory;
    s.cr4 = cr4::OSFXSR | cr4::OSXMMEXCPT;
    s.gdtr = {kGdt, kSelectors * 8 - 1};
    s.tr = {kTssSelector, 0x8b, kTss, 0x67};
    s.ldtr = {};
}

std::string difference(SegmentedMachine& a, SegmentedMachine& b) {
    std::string text;
    const std::string left = text_of(a.state()), right = text_of(b.state());
    if (left != right) text += left + "  but\n  " + right;
    if (fpu_text(a.state()) != fpu_text(b.state())) text += "  the FPU's state differs\n";
    unsigned shown = 0;
    // An x87 store may find its page, and set A and D, before it finds that an exception is pending.
    const auto mask = [](uint32_t n) { return n - kTable < kPageSize && n % 4 == 0 ? 0x9f : 0xff; };
    for (uint32_t n = 0; n < kRamBytes && shown < 8; ++n)
        if ((a.ram()[n] ^ b.ram()[n]) & mask(n)) {
            text += fmt::format("  [{:06x}]: {:02x} but {:02x}\n", n, a.ram()[n], b.ram()[n]);
            ++shown;
        }
    return text;
}

}  // namespace ringfold::test
