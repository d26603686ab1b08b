// The options that say what kind of PC it is.
#include "vmm/pc_options.h"

#include <catch2/catch.hpp>

#include "test/unit/vmm/parse_options.h"
#include "vmm/base/result.h"

using namespace ringfold;
using namespace ringfold::test;

TEST_CASE("without a kernel the machine is an i440FX PC with a display, with one it is bare") {
    CHECK(parse({}).has_board());
    CHECK(parse({}).has_vga());
    CHECK_FALSE(parse({"-vga", "none"}).has_vga());
    CHECK_FALSE(parse({"-kernel", "k"}).has_board());
    CHECK(parse({"-kernel", "k", "-machine", "pc"}).has_vga());
    CHECK(parse({"-kernel", "k", "-vga", "std"}).has_board());
    CHECK_FALSE(parse({"-kernel", "k", "-M", "bare"}).has_board());
    CHECK_THROWS_AS(parse({"-machine", "bare"}), HostError);
    CHECK_THROWS_AS(parse({"-kernel", "k", "-machine", "bare", "-vga", "std"}), HostError);
    CHECK_THROWS_AS(parse({"-kernel", "k", "-bios", "b"}), HostError);
    CHECK_THROWS_AS(parse({"-kernel", "k", "-display", "curses"}), HostError);
    CHECK_THROWS_AS(parse({"-kernel", "k", "-screendump", "s"}), HostError);
}

TEST_CASE("-machine in QEMU's spellings") {
    PcOptions o;
    CHECK(parse_machine("pc-i440fx-7.2,acpi=off,usb=off", o).empty());
    CHECK(o.board == BoardKind::I440fx);
    CHECK_FALSE(o.acpi);
    CHECK(parse_machine("type=pc,accel=interp,graphics=off", o) == "interp");
    CHECK(o.no_graphic);
    CHECK(parse({"-machine", "pc,accel=interp"}).accel == Accel::Interpreter);
    for (const char* wrong : {"", "q35", "pc,usb=on", "pc,foo=1", "pc,acpi=perhaps"})
        CHECK_THROWS_AS(parse_machine(wrong, o), HostError);
}

TEST_CASE("-boot takes an order, plain or named, and the menu") {
    PcOptions o;
    parse_boot("d", o);
    CHECK(o.boot_order == "d");
    parse_boot("order=nca,menu=on,splash-time=65535,strict=on", o);
    CHECK(o.boot_order == "nca");
    CHECK(o.boot_menu_wait == 65535);
    parse_boot("once=dn,reboot-timeout=500", o);
    CHECK((o.boot_order == "nca" && o.boot_once == "dn" && o.reboot_timeout == 500));
    CHECK(o.boot_menu);
    parse_boot("menu=off", o);
    CHECK_FALSE(o.boot_menu);
    for (const char* wrong : {"", "x", "order=", "menu=perhaps", "once=", "reboot-timeout=x", "splash=file", "splash-time=65536", "splash-time="})
        CHECK_THROWS_AS(parse_boot(wrong, o), HostError);
}

TEST_CASE("what scripts for QEMU pass and what means nothing here") {
    CHECK(parse({"-nodefaults", "-no-user-config", "-name", "x", "-net", "none", "-nic", "none", "-parallel", "none",
                 "-smp", "1", "-no-hpet"})
              .has_board());
    CHECK_FALSE(parse({"-no-acpi"}).pc.acpi);
    CHECK(parse({"-global", "isa-debugcon.iobase=0x402"}).pc.debugcon_port == 0x402);
    CHECK_THROWS_AS(parse({"-global", "isa-debugcon.iobase=0x12345"}), HostError);
    CHECK_THROWS_AS(parse({"-smp", "2"}), HostError);
    CHECK_THROWS_AS(parse({"-net", "vde"}), HostError);
    CHECK_THROWS_AS(parse({"-vga", "cirrus"}), HostError);
}

TEST_CASE("firmware speaks on the serial port unless a display was asked for") {
    CHECK(parse({}).firmware_on_serial());
    CHECK(parse({"-nographic"}).firmware_on_serial());
    CHECK_FALSE(parse({"-display", "none"}).firmware_on_serial());
    CHECK(parse({"-display", "none", "-vga", "none"}).firmware_on_serial());
    CHECK_FALSE(parse({"-display", "curses"}).ends.port_on_terminal());
}
