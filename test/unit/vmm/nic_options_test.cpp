// QEMU's network options.
#include <catch2/catch.hpp>

#include "test/unit/vmm/parse_options.h"
#include "vmm/base/result.h"

using namespace ringfold;

namespace {

NicOptions parse(const std::vector<std::string>& words) {
    return test::parse(words).nics;
}

}  // namespace

TEST_CASE("a board has a user network unless something else is said") {
    REQUIRE(parse({}).nics.size() == 1);
    CHECK(parse({}).nics[0].mac == net::MacAddress{0x52, 0x54, 0, 0x12, 0x34, 0x56});
    CHECK(parse({}).netdevs[0].kind == NetdevOption::Kind::User);
    for (const auto& words : std::vector<std::vector<std::string>>{
             {"-nodefaults"}, {"-nic", "none"}, {"-net", "none"}, {"-netdev", "user,id=x"}, {"-kernel", "x"}})
        CHECK(parse(words).nics.empty());
}

TEST_CASE("-nic in full") {
    const NicOptions o = parse({"-nic",
                                "user,model=e1000,mac=02:00:00:00:00:0a,hostfwd=tcp:127.0.0.1:8080-:80,"
                                "hostfwd=udp::53-10.0.3.9:54,restrict=on,hostname=a,net=10.0.3.0/24,tftp=/a,,b"});
    REQUIRE(o.nics.size() == 1);
    CHECK(o.nics[0].mac->at(5) == 10);
    const auto& u = o.netdevs[0].user;
    CHECK(u.restricted);
    CHECK(u.host_name == "a");
    CHECK(u.tftp_folder == "/a,b");
    CHECK(ntohl(u.host.s_addr) == 0x0a000302);
    CHECK(ntohl(u.dhcp_start.s_addr) == 0x0a00030f);
    REQUIRE(u.forwards.size() == 2);
    CHECK(ntohl(u.forwards[0].host.s_addr) == 0x7f000001);
    CHECK(u.forwards[0].host_port == 8080);
    CHECK(u.forwards[0].guest_port == 80);
    CHECK(u.forwards[1].udp);
    CHECK(ntohl(u.forwards[1].guest.s_addr) == 0x0a000309);
}

TEST_CASE("a card and its network in two options, in either order, new and old") {
    CHECK(parse({"-device", "e1000,netdev=n", "-netdev", "user,id=n"}).nics.size() == 1);
    CHECK(parse({"-net", "nic,model=e1000,macaddr=02:00:00:00:00:01", "-net", "user"}).nics.size() == 1);
    CHECK(parse({"-nic", "tap,ifname=t,script=no"}).netdevs[0].tap.interface == "t");
    const auto two = parse({"-nic", "user", "-nic", "user"});
    REQUIRE(two.nics.size() == 2);
    CHECK(two.nics[0].mac != two.nics[1].mac);
}

TEST_CASE("network options that make no sense") {
    for (const auto& words : std::vector<std::vector<std::string>>{
             {"-nic", ""},
             {"-nic", "vde"},
             {"-nic", "user,model=vax"},
             {"-nic", "user,mac=1"},
             {"-nic", "user,mac=01:00:00:00:00:00"},
             {"-nic", "user,mac=zz:00:00:00:00:00"},
             {"-nic", "user,hostfwd=80"},
             {"-nic", "user,hostfwd=tcp::80-:0"},
             {"-nic", "user,hostfwd=tcp::99999-:80"},
             {"-nic", "user,hostfwd=icmp::1-:1"},
             {"-nic", "user,net=10.0.0.0/31"},
             {"-nic", "user,net=x"},
             {"-nic", "user,restrict=perhaps"},
             {"-nic", "user,colour=red"},
             {"-nic", "tap,script=/etc/up"},
             {"-net", "nic"},
             {"-netdev", "user"},
             {"-netdev", "user,id=a", "-netdev", "user,id=a"},
             {"-device", "e1000"},
             {"-device", "e1000,netdev=x"},
             {"-netdev", "user,id=a", "-device", "e1000,netdev=a", "-device", "e1000,netdev=a"},
             {"-machine", "bare", "-kernel", "x", "-nic", "user"}}) {
        CAPTURE(words);
        CHECK_THROWS_AS(parse(words), HostError);
    }
}

TEST_CASE("more cards than the bus has room for") {
    std::vector<std::string> words;
    for (int n = 0; n < 29; ++n) words.insert(words.end(), {"-nic", "user"});
    CHECK(parse(words).nics.size() == 29);
    words.insert(words.end(), {"-drive", "if=virtio,file=x"});
    CHECK_THROWS_AS(parse(words), HostError);
}

TEST_CASE("virtio's names") {
    for (const char* name : {"virtio", "virtio-net", "virtio-net-pci"})
        CHECK(parse({"-nic", std::string("user,model=") + name}).nics[0].model == NicModel::Virtio);
    CHECK_NOTHROW(parse({"-drive", "if=none,id=d,file=x", "-device", "virtio-blk-pci,drive=d"}));
    CHECK_NOTHROW(parse({"-drive", "if=virtio,file=x", "-drive", "if=virtio,file=y,index=7"}));
    CHECK_THROWS_AS(parse({"-device", "virtio-blk-pci"}), HostError);
    CHECK_THROWS_AS(parse({"-device", "virtio-blk-pci,drive=d"}), HostError);
    CHECK_THROWS_AS(parse({"-drive", "if=virtio"}), HostError);
    CHECK_THROWS_AS(parse({"-machine", "bare", "-kernel", "x", "-drive", "if=virtio,file=x"}), HostError);
}
