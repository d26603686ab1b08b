// The ACPI tables, as firmware lays them out by the loader's script.
#include <cstring>
#include <map>
#include <numeric>
#include <string>

#include <catch2/catch.hpp>

#include "vmm/acpi/tables.h"

using namespace ringfold;

namespace {

uint32_t u32(const FwCfg::Bytes& from, size_t at) {
    uint32_t value;
    REQUIRE(at + 4 <= from.size());
    memcpy(&value, &from[at], 4);
    return value;
}
std::string name(const FwCfg::Bytes& from, size_t at) {
    return std::string(reinterpret_cast<const char*>(&from[at]));
}
unsigned sum(const FwCfg::Bytes& bytes, size_t at, size_t length) {
    REQUIRE(at + length <= bytes.size());
    return std::accumulate(bytes.begin() + static_cast<long>(at), bytes.begin() + static_cast<long>(at + length), 0u) &
           0xff;
}

// Does what SeaBIOS does with the script; files go to the addresses given.
struct Loaded {
    explicit Loaded(const AcpiTables& t) : files{{"etc/acpi/tables", t.tables}, {"etc/acpi/rsdp", t.rsdp}} {
        for (size_t at = 0; at < t.loader.size(); at += 128) run(t.loader, at);
    }
    void run(const FwCfg::Bytes& script, size_t at) {
        const std::string file = name(script, at + 4);
        REQUIRE(files.contains(file));
        FwCfg::Bytes& bytes = files[file];
        switch (u32(script, at)) {
            case 1:
                allocated += file + " ";
                break;
            case 2: {
                const uint32_t offset = u32(script, at + 116);
                REQUIRE(script[at + 120] == 4);
                const uint32_t value = u32(bytes, offset) + addresses.at(name(script, at + 60));
                memcpy(&bytes[offset], &value, 4);
                break;
            }
            case 3: {
                const uint32_t offset = u32(script, at + 60);
                bytes.at(offset) =
                    static_cast<uint8_t>(bytes.at(offset) - sum(bytes, u32(script, at + 64), u32(script, at + 68)));
                break;
            }
            default:
                FAIL("an unknown command");
        }
    }
    std::map<std::string, FwCfg::Bytes> files;
    std::map<std::string, uint32_t> addresses{{"etc/acpi/tables", 0x7ff0000}, {"etc/acpi/rsdp", 0xf5a00}};
    std::string allocated;
};

}  // namespace

TEST_CASE("the loader's script makes tables that lead from one to the other, with right checksums") {
    const Loaded loaded(make_acpi_tables(0xc0000000, true));
    CHECK(loaded.allocated == "etc/acpi/tables etc/acpi/rsdp ");
    const FwCfg::Bytes& rsdp = loaded.files.at("etc/acpi/rsdp");
    const FwCfg::Bytes& tables = loaded.files.at("etc/acpi/tables");
    CHECK(memcmp(rsdp.data(), "RSD PTR ", 8) == 0);
    CHECK(sum(rsdp, 0, 20) == 0);
    const auto table_at = [&](uint32_t address, const char* signature) {
        const uint32_t at = address - 0x7ff0000;
        INFO(signature);
        REQUIRE(at + 36 <= tables.size());
        CHECK(memcmp(&tables[at], signature, 4) == 0);
        if (strcmp(signature, "FACS") != 0) CHECK(sum(tables, at, u32(tables, at + 4)) == 0);
        return at;
    };
    const uint32_t rsdt = table_at(u32(rsdp, 16), "RSDT");
    const uint32_t fadt = table_at(u32(tables, rsdt + 36), "FACP");
    const uint32_t madt = table_at(u32(tables, rsdt + 40), "APIC");
    CHECK(u32(tables, madt + 36) == 0xfee00000);
    const uint32_t hpet = table_at(u32(tables, rsdt + 44), "HPET");
    CHECK(u32(tables, hpet + 4) == 56);
    CHECK(u32(tables, hpet + 44) == 0xfed00000);
    CHECK(u32(tables, rsdt + 4) == 36 + 3 * 4);
    CHECK(table_at(u32(tables, fadt + 36), "FACS") % 64 == 0);
    const uint32_t dsdt = table_at(u32(tables, fadt + 40), "DSDT");
    CHECK(u32(tables, fadt + 56) == 0x600);
    const std::string aml(tables.begin() + dsdt, tables.begin() + dsdt + u32(tables, dsdt + 4));
    CHECK(aml.find(std::string("PMEM\x0c\0\0\0\xc0", 9)) != std::string::npos);
}

TEST_CASE("tables linked here are those that firmware links") {
    AcpiTables linked = make_acpi_tables(0x80000000, false);
    link_tables(linked, 0x7ff0000, 0xf5a00);
    const Loaded loaded(make_acpi_tables(0x80000000, false));
    CHECK(linked.tables == loaded.files.at("etc/acpi/tables"));
    CHECK(linked.rsdp == loaded.files.at("etc/acpi/rsdp"));
}

TEST_CASE("PCI memory begins where SeaBIOS begins it") {
    CHECK(pci_memory_base(uint64_t{16} << 20) == 0x80000000);
    CHECK(pci_memory_base(0x80000000) == 0x80000000);
    CHECK(pci_memory_base(0x80001000) == 0xc0000000);
    CHECK(pci_memory_base(0xe0000000) == 0xe0000000);
}
