// The options that name disks, discs and floppies.
#include "vmm/drive_options.h"

#include <catch2/catch.hpp>

#include "vmm/base/result.h"
#include "vmm/boot_paths.h"

using namespace ringfold;

namespace {

using Interface = DriveOption::Interface;

DriveOptions placed(std::vector<std::string> drives) {
    DriveOptions o;
    for (const std::string& d : drives) parse_drive(d, o);
    place_drives(o);
    return o;
}

}  // namespace

TEST_CASE("-drive in QEMU's spellings") {
    const DriveOptions o = placed({"file=a,format=qcow2,if=ide,index=1,snapshot=on,readonly=off,id=d0,cache=none,aio=native",
                                   "file=b,if=virtio", "file=c,media=cdrom", "if=floppy,file=f,read-only=on", "if=none,id=n,file=x",
                                   "file=with,,comma,bus=1,unit=1"});
    REQUIRE(o.list.size() == 6);
    CHECK(o.list[0].file == "a");
    CHECK(o.list[0].format == "qcow2");
    CHECK(o.list[0].index == 1u);
    CHECK(o.list[0].snapshot);
    CHECK_FALSE(o.list[0].read_only);
    CHECK(o.list[0].id == "d0");
    CHECK(o.list[1].interface == Interface::Virtio);
    CHECK(o.list[1].index == 0u);
    CHECK(o.list[2].cdrom);
    CHECK(o.list[2].index == 0u);  // the first free place
    CHECK(o.list[3].interface == Interface::Floppy);
    CHECK(o.list[3].read_only);
    CHECK_FALSE(o.list[4].index);
    CHECK(o.list[5].file == "with,comma");
    CHECK(o.list[5].index == 3u);
}

TEST_CASE("-hda to -hdd, -cdrom and -fda have their places") {
    DriveOptions o;
    for (const char* name : {"hda", "hdb", "cdrom", "hdd", "fda", "fdb"}) add_drive(name, "x", o);
    place_drives(o);
    std::vector<unsigned> places;
    for (const DriveOption& d : o.list) places.push_back(d.index.value());
    CHECK(places == std::vector<unsigned>{0, 1, 2, 3, 0, 1});
    CHECK(o.list[2].removable());
    CHECK(o.list[4].removable());
    CHECK_FALSE(o.list[0].removable());
    CHECK_THROWS_WITH(add_drive("hda", "", o), "-hda : give the name of an image");
}

TEST_CASE("-device ide-hd and ide-cd take a drive to their place") {
    DriveOptions o;
    for (const char* drive : {"file=a,if=none,id=a", "file=b,if=none,id=b,readonly", "if=none,id=c"}) parse_drive(drive, o);
    CHECK(parse_drive_device("ide-hd,drive=a,bus=ide.1,unit=1,bootindex=2", o));
    CHECK(parse_drive_device("ide-hd,drive=b", o));
    CHECK(parse_drive_device("ide-cd,drive=c,bus=ide.1", o));
    place_drives(o);
    CHECK((o.list[0].interface == Interface::Ide && o.list[0].index == 3u && o.list[0].boot_index == 2u));
    CHECK((o.list[1].index == 0u && o.list[1].read_only));
    CHECK((o.list[2].cdrom && o.list[2].index == 2u));
    for (const char* wrong : {"ide-hd,drive=a,bus=ide.2", "ide-hd,drive=a,bus=x", "ide-hd,drive=a,bootindex=-1", "ide-cd"})
        CHECK_THROWS_AS(parse_drive_device(wrong, o), HostError);
}

TEST_CASE("what becomes of errors, when writes are safe, and serial numbers") {
    using block::OnError;
    using Cache = block::DrivePolicy::Cache;
    DriveOptions o;
    for (const char* drive : {"file=a,werror=stop,rerror=ignore,serial=S1", "file=b,cache=writethrough,werror=enospc",
                              "file=c,if=none,id=c,werror=ignore,cache=unsafe", "file=d,if=virtio,cache.writeback=off"})
        parse_drive(drive, o);
    CHECK(parse_drive_device("ide-hd,drive=c,serial=S 2,rerror=stop", o));
    place_drives(o);
    CHECK((o.list[0].policy.write == OnError::Stop && o.list[0].policy.read == OnError::Ignore && o.list[0].serial == "S1"));
    CHECK((o.list[1].policy.cache == Cache::WriteThrough && o.list[1].policy.write == OnError::StopIfFull));
    CHECK((o.list[2].policy.cache == Cache::Unsafe && o.list[2].policy.write == OnError::Ignore));
    CHECK((o.list[2].policy.read == OnError::Stop && o.list[2].serial == "S 2"));
    CHECK(o.list[3].policy.cache == Cache::WriteThrough);
}

TEST_CASE("bootindex= becomes firmware's names in order") {
    DriveOptions drives;
    NicOptions nics;
    for (const char* drive : {"file=a,if=none,id=a", "file=b,if=none,id=b", "file=c,if=virtio,index=0"}) parse_drive(drive, drives);
    parse_drive_device("ide-hd,drive=a,bus=ide.1,bootindex=2", drives);
    parse_drive_device("virtio-blk-pci,drive=b,bootindex=1", drives);
    parse_nic("user", nics);
    parse_netdev("user,id=n", nics);
    parse_nic_device("e1000,netdev=n,bootindex=0", nics);
    place_drives(drives);
    CHECK(boot_paths(nics, drives, {}) ==
          "/pci@i0cf8/ethernet@4/ethernet-phy@0\n/pci@i0cf8/scsi@6/disk@0,0\n/pci@i0cf8/ide@1,1/drive@1/disk@0");
    drives.list[2].boot_index = 1;
    CHECK_THROWS_WITH(boot_paths(nics, drives, {}), Catch::Contains("another device has bootindex=1"));
    CHECK(boot_paths({}, {}, {}).empty());
    CHECK(boot_paths({}, {}, {parse_option_rom("/a/b.rom,bootindex=3")}) == "/rom@genroms/b.rom");
}

TEST_CASE("-snapshot is for all that can be written") {
    DriveOptions o;
    o.snapshot = true;
    add_drive("hda", "x", o);
    add_drive("cdrom", "y", o);
    place_drives(o);
    CHECK(o.list[0].snapshot);
    CHECK_FALSE(o.list[1].snapshot);
}

TEST_CASE("a drive that cannot be is refused with its own words") {
    for (const char* wrong :
         {"file=a,if=scsi", "file=a,media=tape", "file=a,index=4", "file=a,index=x", "file=a,index=-1", "file=a,index=",
          "file=a,bus=2", "file=a,unit=9", "file=a,index=0,unit=1", "file=a,snapshot=perhaps", "file=a,readonly=2", "file=a,size=5",
          "if=ide", "if=virtio", "file=a,if=virtio,index=8", "file=a,if=floppy,index=2", "file=a,if=virtio,media=cdrom",
          "file=a,cache=fast", "nonsense", "file=a,werror=maybe", "file=a,rerror=enospc", "file=a,serial=",
          "file=a,serial=123456789012345678901", "file=a,cache.no-flush=maybe"}) {
        CAPTURE(wrong);
        try {
            placed({wrong});
            FAIL_CHECK("accepted");
        } catch (const HostError& e) {
            CHECK_THAT(e.what(), Catch::StartsWith(std::string("-drive ") + wrong + ": "));
        }
    }
    CHECK_THROWS_WITH(placed({"file=a,index=2", "media=cdrom,index=2"}), Catch::Contains("its place is taken by -drive file=a,index=2"));
    CHECK_THROWS_WITH(placed({"file=a", "file=b", "file=c", "file=d", "file=e"}), Catch::Contains("all 4 places are taken"));
}

TEST_CASE("-device virtio-blk-pci takes a drive that is free") {
    DriveOptions o;
    parse_drive("file=a,if=none,id=d", o);
    CHECK(parse_drive_device("virtio-blk-pci,drive=d,bootindex=1", o));
    place_drives(o);
    CHECK(o.list[0].interface == Interface::Virtio);
    CHECK_FALSE(parse_drive_device("e1000,netdev=n", o));
    CHECK_THROWS_AS(parse_drive_device("virtio-blk-pci", o), HostError);
    CHECK_THROWS_AS(parse_drive_device("virtio-blk-pci,drive=d,addr=5", o), HostError);
    parse_drive_device("virtio-blk-pci,drive=d", o);  // a second time
    CHECK_THROWS_AS(place_drives(o), HostError);
}
