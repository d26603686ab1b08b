// The monitor's parts that need no machine: addresses, framing, key names, expressions.
#include <catch2/catch.hpp>

#include "test/unit/vmm/parse_options.h"
#include "vmm/base/result.h"
#include "vmm/monitor/expression.h"
#include "vmm/monitor/framers.h"
#include "vmm/monitor/key_names.h"
#include "vmm/snapshot/snapshot.h"

using namespace ringfold;
using namespace ringfold::test;

namespace {

std::vector<std::string> cut(Framer& framer, std::string_view bytes) {
    std::vector<std::string> units;
    for (const char byte : bytes)
        if (framer.feed(byte)) {
            units.push_back(framer.unit());
            framer.clear();
        }
    return units;
}

int64_t value_of(std::string_view text) {
    CpuState state;
    state.eip = 0x1234;
    state.gpr[ESP] = 16;
    const int64_t value = take_expression(text, state);
    CHECK(text.empty());
    return value;
}

}  // namespace

TEST_CASE("options about the monitor") {
    const Options o =
        parse({"-monitor", "stdio", "-qmp", "unix:/q,server,nowait", "-S", "-name", "guest=x,debug-threads=on", "-rtc",
               "base=2026-11-25T12:00:00", "-no-shutdown", "-loadvm", "a", "-pidfile", "p"});
    CHECK((o.ends.monitors.size() == 1 && o.ends.qmp.size() == 1 && o.start_stopped && o.no_shutdown));
    CHECK((o.name == "x" && o.load_snapshot == "a" && o.pid_file == "p"));
    CHECK(o.rtc_base == 1795608000);
    CHECK_FALSE(o.ends.port_on_terminal());
    const Options elsewhere = parse({"-monitor", "stdio", "-serial", "file:log"});
    CHECK(elsewhere.ends.serials[0].value().path == "log");
    CHECK(!parse({"-rtc", "base=utc,clock=host"}).rtc_base);
    CHECK(parse({"-rtc", "base=localtime"}).rtc_local);
    CHECK_THROWS_AS(parse({"-monitor", "stdio", "-qmp", "stdio"}), HostError);
    CHECK_THROWS_AS(parse({"-monitor", "stdio", "-serial", "stdio"}), HostError);
    for (const char* bad : {"base=local", "base=2026-13-01", "base=yesterday", "base=2026-01-01T25:00:00", "x"})
        CHECK_THROWS_AS(parse({"-rtc", bad}), HostError);
    CHECK_THROWS_AS(parse({"-daemonize"}), HostError);
}

TEST_CASE("lines, as people type them") {
    LineFramer lines;
    CHECK(cut(lines, "info\r\nstop\n\rx\x08y\x7f\x01z\n") == std::vector<std::string>{"info", "stop", "", "z"});
}

TEST_CASE("JSON objects, wherever lines end") {
    JsonFramer json;
    CHECK(cut(json, "{\"a\":\n1} {\"b\":\"}\\\"}\"}\n\n[1]\n{}") ==
          std::vector<std::string>{"{\"a\":\n1}", "{\"b\":\"}\\\"}\"}", "[1]", "{}"});
    CHECK(cut(json, std::string(5000, '{')).front().size() < 2000);
}

TEST_CASE("keys by QEMU's names") {
    CHECK(key_named("a") == 0x1e);
    CHECK(key_named("ret") == 0x1c);
    CHECK(key_named("delete") == 0xd3);
    CHECK(key_named("f12") == 0x58);
    CHECK((key_named("yen") == 0x7d && key_named("katakanahiragana") == 0x70 && key_named("kp_equals") == 0x59));
    CHECK((key_named("stop") == 0xe8 && key_named("volumeup") == 0xb0 && key_named("ac_refresh") == 0xe7));
    CHECK(key_named("0x1c") == 0x1c);
    for (const char* bad : {"", "A", "enter", "0x", "0x100", "0x0", "0x80"}) CHECK(!key_named(bad));
}

TEST_CASE("expressions") {
    CHECK(value_of("1+2*3") == 7);
    CHECK(value_of(" ( 1 + 2 ) * -3") == -9);
    CHECK(value_of("0x10 | 010 & ~8") == 16);
    CHECK(value_of("$eip + $esp/4") == 0x1238);
    CHECK(value_of("'a'") == 97);
    CHECK(value_of("-0x8000000000000000 / -1") == INT64_MIN);
    for (const char* bad : {"", "(", "1/0", "1%0", "$nothing", "zz", "99999999999999999999", "1 +"})
        CHECK_THROWS_AS(value_of(bad), HostError);
    CHECK_THROWS_AS(value_of(std::string(100'000, '(')), HostError);
}

TEST_CASE("a snapshot of nothing, and what is not one") {
    StateParts parts;
    Ram ram(1 << 20);
    ram.host(GuestPhys(0x5000))[3] = 7;
    const auto good = Snapshot::save(parts, ram);
    CHECK(good.size() < 1000);
    Ram other(1 << 20);
    other.host(GuestPhys(0x6000))[3] = 9;
    const Snapshot snapshot(good, "x");
    snapshot.check(parts, other);
    snapshot.load(parts, other);
    CHECK(other.host(GuestPhys(0x5000))[3] == 7);
    CHECK(other.host(GuestPhys(0x6000))[3] == 0);
    CHECK_THROWS_WITH(snapshot.check(parts, Ram(2 << 20)),
                      "snapshot x: of a machine with 1024 KiB of memory; start with -m 1024K");
    for (size_t n = 0; n < good.size(); ++n) {
        CHECK_THROWS_AS(Snapshot(std::vector(good.begin(), good.begin() + static_cast<long>(n)), "x"), HostError);
        auto bad = good;
        bad[n] ^= 0x10;
        CHECK_THROWS_AS(Snapshot(bad, "x"), HostError);
    }
}
