// The MP table, read as an operating system reads it.
#include <cstring>
#include <map>
#include <numeric>

#include <catch2/catch.hpp>

#include "vmm/mp_table.h"

using namespace ringfold;

namespace {
uint32_t number(const std::vector<uint8_t>& from, size_t at, unsigned size) {
    uint32_t value = 0;
    REQUIRE(at + size <= from.size());
    memcpy(&value, &from[at], size);
    return value;
}
unsigned sum(const std::vector<uint8_t>& bytes) {
    return std::accumulate(bytes.begin(), bytes.end(), 0u) & 0xff;
}
}  // namespace

TEST_CASE("the MP table tells of the APICs and of each interrupt's pin") {
    const MpTable t = make_mp_table(0xf0020, {10, 10, 11, 11});
    REQUIRE(t.floating_pointer.size() == 16);
    CHECK(memcmp(t.floating_pointer.data(), "_MP_", 4) == 0);
    CHECK(number(t.floating_pointer, 4, 4) == 0xf0020);
    CHECK(sum(t.floating_pointer) == 0);
    const auto& table = t.configuration;
    CHECK(memcmp(table.data(), "PCMP", 4) == 0);
    CHECK(number(table, 4, 2) == table.size());
    CHECK(sum(table) == 0);
    CHECK(number(table, 36, 4) == 0xfee00000);
    std::map<unsigned, unsigned> isa, pci, flags, entries;
    size_t at = 44;
    for (unsigned left = number(table, 34, 2); left; --left) {
        const unsigned type = number(table, at, 1);
        ++entries[type];
        if (type == 2) CHECK(number(table, at + 4, 4) == 0xfec00000);
        if (type == 3) {
            const unsigned source = number(table, at + 5, 1), pin = number(table, at + 7, 1);
            (number(table, at + 4, 1) ? isa : pci)[source] = pin;
            flags[pin] = number(table, at + 2, 2);
        }
        at += type ? 8 : 20;
    }
    CHECK(at == table.size());
    CHECK(entries == std::map<unsigned, unsigned>{{0, 1}, {1, 2}, {2, 1}, {3, 31 * 4 + 13}, {4, 2}});
    CHECK(isa[0] == 2);
    CHECK(isa[4] == 4);
    CHECK(isa.count(2) + isa.count(10) + isa.count(11) == 0);
    CHECK(pci[1 << 2] == 10);      // device 1, INTA#: PIRQA#
    CHECK(pci[3 << 2] == 11);      // device 3, INTA#: PIRQC#
    CHECK(pci[3 << 2 | 2] == 10);  // device 3, INTC#: PIRQA#
    CHECK(flags[9] == 0x0d);
    CHECK(flags[10] == 0x0d);
    CHECK(flags[4] == 0);
}
