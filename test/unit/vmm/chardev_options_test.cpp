// The host's ends of character devices, as the command line gives them.
#include <catch2/catch.hpp>

#include "test/unit/vmm/parse_options.h"
#include "vmm/base/result.h"
#include "vmm/chardev/telnet.h"

using namespace ringfold;
using namespace ringfold::test;

namespace {

using Kind = CharAddress::Kind;

}  // namespace

TEST_CASE("addresses are QEMU's") {
    const auto a = parse_char_address("monitor", "unix:/tmp/m,server,nowait");
    CHECK((a.kind == Kind::Unix && a.path == "/tmp/m" && a.server && !a.wait));
    const auto b = parse_char_address("monitor", "telnet::4444,server");
    CHECK((b.kind == Kind::Tcp && b.telnet && b.wait && b.host.empty() && b.port == "4444"));
    CHECK(parse_char_address("qmp", "tcp:127.0.0.1:1,server=on,wait=off").host == "127.0.0.1");
    const auto c = parse_char_address("qmp", "unix:/tmp/m");
    CHECK((!c.server && !c.wait));  // somebody listens there, and we come
    CHECK(parse_char_address("serial", "unix:/a,,b,server").path == "/a,b");
    CHECK(parse_char_address("serial", "file:a,b").path == "a,b");  // a file's name is all the rest
    CHECK(parse_char_address("qmp", "stdio").kind == Kind::Stdio);
    CHECK(parse_char_address("serial", "mon:stdio").keys);
    CHECK(parse_char_address("serial", "pty").kind == Kind::Pty);
    CHECK(parse_char_address("serial", "null").kind == Kind::None);
    for (const char* bad : {"", "unix:", "tcp:host,server", "tcp:host:,server", "tcp::65536,server", "tcp::99999999999999999999,server",
                            "vc", "file:", "unix:/m,server,what", "unix:/m,server=maybe", "tcp::1,server,wait=2", "mon:pty"})
        CHECK_THROWS_AS(parse_char_address("qmp", bad), HostError);
}

TEST_CASE("a switch is on or off, wherever it stands") {
    for (const std::vector<std::string>& words : {std::vector<std::string>{"-serial", "unix:/m,server=maybe"},
                                                  {"-chardev", "socket,id=a,path=/m,server=maybe"},
                                                  {"-machine", "pc,acpi=maybe"},
                                                  {"-boot", "menu=maybe"},
                                                  {"-drive", "if=floppy,snapshot=maybe"},
                                                  {"-nic", "user,restrict=maybe"},
                                                  {"-vnc", ":1,password=maybe"}}) {
        const std::string error = error_of(words);
        CHECK(error.starts_with(words[0] + " "));
        CHECK(error.find("=maybe: write ") != std::string::npos);
    }
}

TEST_CASE("-chardev is the long form of the same") {
    const Options o = parse({"-chardev", "socket,id=q,path=/tmp/q,server=on,wait=off", "-mon", "chardev=q,mode=control", "-mon", "m",
                             "-chardev", "socket,id=m,host=localhost,port=4444,telnet=on,server=on", "-serial", "chardev:s", "-chardev",
                             "file,id=s,path=a,,b,append=on"});
    REQUIRE((o.ends.qmp.size() == 1 && o.ends.monitors.size() == 1));
    CHECK((o.ends.qmp[0].path == "/tmp/q" && o.ends.qmp[0].server && !o.ends.qmp[0].wait));
    CHECK((o.ends.monitors[0].telnet && o.ends.monitors[0].port == "4444" && o.ends.monitors[0].wait));
    REQUIRE(o.ends.serials[0]);
    CHECK((o.ends.serials[0]->kind == Kind::File && o.ends.serials[0]->path == "a,b" && o.ends.serials[0]->append));
    const Options client = parse({"-chardev", "socket,id=m,path=/tmp/q", "-mon", "chardev=m,mode=control"});
    CHECK_FALSE(client.ends.qmp.at(0).server);
    for (const std::vector<std::string>& bad :
         {std::vector<std::string>{"-chardev", "socket,id=a"}, {"-chardev", "stdio"}, {"-chardev", "pipe,id=a,path=/p"},
          {"-chardev", "file,id=a"}, {"-mon", "chardev=no"}, {"-serial", "chardev:no"}, {"-chardev", "socket,id=a,host=x,port=70000"},
          {"-chardev", "null,id=a", "-chardev", "null,id=a"}, {"-mon", "mode=control"}, {"-chardev", "pty,id=a,mux=on"},
          {"-chardev", "pty,id=a", "-serial", "chardev:a", "-serial", "chardev:a"}})
        CHECK_THROWS_AS(parse(bad), HostError);
}

TEST_CASE("a terminal with mux=on is shared by a port and its monitor") {
    const Options shared = parse({"-chardev", "stdio,mux=on,id=t,signal=off", "-mon", "t", "-serial", "chardev:t"});
    CHECK((shared.ends.monitors.empty() && shared.ends.serials[0].value().keys));
    const Options monitor = parse({"-chardev", "stdio,mux=on,id=t", "-mon", "t"});
    CHECK((monitor.ends.monitors.size() == 1 && !monitor.ends.port_on_terminal()));
    CHECK_THROWS_AS(parse({"-chardev", "stdio,mux=on,id=t", "-mon", "t,mode=control", "-serial", "chardev:t"}), HostError);
}

TEST_CASE("four serial ports") {
    const Options o = parse({"-serial", "none", "-serial", "pty", "-serial", "mon:stdio", "-serial", "null"});
    CHECK_FALSE(o.ends.serials[0]);
    CHECK(o.ends.serials[1].value().kind == Kind::Pty);
    CHECK(o.ends.port_on_terminal() == 2u);
    CHECK(o.ends.serials[3].value().kind == Kind::None);
    const Options isa = parse({"-chardev", "pty,id=a", "-chardev", "null,id=b", "-device", "isa-serial,chardev=b,index=1", "-device",
                               "isa-serial,chardev=a,id=serial0"});
    CHECK(isa.ends.serials[0].value().kind == Kind::Pty);
    CHECK(isa.ends.serials[1].value().kind == Kind::None);
    CHECK(parse({"-chardev", "pty,id=a", "-device", "isa-serial,chardev=a,iobase=0x2e8"}).ends.serials[3]);
    for (const std::vector<std::string>& bad :
         {std::vector<std::string>{"-serial", "null", "-serial", "null", "-serial", "null", "-serial", "null", "-serial", "null"},
          {"-serial", "stdio", "-serial", "mon:stdio"}, {"-device", "isa-serial"}, {"-device", "isa-serial,chardev=no"},
          {"-chardev", "pty,id=a", "-device", "isa-serial,chardev=a,index=4"}, {"-chardev", "pty,id=a", "-device", "isa-serial,chardev=a,iobase=0x100"},
          {"-chardev", "pty,id=a", "-serial", "null", "-device", "isa-serial,chardev=a,index=0"}})
        CHECK_THROWS_AS(parse(bad), HostError);
}

TEST_CASE("the debug console as a device") {
    const Options o = parse({"-chardev", "file,id=f,path=log", "-device", "isa-debugcon,iobase=0x402,chardev=f"});
    CHECK((o.pc.debugcon_port == 0x402 && o.ends.debugcon.value().path == "log"));
    CHECK_THROWS_AS(parse({"-device", "isa-debugcon,iobase=0x402"}), HostError);
    CHECK_FALSE(parse({"-debugcon", "none"}).ends.debugcon);
}

TEST_CASE("telnet's commands are read over") {
    Telnet telnet;
    using namespace std::string_literals;
    CHECK(telnet.feed("ab\xff\xfd\x01"s + "c\r\0d\0"s).text == "abc\rd\0"s);
    CHECK(telnet.feed("\xff"s).text.empty());
    CHECK(telnet.feed("\xff" "e\xff\xfa\x18\xff\xf0" "f"s).text == "\xff" "ef");
    const auto heard = telnet.feed("g\xff\xf3h"s);
    CHECK((heard.text == "gh" && heard.brk));
    CHECK(Telnet::escaped("a\xff" "b"s) == "a\xff\xff" "b");
}
