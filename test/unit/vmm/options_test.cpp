// The command line: QEMU's spellings, and one clear line for whatever is wrong.
#include "vmm/options.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "test/unit/vmm/parse_options.h"
#include "translator/classify/classifier.h"
#include "vmm/base/result.h"

using namespace ringfold;
using namespace ringfold::test;

TEST_CASE("options have QEMU's names and take one dash or two") {
    const Options one = parse({"-kernel", "k", "-m", "64", "-append", "a b", "-serial", "file:out", "-no-reboot"});
    const Options two = parse({"--kernel=k", "--m", "64", "--append=a b", "--serial=file:out", "--no-reboot"});
    for (const Options& o : {one, two}) {
        CHECK(o.kernel == "k");
        CHECK(o.memory_bytes == 64u << 20);
        CHECK(o.append == "a b");
        REQUIRE(o.ends.serials[0]);
        CHECK(o.ends.serials[0]->kind == CharAddress::Kind::File);
        CHECK(o.ends.serials[0]->path == "out");
        CHECK(o.no_reboot);
    }
}

TEST_CASE("the defaults are 256 MiB, the translator and the serial port on this terminal") {
    const Options o = parse({"-kernel", "k"});
    CHECK(o.memory_bytes == 256u << 20);
    CHECK_FALSE(o.ram_source.allocates());
    CHECK(o.accel == Accel::Translator);
    CHECK(o.ends.port_on_terminal() == 0u);
    CHECK(o.ends.serials[0]->keys);
    CHECK_FALSE(o.ends.serials[1]);
    CHECK_FALSE(o.ends.debugcon);
    CHECK_FALSE(o.debug_exit);
}

TEST_CASE("memory sizes") {
    const auto megabytes = [](const char* text) { return parse({"-kernel", "k", "-m", text}).memory_bytes >> 20; };
    CHECK(megabytes("1") == 1);
    CHECK(megabytes("512M") == 512);
    CHECK(megabytes("2g") == 2048);
    CHECK(megabytes("4096K") == 4);
    CHECK(megabytes("size=3G") == 3072);
    CHECK(megabytes("3584") == 3584);
    for (const char* text : {"0", "4G", "4096", "3585", "1K", "1025K", "99999999999999999999", "-5", "abc", "12Q", "M",
                             "", "18446744073709551615G", "1T"}) {
        INFO(text);
        const std::string error = error_of({"-kernel", "k", "-m", text});
        CHECK(error.rfind("-m ", 0) == 0);
        CHECK(error.find("-m 256M") != std::string::npos);
        CHECK(error.find('\n') == std::string::npos);
    }
}

TEST_CASE("devices and destinations") {
    const Options o = parse({"-kernel",   "k",      "-device",    "isa-debug-exit,iobase=0xf4,iosize=0x04",
                             "-debugcon", "stdio",  "-serial",    "mon:stdio",
                             "-accel",    "interp", "-engine",    "windows",
                             "-display",  "none",   "-nographic", "-d",
                             "int,mmu",   "-D",     "log",        "-stats",
                             "s.json"});
    REQUIRE(o.debug_exit);
    CHECK(o.debug_exit->base == 0xf4);
    CHECK(o.debug_exit->size == 4);
    CHECK(o.ends.debugcon.value().kind == CharAddress::Kind::Stdio);
    CHECK(o.ends.serials[0].value().keys);
    CHECK(o.accel == Accel::Interpreter);
    CHECK(o.log_categories == "int,mmu");
    CHECK(o.log_file == "log");
    CHECK(o.stats_file == "s.json");
    CHECK_FALSE(parse({"-kernel", "k", "-serial", "stdio"}).ends.serials[0].value().keys);
}

TEST_CASE("the translator's own options") {
    const Options o = parse({"-kernel", "k", "-accel", "bt,tb-size=8,simulate=call+ret"});
    CHECK(o.translator.engine_options.cache_bytes == 8u << 20);
    CHECK(o.translator.emit.simulate_families ==
          (uint64_t{1} << static_cast<unsigned>(EmitKind::call) | uint64_t{1} << static_cast<unsigned>(EmitKind::ret)));
    CHECK(parse({"-kernel", "k", "-accel", "bt"}).translator.emit.simulate_families == 0);
    CHECK(parse({"-kernel", "k", "-machine", "pc,accel=tcg", "-cpu", "qemu32", "-no-kvm"}).accel == Accel::Translator);
}

TEST_CASE("a bad value is answered by one line that begins with its option") {
    const struct {
        std::vector<std::string> words;
        const char* begins;
    } cases[] = {
        {{"-kernel", "k", "-accel", "kvm"}, "-accel kvm: "},
        {{"-kernel", "k", "-accel", "bt,tb-size=1"}, "-accel bt,tb-size=1: "},
        {{"-kernel", "k", "-accel", "bt,fast"}, "-accel bt,fast: "},
        {{"-kernel", "k", "-accel", "bt,simulate=call+cal"}, "-accel bt,simulate=call+cal: cal is not"},
        {{"-kernel", "k", "-engine", "pages"}, "-engine pages: "},
        {{"-kernel", "k", "-serial", "tcp:1"}, "-serial tcp:1: "},
        {{"-kernel", "k", "-serial", "file:"}, "-serial file:: "},
        {{"-kernel", "k", "-debugcon", "mon:stdio"}, "-debugcon mon:stdio: "},
        {{"-kernel", "k", "-display", "sdl"}, "-display sdl: "},
        {{"-kernel", "k", "-device", "e1000"}, "-device e1000: "},
        {{"-kernel", "k", "-device", "isa-debug-exit,iobase=zz"}, "-device "},
        {{"-kernel", "k", "-device", "isa-debug-exit,iosize=0"}, "-device "},
        {{"-kernel", "k", "-device", "isa-debug-exit,iobase=0xffff,iosize=4"}, "-device "},
        {{"-kernel", "k", "-d", "everything"}, "-d: "},
        {{"-kernel", ""}, "-kernel '': "},
        {{"-kernel"}, "-kernel: "},
        {{"-kernel", "k", "-frobnicate"}, "-frobnicate: "},
        {{"-kernel", "k", "-no-reboot=1"}, "-no-reboot=1: "},
        {{"-no-reb"}, "-no-reb: not an option"},
        {{"-mtdblock", "x"}, "-mtdblock: there is no flash memory"},
        {{"-m256"}, "-m256: not an option"},
        {{"-usb"}, "-usb: there is no USB"},
        {{"-gdb", "tcp::1234"}, "-gdb: there is no GDB"},
        {{"-cpu", "486"}, "-cpu 486: "},
        {{"-machine", "bare"}, "-machine bare: "},
    };
    for (const auto& c : cases) {
        INFO(c.begins);
        const std::string error = error_of(c.words);
        CHECK(error.rfind(c.begins, 0) == 0);
        CHECK(error.size() > std::string(c.begins).size() + 10);
        CHECK(error.find('\n') == std::string::npos);
    }
}

TEST_CASE("-help and -version need no kernel, and -help names every option") {
    CHECK(parse({"-help"}).action == Options::Action::ShowHelp);
    CHECK(parse({"--help"}).action == Options::Action::ShowHelp);
    CHECK(parse({"-version"}).action == Options::Action::ShowVersion);
    for (const char* name : {"-m ", "-kernel", "-initrd", "-append", "-serial", "-nographic", "-display", "-no-reboot",
                             "-accel", "-engine", "-device", "-debugcon", "-d ", "-D ", "-stats", "-version", "-help",
                             "-bios", "-boot", "-machine pc", "-vga", "-screendump", "-global"})
        CHECK(help_text().find(name) != std::string::npos);
}

TEST_CASE("-adapt takes a policy and its thresholds") {
    CHECK(parse({"-kernel", "k"}).translator.policy.name == "hot");
    const PolicyChoice hot = parse({"-kernel", "k", "-adapt", "hot=17"}).translator.policy;
    CHECK(hot.name == "hot");
    CHECK(hot.thresholds.direct_after == 17);
    const PolicyChoice other =
        parse({"-kernel", "k", "-adapt", "innocent,guilty-score=3,forgiven-cycles=5000000000"}).translator.policy;
    CHECK(other.name == "innocent");
    CHECK(other.thresholds.guilty_score == 3);
    CHECK(other.thresholds.forgiven_cycles == 5'000'000'000);
    CHECK(other.thresholds.direct_after == Thresholds{}.direct_after);
    CHECK(error_of({"-kernel", "k", "-adapt", "lukewarm"}).find("never-direct") != std::string::npos);
    for (const char* wrong : {"hot=0", "hot=x", "hot,direct-after", "hot,colour=3", "hot,guilty-score=5000000000"})
        CHECK(error_of({"-kernel", "k", "-adapt", wrong}).find(wrong) != std::string::npos);
}

TEST_CASE("what scripts for QEMU pass takes effect") {
    CHECK(parse({"disk.img"}).drives.list.at(0).file == "disk.img");
    CHECK(parse({"-accel", "kvm", "-accel", "tcg"}).accel == Accel::Translator);
    CHECK(parse({"-accel", "interp", "-accel", "tcg"}).accel == Accel::Interpreter);
    CHECK(parse({"-tb-size", "64"}).translator.engine_options.cache_bytes == 64u << 20);
    CHECK(parse({"-action", "reboot=shutdown,shutdown=pause"}).no_reboot);
    CHECK(parse({"-action", "shutdown=pause"}).no_shutdown);
    CHECK(parse({"-smp", "cpus=1,sockets=1"}).drives.list.empty());
    CHECK(parse({"-machine", "pc-1.0,dump-guest-core=off"}).pc.board == BoardKind::I440fx);
    CHECK(parse({"-vga", "none", "-device", "VGA"}).pc.vga == VgaKind::Std);
    const Options floppy = parse({"-drive", "if=none,id=f,file=x", "-device", "floppy,drive=f,unit=1"});
    CHECK((floppy.drives.list[0].interface == DriveOption::Interface::Floppy && floppy.drives.list[0].index == 1u));
}

TEST_CASE("what is not here says why, and what to write instead") {
    const struct {
        std::vector<std::string> words;
        const char* part;
    } cases[] = {
        {{"-accel", "kvm"}, "without hardware virtualization"}, {{"a", "b"}, "-hdb"}, {{"-smp", "2"}, "-smp 1"}, {{"-smp", "cores=2"}, "-smp 1"},
        {{"-smp", ""}, "-smp 1"}, {{"-m", "1G,slots=2,maxmem=2G"}, "cannot be added later"}, {{"-device", "usb-tablet"}, "PS/2"},
        {{"-device", "nvme,drive=x"}, "ide-hd"}, {{"-device", "rtl8139,netdev=x"}, "e1000"}, {{"-virtfs", "local"}, "tftp"},
        {{"-object", "rng-random"}, "no objects"}, {{"-overcommit", "mem-lock=on"}, "not locked"}, {{"-action", "panic=none"}, "reboot="},
        {{"-hda", "fat:rw:."}, "mkfs.fat"}, {{"-cdrom", "https://x/y.iso"}, "copy it"}, {{"-redir", "tcp:1::2"}, "hostfwd"},
    };
    for (const auto& c : cases) {
        const std::string error = error_of(c.words);
        INFO(error);
        CHECK(error.find(c.part) != std::string::npos);
        CHECK(error.find('\n') == std::string::npos);
    }
}
