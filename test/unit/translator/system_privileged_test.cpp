// Control registers, MSRs, CPUID, SYSENTER, ports: who may, and what happens.
#include <catch2/catch.hpp>

#include "test/unit/translator/system_fixture.h"

using namespace ringfold;
using namespace ringfold::test;

TEST_CASE("privileged instructions fault in ring 3, and in v86 mode") {
    SystemGuest g;
    const std::vector<std::vector<uint8_t>> privileged = {
        {0xf4}, {0x0f, 0x06}, {0x0f, 0x08}, {0x0f, 0x09}, {0x0f, 0x32}, {0x0f, 0x30}, {0x0f, 0x20, 0xc0},
        {0x0f, 0x22, 0xd8}, {0x0f, 0x23, 0xf8}, {0x0f, 0x01, 0x38}, {0x0f, 0x01, 0x10}, {0x0f, 0x01, 0x18},
        {0x0f, 0x01, 0xf0}};
    for (const auto& code : privileged) {
        g.enter_ring(3);
        g.run(code);
        CHECK(g.in_handler(Vector::GP));
        CHECK(g.stack(0) == 0);
        g.enter_v86(3);
        g.run(code);
        CHECK(g.in_handler(Vector::GP));
    }
}

TEST_CASE("impossible CR0 and CR4 values are #GP and change nothing") {
    SystemGuest g;
    g.place(kCode, {0x0f, 0x22, 0xc0});
    SECTION("PG without PE") { g.cpu.gpr[EAX] = cr0::PG; }
    SECTION("NW without CD") { g.cpu.gpr[EAX] = cr0::PE | cr0::NW; }
    SECTION("a reserved bit of CR4") {
        g.place(kCode, {0x0f, 0x22, 0xe0});
        g.cpu.gpr[EAX] = 1 << 16;
    }
    SECTION("VME, which CPUID does not offer") {
        g.place(kCode, {0x0f, 0x22, 0xe0});
        g.cpu.gpr[EAX] = cr4::VME;
    }
    const uint32_t cr0 = g.cpu.cr0;
    g.step();
    CHECK(g.in_handler(Vector::GP));
    CHECK(g.cpu.cr0 == cr0);
    CHECK(g.cpu.cr4 == 0);
}

TEST_CASE("CR1 does not exist; reserved bits of CR0 stay clear; ET stays set") {
    SystemGuest g;
    SECTION("CR1") {
        g.run({0x0f, 0x20, 0xc8});
        CHECK(g.in_handler(Vector::UD));
    }
    SECTION("CR0") {
        g.cpu.gpr[EAX] = cr0::PE | 0x0ff0ff00;
        g.run({0x0f, 0x22, 0xc0});
        CHECK(g.cpu.cr0 == (cr0::PE | cr0::ET | (0x0ff0ff00 & (cr0::WP | cr0::AM))));
    }
    SECTION("LMSW cannot clear PE") {
        g.cpu.gpr[EAX] = 0;
        g.run({0x0f, 0x01, 0xf0});
        CHECK((g.cpu.cr0 & cr0::PE) != 0);
    }
}

TEST_CASE("loading CR3 under PAE with a reserved bit in a PDPTE is #GP") {
    SystemGuest g;
    for (uint32_t n = 0; n < 4; ++n) g.poke<uint64_t>(0x20000 + 8 * n, 0);
    g.poke<uint64_t>(0x20000, 0x21000 | 1);
    g.poke<uint64_t>(0x21000, 0x83);  // the first 2 MiB, identity
    g.poke<uint64_t>(0x22000, 0x21000 | 1 | 1 << 1);
    g.cpu.cr4 = cr4::PAE;
    g.cpu.cr3 = 0x20000;
    g.cpu.gpr[EAX] = cr0::PG | cr0::PE;
    g.run({0x0f, 0x22, 0xc0});
    REQUIRE(g.cpu.paging());
    REQUIRE(g.cpu.eip == kCode + 3);
    g.cpu.gpr[EAX] = 0x22000;
    g.run({0x0f, 0x22, 0xd8});
    CHECK(g.in_handler(Vector::GP));
    CHECK(g.cpu.cr3 == 0x20000);
}

TEST_CASE("MSRs") {
    SystemGuest g;
    auto msr = [&](uint8_t op, uint32_t index, uint64_t value = 0) {
        g.enter_ring(0);
        g.cpu.gpr[ECX] = index;
        g.cpu.gpr[EAX] = static_cast<uint32_t>(value);
        g.cpu.gpr[EDX] = static_cast<uint32_t>(value >> 32);
        g.run({0x0f, op});
        return !g.in_handler(Vector::GP);
    };
    constexpr uint8_t kRead = 0x32, kWrite = 0x30;
    CHECK_FALSE(msr(kRead, 0x12345678));
    CHECK_FALSE(msr(kWrite, 0xc0000080, 1));        // EFER.SCE
    CHECK(msr(kWrite, 0xc0000080, 1 << 11));        // NXE
    CHECK_FALSE(msr(kWrite, 0x277, 0x02));          // a reserved memory type
    CHECK(msr(kWrite, 0x8b, 0));
    CHECK_FALSE(msr(kWrite, 0xfe, 0x508));          // MTRRCAP is read-only
    CHECK(msr(kRead, 0xfe));
    CHECK(g.cpu.gpr[EAX] == 0x508);                 // eight pairs, fixed ones, write-combining
    CHECK(msr(kWrite, 0x2ff, 0xc06));
    CHECK_FALSE(msr(kWrite, 0x2ff, 0xd06));         // a reserved bit
    CHECK_FALSE(msr(kWrite, 0x2ff, 0xc02));         // a reserved type
    CHECK_FALSE(msr(kWrite, 0x2ff, 0xc07));         // UC- is PAT's alone
    CHECK(msr(kWrite, 0x20e, 0xf'ffff'f001));
    CHECK_FALSE(msr(kWrite, 0x20e, 0x10'0000'0000));  // beyond the 36 bits of an address
    CHECK(msr(kWrite, 0x20f, 0xf'f000'0800));
    CHECK_FALSE(msr(kWrite, 0x20f, 0x1));
    CHECK_FALSE(msr(kWrite, 0x210, 0));             // there are eight pairs
    CHECK(msr(kWrite, 0x26f, 0x0605040100010406));
    CHECK_FALSE(msr(kWrite, 0x250, 0x0600000000000003));
    CHECK_FALSE(msr(kRead, 0x251));
    CHECK(msr(kRead, 0x26f));
    CHECK((g.cpu.gpr[EDX] == 0x06050401 && g.cpu.gpr[EAX] == 0x00010406));
    CHECK(msr(kRead, 0x20e));
    CHECK((g.cpu.gpr[EDX] == 0xf && g.cpu.gpr[EAX] == 0xfffff001));
    CHECK(msr(kRead, 0x259));                       // each has its own place
    CHECK((g.cpu.gpr[EDX] == 0 && g.cpu.gpr[EAX] == 0));
    CHECK(msr(kRead, 0x8b));
    CHECK(msr(kWrite, 0x10, 5'000'000'000'000));
    CHECK(msr(kRead, 0x10));
    const uint64_t tsc = uint64_t{g.cpu.gpr[EDX]} << 32 | g.cpu.gpr[EAX];
    CHECK(tsc >= 5'000'000'000'000);
    CHECK(tsc < 6'000'000'000'000);
}

TEST_CASE("CPUID names a CPU that Linux does not mistrust") {
    SystemGuest g;
    g.cpu.gpr[EAX] = 0;
    g.run({0x0f, 0xa2});
    char vendor[12];
    memcpy(vendor, &g.cpu.gpr[EBX], 4);
    memcpy(vendor + 4, &g.cpu.gpr[EDX], 4);
    memcpy(vendor + 8, &g.cpu.gpr[ECX], 4);
    CHECK(std::string(vendor, 12) == "GenuineIntel");
    g.cpu.gpr[EAX] = 1;
    g.run({0x0f, 0xa2});
    CHECK((g.cpu.gpr[EAX] & 0xfff0ff0) == 0x30660);
    CHECK(g.cpu.gpr[ECX] == 0x00980201);  // SSE3 to SSE4.2, POPCNT
    g.cpu.gpr[EAX] = 0x80000002;
    g.run({0x0f, 0xa2});
    CHECK(memcmp(&g.cpu.gpr[EAX], "Ring", 4) == 0);
}

TEST_CASE("CPUID tells the time-stamp counter's rate, if that is known") {
    SystemGuest g;
    const auto cpuid = [&](uint32_t leaf) {
        g.cpu.gpr[EAX] = leaf;
        g.cpu.gpr[ECX] = 0;
        g.run({0x0f, 0xa2});
    };
    cpuid(0);
    CHECK(g.cpu.gpr[EAX] == 2);
    cpuid(0x80000007);
    CHECK(g.cpu.gpr[EDX] == 0);
    g.cpu.tsc_khz = 2'596'120;
    cpuid(0);
    CHECK(g.cpu.gpr[EAX] == 0x16);
    cpuid(0x15);
    // As Linux reckons: crystal in kHz, times numerator, by denominator, in 32 bits.
    CHECK(g.cpu.gpr[ECX] / 1000 * g.cpu.gpr[EBX] / g.cpu.gpr[EAX] == 2'596'120);
    cpuid(0x16);
    CHECK(g.cpu.gpr[EAX] == 2596);
    cpuid(7);
    CHECK(g.cpu.gpr[EBX] == 2);
    cpuid(0x80000007);
    CHECK(g.cpu.gpr[EDX] == 0x100);
}

TEST_CASE("IA32_TSC_ADJUST moves the counter, and setting the counter shows in it") {
    SystemGuest g;
    const auto tsc = [&] {
        g.run({0x0f, 0x31});
        return uint64_t{g.cpu.gpr[EDX]} << 32 | g.cpu.gpr[EAX];
    };
    const auto write_adjust = [&](uint64_t value) {
        g.cpu.gpr[ECX] = 0x3b;
        g.cpu.gpr[EAX] = static_cast<uint32_t>(value);
        g.cpu.gpr[EDX] = static_cast<uint32_t>(value >> 32);
        g.run({0x0f, 0x30});
    };
    const uint64_t before = tsc();
    write_adjust(uint64_t{1} << 60);
    CHECK(tsc() - before > uint64_t{1} << 60);
    CHECK(tsc() - before < (uint64_t{1} << 60) + (uint64_t{1} << 40));
    write_adjust(0);
    CHECK(tsc() - before < uint64_t{1} << 40);
    g.cpu.gpr[ECX] = 0x10;
    g.cpu.gpr[EAX] = g.cpu.gpr[EDX] = 0;
    g.run({0x0f, 0x30});
    g.cpu.gpr[ECX] = 0x3b;
    g.run({0x0f, 0x32});
    CHECK((g.cpu.gpr[EAX] | g.cpu.gpr[EDX]) != 0);
    g.cpu.reset();
    CHECK(g.cpu.tsc_adjust != 0);  // the counter goes on over a reset
}

TEST_CASE("SYSENTER and SYSEXIT") {
    SystemGuest g;
    g.enter_ring(3);
    SECTION("no CS set up") {
        g.run({0x0f, 0x34});
        CHECK(g.in_handler(Vector::GP));
    }
    SECTION("there and back") {
        g.cpu.sysenter_cs = kCs0;
        g.cpu.sysenter_esp = kStack0;
        g.cpu.sysenter_eip = kCode;
        g.cpu.interrupt_flag = 1;
        g.run({0x0f, 0x34});
        CHECK(g.cpu.cpl == 0);
        CHECK(g.cpu.eip == kCode);
        CHECK(g.cpu.gpr[ESP] == kStack0);
        CHECK(g.cpu.segment[SS].selector == kDs0);
        CHECK(g.cpu.interrupt_flag == 0);
        g.cpu.gpr[EDX] = kUserCode;
        g.cpu.gpr[ECX] = kStack3;
        g.run({0x0f, 0x35});
        CHECK(g.cpu.cpl == 3);
        CHECK(g.cpu.eip == kUserCode);
        CHECK(g.cpu.segment[CS].selector == kCs3);
        CHECK(g.cpu.segment[SS].selector == kDs3);
    }
}

TEST_CASE("ports in ring 3: IOPL, then the bitmap") {
    SystemGuest g;
    g.enter_ring(3);
    g.cpu.gpr[EDX] = 0x60;
    SECTION("a clear bit") {
        g.run({0xec});
        CHECK((g.cpu.gpr[EAX] & 0xff) == 0x44);
    }
    SECTION("a set bit under the second byte of a word") {
        g.poke<uint8_t>(kTss + 0x68 + 0x61 / 8, 1 << (0x61 % 8));
        g.run({0x66, 0xed});
        CHECK(g.in_handler(Vector::GP));
    }
    SECTION("a set bit does not matter to IOPL 3") {
        g.poke<uint8_t>(kTss + 0x68 + 0x60 / 8, 1);
        g.cpu.system_flags |= flag::IOPL;
        g.run({0xec});
        CHECK((g.cpu.gpr[EAX] & 0xff) == 0x44);
    }
    SECTION("beyond the TSS") {
        g.cpu.tr.limit = 0x67;
        g.run({0xee});
        CHECK(g.in_handler(Vector::GP));
        CHECK(g.ports.written.empty());
    }
}

TEST_CASE("REP OUTSB stops between elements when asked, and goes on") {
    SystemGuest g;
    const std::atomic<int> stop = 1;
    g.interpreter.stop = &stop;
    g.cpu.gpr[ECX] = 2;
    g.cpu.gpr[ESI] = kData;
    g.cpu.gpr[EDX] = 0x80;
    g.poke<uint16_t>(kData, 0x2211);
    CHECK(g.run({0xf3, 0x6e}) == Step::Repeat);
    CHECK(g.cpu.eip == kCode);
    CHECK(g.cpu.gpr[ECX] == 1);
    CHECK(g.step() == Step::Done);
    CHECK(g.cpu.eip == kCode + 2);
    CHECK(g.ports.written == std::vector<std::pair<uint16_t, uint32_t>>{{0x80, 0x11}, {0x80, 0x22}});
}

TEST_CASE("LIDT with a 16-bit operand takes 24 bits of the base") {
    SystemGuest g;
    g.poke<uint16_t>(kData, 0x7ff);
    g.poke<uint32_t>(kData + 2, 0xaa123456);
    g.run({0x66, 0x0f, 0x01, 0x1d, 0x00, 0x50, 0, 0});
    CHECK(g.cpu.idtr == DescriptorTable{0x123456, 0x7ff});
}
