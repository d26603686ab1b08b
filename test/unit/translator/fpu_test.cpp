// x87, MMX and SSE around the arithmetic: availability by CR0 and CR4, pending exceptions, environment images.
#include <catch2/catch.hpp>

#include "test/unit/translator/interpreter_fixture.h"
#include "translator/interpreter/native.h"

using namespace ringfold;
using ringfold::interpreter::FpuImage;
using ringfold::interpreter::fpu_image;
using ringfold::test::InterpretedGuest;

namespace {

constexpr uint32_t kAt = InterpretedGuest::kData;
const GuestFault kNm = GuestFault::no_math(), kUd = GuestFault::undefined(), kMf{Vector::MF, std::nullopt};
const GuestFault kXm{Vector::XM, std::nullopt};

struct FpuGuest : InterpretedGuest {
    FpuGuest() {
        s.gpr[EAX] = kAt;
        REQUIRE_FALSE(run({0xdb, 0xe3}));  // fninit
    }
    uint16_t fsw() { return fpu_image(s).get<uint16_t>(FpuImage::kFsw); }
    // Leaves an unmasked divide by zero pending.
    void divide_by_zero() {
        poke<uint16_t>(kAt, 0x37b);
        REQUIRE_FALSE(run({0xd9, 0x28}));  // fldcw [eax]
        REQUIRE_FALSE(run({0xd9, 0xe8}));  // fld1
        REQUIRE_FALSE(run({0xd9, 0xee}));  // fldz
        REQUIRE_FALSE(run({0xde, 0xf9}));  // fdivp: raised, not yet reported
        REQUIRE((fsw() & 0x84) == 0x84);
    }
};

}  // namespace

TEST_CASE("CR0 and CR4 decide what is available") {
    FpuGuest g;
    g.s.cr0 |= cr0::TS;
    CHECK(g.run({0xd9, 0xe8}) == kNm);              // fld1
    CHECK(g.run({0x0f, 0x6f, 0xc1}) == kNm);        // movq mm0, mm1
    CHECK(g.run({0x0f, 0x58, 0xc1}) == kNm);        // addps
    CHECK(g.run({0x0f, 0xae, 0x00}) == kNm);        // fxsave
    CHECK_FALSE(g.run({0x9b}));                     // fwait: MP is clear
    CHECK_FALSE(g.run({0x0f, 0xc3, 0x00}));         // movnti is a plain store
    g.s.cr0 |= cr0::MP;
    CHECK(g.run({0x9b}) == kNm);
    g.s.cr0 = (g.s.cr0 & ~cr0::TS) | cr0::EM;
    CHECK(g.run({0xd9, 0xe8}) == kNm);
    CHECK(g.run({0x0f, 0x6f, 0xc1}) == kUd);
    CHECK(g.run({0x0f, 0x58, 0xc1}) == kUd);
    g.s.cr0 &= ~cr0::EM;
    g.s.cr4 &= ~cr4::OSFXSR;
    CHECK(g.run({0x0f, 0x58, 0xc1}) == kUd);
    CHECK(g.run({0x0f, 0xae, 0x18}) == kUd);        // stmxcsr
    CHECK_FALSE(g.run({0x0f, 0x6f, 0xc1}));         // MMX does not ask CR4
}

TEST_CASE("an unmasked x87 exception is reported by the next waiting instruction") {
    FpuGuest g;
    g.divide_by_zero();
    CHECK_FALSE(g.run({0xdf, 0xe0}));  // fnstsw ax: does not wait
    CHECK((g.s.gpr[EAX] & 0x84) == 0x84);
    CHECK(g.run({0x9b}) == kMf);
    CHECK(g.run({0xd9, 0xe8}) == kMf);
    CHECK(g.run({0x0f, 0x77}) == kMf);  // emms
    CHECK_FALSE(g.run({0xdb, 0xe2}));   // fnclex
    CHECK_FALSE(g.run({0xd9, 0xe8}));
}

TEST_CASE("with CR0.NE clear nobody hears of it") {
    FpuGuest g;
    g.divide_by_zero();
    g.s.cr0 &= ~cr0::NE;
    CHECK_FALSE(g.run({0x9b}));
    CHECK_FALSE(g.run({0xd9, 0xe8}));
    CHECK((g.fsw() & 0x84) == 0x84);
    CHECK_FALSE(g.run({0x0f, 0x6f, 0xc1}));  // movq mm0, mm1: the host must not report it either
    CHECK_FALSE(g.run({0xdd, 0x20}));        // frstor
}

TEST_CASE("an unmasked SSE exception leaves the destination alone") {
    FpuGuest g;
    g.poke<uint32_t>(kAt, 0x1d80);           // divide by zero unmasked
    REQUIRE_FALSE(g.run({0x0f, 0xae, 0x10}));  // ldmxcsr
    const float ones[4] = {1, 1, 1, 1};
    memcpy(&g.s.fpu[FpuImage::kXmm], ones, 16);
    const CpuState before = g.s;
    CHECK(g.run({0x0f, 0x5e, 0xc1}) == kXm);  // divps xmm0, xmm1
    CHECK(fpu_image(g.s).get<uint32_t>(FpuImage::kMxcsr) == 0x1d84);
    CHECK(memcmp(&g.s.fpu[FpuImage::kXmm], &before.fpu[FpuImage::kXmm], 128) == 0);
    g.s.cr4 &= ~cr4::OSXMMEXCPT;
    CHECK(g.run({0x0f, 0x5e, 0xc1}) == kUd);
    g.poke<double>(kAt, 1e300);
    g.poke<uint32_t>(kAt + 64, 0);                    // everything unmasked
    REQUIRE_FALSE(g.run({0x0f, 0xae, 0x50, 0x40}));   // ldmxcsr [eax+64]
    CHECK(g.run({0x66, 0x0f, 0x2d, 0x00}) == kUd);    // cvtpd2pi mm0, [eax]: no XMM register, and yet SSE
}

TEST_CASE("reserved bits of MXCSR are #GP(0)") {
    FpuGuest g;
    g.poke<uint32_t>(kAt, 0x11f80);
    CHECK(g.run({0x0f, 0xae, 0x10}) == GuestFault::general_protection());
    g.poke<uint32_t>(kAt + 24, 0x11f80);
    CHECK(g.run({0x0f, 0xae, 0x08}) == GuestFault::general_protection());  // fxrstor
    CHECK(fpu_image(g.s).get<uint32_t>(FpuImage::kMxcsr) == 0x1f80);
}

TEST_CASE("SSE operands are aligned, but for those that need not be") {
    FpuGuest g;
    g.s.gpr[EAX] = kAt + 4;
    CHECK(g.run({0x0f, 0x28, 0x00}) == GuestFault::general_protection());  // movaps
    CHECK(g.run({0x0f, 0x58, 0x00}) == GuestFault::general_protection());  // addps
    CHECK_FALSE(g.run({0x0f, 0x10, 0x00}));                                // movups
    CHECK_FALSE(g.run({0x0f, 0x5a, 0x00}));                                // cvtps2pd: 8 bytes
}

TEST_CASE("environments hold the guest's pointers in the format of its mode") {
    FpuGuest g;
    g.poke<uint32_t>(kAt, 0x3f800000);
    g.s.eip = 0x4321;
    REQUIRE_FALSE(g.run({0xd8, 0x00}));  // fadd dword [eax]
    SECTION("32-bit protected") {
        REQUIRE_FALSE(g.run({0xd9, 0x70, 0x40}));  // fnstenv [eax+64]
        CHECK(g.peek<uint32_t>(kAt + 64 + 12) == 0x4321);
        CHECK(g.peek<uint32_t>(kAt + 64 + 16) == 0x08);  // opcode D8 /0 is 0
        CHECK(g.peek<uint32_t>(kAt + 64 + 20) == kAt);
        CHECK(g.peek<uint16_t>(kAt + 64 + 24) == 0x10);
    }
    SECTION("16-bit protected") {
        REQUIRE_FALSE(g.run({0x66, 0xd9, 0x70, 0x40}));
        CHECK(g.peek<uint16_t>(kAt + 64 + 6) == 0x4321);
        CHECK(g.peek<uint16_t>(kAt + 64 + 8) == 0x08);
        CHECK(g.peek<uint16_t>(kAt + 64 + 12) == 0x10);
        CHECK(g.peek<uint16_t>(kAt + 64 + 14) == 0);  // 14 bytes and no more
    }
    SECTION("real mode, 16-bit code: linear addresses") {
        g.use_real_mode();
        g.s.segment[CS] = {0x100, 0x009b, 0x1000, 0xffff};
        g.s.segment[DS] = {0x2000, 0x0093, 0x20000, 0xffff};
        g.s.gpr[EBX] = 0x10;
        g.s.eip = 0x234;
        REQUIRE_FALSE(g.run({0xdc, 0x07}));  // fadd qword [bx]
        REQUIRE_FALSE(g.run({0xd9, 0x77, 0x40}));
        CHECK(g.peek<uint16_t>(0x20050 + 6) == 0x1234);
        CHECK(g.peek<uint16_t>(0x20050 + 8) == 0x0407);
        CHECK(g.peek<uint16_t>(0x20050 + 10) == 0x0010);
        CHECK(g.peek<uint16_t>(0x20050 + 12) == 0x2000);
    }
}

TEST_CASE("no host address is left in the saved state") {
    FpuGuest g;
    REQUIRE_FALSE(g.run({0xd9, 0xe8}));        // fld1
    REQUIRE_FALSE(g.run({0x0f, 0xae, 0x00}));  // fxsave [eax]
    CHECK(g.peek<uint32_t>(kAt + 8) == InterpretedGuest::kCode + 2);
    CHECK(g.peek<uint64_t>(kAt + 16) == 0);
    CHECK(g.peek<uint32_t>(kAt + 28) == 0xffff);
    for (uint32_t n = 288; n < 512; n += 8) CHECK(g.peek<uint64_t>(kAt + n) == 0);
}

TEST_CASE("guest ESP is not the host's") {
    FpuGuest g;
    g.s.gpr[ESP] = 0x12345678;
    REQUIRE_FALSE(g.run({0x66, 0x0f, 0x6e, 0xc4}));  // movd xmm0, esp
    REQUIRE_FALSE(g.run({0x66, 0x0f, 0x7e, 0xc5}));  // movd ebp, xmm0
    CHECK(g.s.gpr[EBP] == 0x12345678);
    REQUIRE_FALSE(g.run({0xf3, 0x0f, 0x2c, 0xe0}));  // cvttss2si esp, xmm0
    CHECK(g.s.gpr[ESP] == 0);
    REQUIRE_FALSE(g.run({0x66, 0x0f, 0xc5, 0xe0, 0x01}));  // pextrw esp, xmm0, 1
    CHECK(g.s.gpr[ESP] == 0x1234);
}
