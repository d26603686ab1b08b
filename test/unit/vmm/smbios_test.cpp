// The SMBIOS tables, read back as dmidecode reads them, and the options that say what is in them.
#include <cstring>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "vmm/base/result.h"
#include "vmm/fw_cfg_options.h"
#include "vmm/smbios/tables.h"

using namespace ringfold;

namespace {

struct Structure {
    std::vector<uint8_t> fields;
    std::vector<std::string> strings;
    std::string at(size_t offset) const {
        const unsigned n = fields.at(offset);
        return n == 0 ? "" : strings.at(n - 1);
    }
};

std::map<unsigned, Structure> read(const SmbiosTables& t) {
    std::map<unsigned, Structure> found;
    int count = 0;
    for (size_t at = 0; at < t.tables.size(); ++count) {
        const unsigned type = t.tables[at], length = t.tables.at(at + 1);
        Structure s{{t.tables.begin() + static_cast<long>(at), t.tables.begin() + static_cast<long>(at + length)}, {}};
        at += length;
        if (t.tables.at(at) == 0) ++at;
        while (t.tables.at(at) != 0) {
            s.strings.emplace_back(reinterpret_cast<const char*>(&t.tables[at]));
            at += s.strings.back().size() + 1;
        }
        ++at;
        found[type] = s;
    }
    CHECK(count == (t.anchor.at(0x1c) | t.anchor.at(0x1d) << 8));
    CHECK(t.tables.size() == static_cast<size_t>(t.anchor.at(0x16) | t.anchor.at(0x17) << 8));
    return found;
}

unsigned sum(const FwCfg::Bytes& bytes, size_t from, size_t length) {
    return std::accumulate(bytes.begin() + static_cast<long>(from), bytes.begin() + static_cast<long>(from + length), 0u) & 0xff;
}

}  // namespace

TEST_CASE("the tables say Ringfold, and how much memory there is") {
    const SmbiosTables t = make_smbios_tables({}, uint64_t{96} << 20);
    REQUIRE(t.anchor.size() == 0x1f);
    const auto found = read(t);
    CHECK_FALSE(found.contains(0));  // firmware's own
    CHECK(found.at(1).fields.size() == 27);
    CHECK(found.at(1).at(4) == "Ringfold");
    CHECK(found.at(3).fields.size() == 22);
    CHECK(found.at(4).fields.size() == 42);
    CHECK(found.at(17).fields.size() == 40);
    CHECK(found.at(17).fields[12] == 96);
    CHECK(found.at(19).fields.size() == 31);
    CHECK(found.contains(127));
}

TEST_CASE("the entry point's sums hold wherever the tables are") {
    for (const uint32_t at : {0u, 0xf1020u}) {
        SmbiosTables t = make_smbios_tables({}, uint64_t{64} << 20);
        link_smbios(t, at);
        CHECK(sum(t.anchor, 0, 0x1f) == 0);
        CHECK(sum(t.anchor, 0x10, 0xf) == 0);
        uint32_t address;
        memcpy(&address, &t.anchor[0x18], 4);
        CHECK(address == at);
    }
}

TEST_CASE("-smbios and -uuid") {
    SmbiosOptions o;
    parse_smbios("type=0,vendor=Me,,and you,version=1,date=01/02/2003,release=4.5", o);
    parse_smbios("type=1,manufacturer=ACME,product=Box,serial=42,uuid=00112233-4455-6677-8899-aabbccddeeff,family=F", o);
    parse_smbios("type=2,asset=desk", o);
    parse_smbios("type=3,sku=S", o);
    parse_smbios("type=11,value=one,value=two", o);
    const auto found = read(make_smbios_tables(o, uint64_t{64} << 20));
    CHECK(found.at(0).at(4) == "Me,and you");
    CHECK((found.at(0).fields.at(20) == 4 && found.at(0).fields.at(21) == 5));
    CHECK((found.at(1).at(4) == "ACME" && found.at(1).at(5) == "Box" && found.at(1).at(7) == "42" && found.at(1).at(26) == "F"));
    const std::vector<uint8_t> uuid(found.at(1).fields.begin() + 8, found.at(1).fields.begin() + 24);
    CHECK(uuid == std::vector<uint8_t>{0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff});
    CHECK(to_string(*o.uuid) == "00112233-4455-6677-8899-aabbccddeeff");
    CHECK(found.at(2).at(8) == "desk");
    CHECK(found.at(3).at(21) == "S");
    CHECK(found.at(11).strings == std::vector<std::string>{"one", "two"});
    for (const char* bad : {"", "type=5", "type=x", "manufacturer=a", "type=1,colour=red", "type=0,release=1", "type=0,release=1.256",
                            "type=0,uefi=on", "type=1,uuid=1", "file=x"})
        CHECK_THROWS_AS(parse_smbios(bad, o), HostError);
    CHECK_THROWS_AS(parse_uuid("-uuid", "00112233-4455-6677-8899-aabbccddeefg"), HostError);
}

TEST_CASE("-fw_cfg and -option-rom") {
    CHECK(parse_fw_cfg("opt/org.x/a,string=b,,c").text == "b,c");
    CHECK(parse_fw_cfg("name=opt/a,file=f").file == "f");
    CHECK(parse_option_rom("dir/x.rom").name == "genroms/x.rom");
    CHECK(parse_option_rom("romfile=x.rom,bootindex=2").boot_index == 2u);
    for (const char* bad : {"", "opt/a", "etc/a,string=b", "opt/a,string=b,file=c", "opt/a,what=b",
                            "opt/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,string=b"})
        CHECK_THROWS_AS(parse_fw_cfg(bad), HostError);
    for (const char* bad : {"", "x,bootindex=y", "x,what"}) CHECK_THROWS_AS(parse_option_rom(bad), HostError);
    CHECK_THROWS_AS(read_fw_cfg_files({parse_fw_cfg("opt/a,string=1"), parse_fw_cfg("opt/a,string=2")}), HostError);
}
