// Which code has hardly run yet.
#include <memory>

#include <catch2/catch.hpp>

#include "translator/adaptation/cold_code.h"

using namespace ringfold;

TEST_CASE("code is warm at the execution asked for") {
    const auto cold = std::make_unique<ColdCode>();
    CHECK(cold->still_cold(GuestPhys(0x1000), 3));
    CHECK(cold->still_cold(GuestPhys(0x1000), 3));
    CHECK_FALSE(cold->still_cold(GuestPhys(0x1000), 3));
    CHECK_FALSE(cold->still_cold(GuestPhys(0x2000), 1));
}

// Where the two of a pair share the one entry that they could have, they would stay cold for ever.
TEST_CASE("code that runs in turns with other code gets warm") {
    const auto cold = std::make_unique<ColdCode>();
    unsigned stayed_cold = 0;
    for (uint64_t at = 0x100000; at < 0x140000; ++at) {
        const GuestPhys one(at), other(at + 0x1000000);
        cold->still_cold(one, 2);
        cold->still_cold(other, 2);
        stayed_cold += cold->still_cold(one, 2);
        stayed_cold += cold->still_cold(other, 2);
    }
    CHECK(stayed_cold == 0);
}

TEST_CASE("code that is overwritten is cold again, for longer each time, but not for ever") {
    const auto cold = std::make_unique<ColdCode>();
    const GuestPhys code(0x1000);
    auto executions_until_warm = [&] {
        unsigned n = 1;
        while (cold->still_cold(code, 2)) ++n;
        return n;
    };
    CHECK(executions_until_warm() == 2);
    for (const unsigned wanted : {4u, 8u, 16u, 32u, 64u, 64u}) {
        cold->overwritten(code);
        CHECK(executions_until_warm() == wanted);
    }
    CHECK_FALSE(cold->still_cold(code, 1));  // of a policy that interprets nothing
}
