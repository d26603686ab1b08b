// Reads QEMU's drive options.
#include "vmm/drive_options.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "vmm/base/result.h"
#include "vmm/option_words.h"

namespace ringfold {

namespace {

using Interface = DriveOption::Interface;
constexpr unsigned kMostBootIndex = 999'999;

[[noreturn]] void bad(const DriveOption& drive, std::string_view remedy) {
    throw HostError(fmt::format("{}: {}", drive.shown, remedy));
}

unsigned number(const DriveOption& drive, std::string_view key, std::string_view value, unsigned max) {
    unsigned n = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), n);
    if (error != std::errc{} || end != value.data() + value.size() || n > max)
        bad(drive, fmt::format("{}={}: write a number from 0 to {}", key, value, max));
    return n;
}

Interface interface_named(const DriveOption& drive, std::string_view value) {
    if (value == "ide") return Interface::Ide;
    if (value == "floppy") return Interface::Floppy;
    if (value == "virtio") return Interface::Virtio;
    if (value == "none") return Interface::None;
    bad(drive, fmt::format("if={}: there is no such interface; known are ide, virtio, floppy and none", value));
}

// Of QEMU's keys, those that say how the host does it, and make no difference to the guest here.
bool means_nothing(std::string_view key) {
    return key == "aio" || key == "discard" || key == "detect-zeroes";
}

constexpr size_t kLongestSerial = 20;  // of ATA, and of virtio

std::string serial(const DriveOption& drive, const std::string& value) {
    const bool printable = std::ranges::all_of(value, [](char c) { return c >= ' ' && c <= '~'; });
    if (value.empty() || value.size() > kLongestSerial || !printable)
        bad(drive, fmt::format("serial has 1 to {} printable characters", kLongestSerial));
    return value;
}

block::OnError on_error(const DriveOption& drive, const OptionWord& w) {
    if (w.value == "report") return block::OnError::Report;
    if (w.value == "ignore") return block::OnError::Ignore;
    if (w.value == "stop") return block::OnError::Stop;
    if (w.value == "enospc" && w.key == "werror") return block::OnError::StopIfFull;
    bad(drive, fmt::format("{}: write {}=report, ignore{} or stop", w.whole(), w.key, w.key == "werror" ? ", enospc" : ""));
}

// cache=MODE, or cache.writeback=, cache.no-flush= and cache.direct=, of which the last is the host's business.
bool take_cache(DriveOption& drive, const OptionWord& w) {
    using Cache = block::DrivePolicy::Cache;
    if (w.key == "cache") {
        if (w.value == "writeback" || w.value == "none")
            drive.policy.cache = Cache::WriteBack;
        else if (w.value == "writethrough" || w.value == "directsync")
            drive.policy.cache = Cache::WriteThrough;
        else if (w.value == "unsafe")
            drive.policy.cache = Cache::Unsafe;
        else
            bad(drive, fmt::format("{}: known are writeback, none, writethrough, directsync and unsafe", w.whole()));
    } else if (w.key == "cache.writeback") {
        drive.policy.cache = option_switch(drive.shown, w) ? Cache::WriteBack : Cache::WriteThrough;
    } else if (w.key == "cache.no-flush") {
        if (option_switch(drive.shown, w)) drive.policy.cache = Cache::Unsafe;
    } else if (w.key == "cache.direct") {
        option_switch(drive.shown, w);
    } else {
        return false;
    }
    return true;
}

unsigned places(const DriveOption& drive) {
    if (drive.interface == Interface::Virtio) return DriveOption::kVirtioPlaces;
    return drive.interface == Interface::Floppy ? 2 : 4;
}

bool takes(const DriveOption& a, Interface interface, unsigned index) {
    return a.interface == interface && a.index == index;
}

}  // namespace

namespace {

// QEMU's names for what is no file of this host.
void check_file(const DriveOption& drive) {
    if (drive.file.starts_with("fat:"))
        bad(drive, "a folder cannot be a disk; make an image of it with mkfs.fat and mcopy, or genisoimage");
    for (const std::string_view protocol : {"http://", "https://", "ftp://", "ftps://", "nbd:", "nbd+unix://", "ssh://", "rbd:", "iscsi://", "json:"})
        if (drive.file.starts_with(protocol)) bad(drive, fmt::format("{} is not taken: images are files of this host; copy it, or use nbdfuse", protocol));
}

}  // namespace

void parse_drive(std::string_view argument, DriveOptions& options) {
    DriveOption drive{.shown = fmt::format("-drive {}", argument)};
    std::optional<unsigned> bus, unit;
    while (!argument.empty()) {
        const OptionWord w = take_option_word(argument);
        const auto& [key, value, has_value] = w;
        if (key == "file")
            drive.file = value;
        else if (key == "format")
            drive.format = value;
        else if (key == "if")
            drive.interface = interface_named(drive, value);
        else if (key == "media" && (value == "disk" || value == "cdrom"))
            drive.cdrom = value == "cdrom";
        else if (key == "index")
            drive.index = number(drive, key, value, DriveOption::kVirtioPlaces - 1);
        else if (key == "bus")
            bus = number(drive, key, value, 1);
        else if (key == "unit")
            unit = number(drive, key, value, 1);
        else if (key == "snapshot")
            drive.snapshot = option_switch(drive.shown, w);
        else if (key == "readonly" || key == "read-only")
            drive.read_only = option_switch(drive.shown, w);
        else if (key == "id")
            drive.id = value;
        else if (key == "serial")
            drive.serial = serial(drive, value);
        else if (key == "werror")
            drive.policy.write = on_error(drive, w);
        else if (key == "rerror")
            drive.policy.read = on_error(drive, w);
        else if (!take_cache(drive, w) && !means_nothing(key))
            bad(drive,
                fmt::format("{}{}{} is not known; known are file, format, if, media, index, bus, unit, snapshot, "
                            "readonly, cache, serial, werror, rerror and id",
                            key, has_value ? "=" : "", value));
    }
    if (drive.cdrom && drive.interface != Interface::Ide) bad(drive, "a CD-ROM drive is an IDE drive: write if=ide");
    if (bus || unit) {
        if (drive.index) bad(drive, "say index, or bus and unit, not both");
        drive.index = drive.interface == Interface::Floppy ? unit.value_or(0) : bus.value_or(0) * 2 + unit.value_or(0);
    }
    options.list.push_back(std::move(drive));
}

void add_drive(std::string_view name, std::string_view file, DriveOptions& options) {
    DriveOption drive{.file = std::string(file), .shown = fmt::format("-{} {}", name, file)};
    if (file.empty()) bad(drive, "give the name of an image");
    if (name == "cdrom") {
        drive.cdrom = true;
        drive.index = 2;
    } else {
        if (name.starts_with("fd")) drive.interface = Interface::Floppy;
        drive.index = static_cast<unsigned>(name.back() - 'a');
    }
    options.list.push_back(std::move(drive));
}

bool parse_drive_device(std::string_view argument, DriveOptions& options) {
    DriveOptions::Device device{.shown = fmt::format("-device {}", argument)};
    const DriveOption shown{.shown = device.shown};
    const std::string name = take_option_word(argument).key;
    if (name == "ide-hd" || name == "ide-cd") {
        device.interface = Interface::Ide;
        device.cdrom = name == "ide-cd";
    } else if (name == "floppy") {
        device.interface = Interface::Floppy;
    } else if (name != "virtio-blk-pci" && name != "virtio-blk") {
        return false;
    }
    const bool ide = device.interface == Interface::Ide, floppy = device.interface == Interface::Floppy;
    std::optional<unsigned> bus, unit;
    while (!argument.empty()) {
        const OptionWord w = take_option_word(argument);
        if (w.key == "drive")
            device.drive = w.value;
        else if (w.key == "bootindex")
            device.boot_index = number(shown, w.key, w.value, kMostBootIndex);
        else if (ide && w.key == "bus" && w.value.starts_with("ide."))
            bus = number(shown, w.key, w.value.substr(4), 1);
        else if ((ide || floppy) && w.key == "unit")
            unit = number(shown, w.key, w.value, 1);
        else if (w.key == "serial")
            device.serial = serial(shown, w.value);
        else if (w.key == "werror")
            device.on_write_error = on_error(shown, w);
        else if (w.key == "rerror")
            device.on_read_error = on_error(shown, w);
        else if (w.key != "id")
            bad(shown, fmt::format("{} is not known; known are drive, id, serial, werror, rerror, bootindex{}", w.key, ide ? ", bus=ide.0|ide.1 and unit" : ""));
    }
    if (device.drive.empty()) bad(shown, "add drive=ID of a -drive if=none,id=ID");
    if (bus || unit) device.index = bus.value_or(0) * 2 + unit.value_or(0);
    options.devices.push_back(std::move(device));
    return true;
}

namespace {

// A drive of -drive if=none becomes that of its device.
void join(const DriveOptions::Device& device, DriveOptions& options) {
    const auto found = std::ranges::find_if(
        options.list, [&](const DriveOption& d) { return d.id == device.drive && d.interface == Interface::None; });
    if (found == options.list.end())
        throw HostError(fmt::format("{}: there is no free -drive if=none,id={}", device.shown, device.drive));
    found->interface = device.interface;
    found->cdrom = device.cdrom;
    found->boot_index = device.boot_index;
    if (device.index) found->index = device.index;
    if (!device.serial.empty()) found->serial = device.serial;
    if (device.on_write_error) found->policy.write = *device.on_write_error;
    if (device.on_read_error) found->policy.read = *device.on_read_error;
}

}  // namespace

void place_drives(DriveOptions& options) {
    for (const DriveOptions::Device& device : options.devices) join(device, options);
    for (DriveOption& drive : options.list) {
        check_file(drive);
        if (drive.interface == Interface::None) continue;
        for (unsigned index = 0; !drive.index && index < places(drive); index++)
            if (std::ranges::none_of(options.list,
                                     [&](const DriveOption& d) { return takes(d, drive.interface, index); }))
                drive.index = index;
        if (!drive.index) bad(drive, fmt::format("all {} places are taken", places(drive)));
        if (*drive.index >= places(drive)) bad(drive, fmt::format("there are only {} such drives", places(drive)));
        const auto same = [&](const DriveOption& d) { return takes(d, drive.interface, *drive.index); };
        const auto first = std::ranges::find_if(options.list, same);
        if (&*first != &drive) bad(drive, fmt::format("its place is taken by {}; say another index", first->shown));
        if (!drive.removable() && drive.file.empty()) bad(drive, "a disk needs an image: add file=IMAGE");
        if (options.snapshot && !drive.cdrom) drive.snapshot = true;
    }
}

}  // namespace ringfold
