// The options that say which drives the machine has: -drive, -hda to -hdd, -cdrom, -fda, -fdb, -snapshot.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/block/drive.h"

namespace ringfold {

struct DriveOption {
    enum class Interface : uint8_t { Ide, Floppy, Virtio, None } interface = Interface::Ide;
    static constexpr unsigned kVirtioPlaces = 8;
    bool cdrom = false;
    std::string file;    // empty: a drive without a medium
    std::string format;  // "raw", "qcow2", or empty: look
    bool read_only = false, snapshot = false;
    std::string id;
    std::string serial;  // what the guest sees; empty: one of our own
    block::DrivePolicy policy;
    // IDE: 0 to 3, masters and slaves in turn. Floppy: 0 and 1. Virtio: 0 to 7. None: the next free one.
    std::optional<unsigned> index;
    std::optional<unsigned> boot_index;  // firmware tries the lowest first, before -boot's order
    std::string shown;  // as the user wrote it, for messages: "-hda disk.img"

    bool removable() const { return cdrom || interface == Interface::Floppy; }
};

struct DriveOptions {
    std::vector<DriveOption> list;
    bool snapshot = false;  // of all
    // -device virtio-blk-pci, ide-hd or ide-cd: takes the -drive if=none with that id.
    struct Device {
        std::string drive, shown, serial;
        std::optional<block::OnError> on_write_error, on_read_error;
        DriveOption::Interface interface = DriveOption::Interface::Virtio;
        bool cdrom = false;
        std::optional<unsigned> index, boot_index;
    };
    std::vector<Device> devices;
};

// Each throws HostError with a remedy.
void parse_drive(std::string_view argument, DriveOptions&);
// `name` is hda to hdd, cdrom, fda or fdb.
void add_drive(std::string_view name, std::string_view file, DriveOptions&);
// Takes -device virtio-blk-pci|ide-hd|ide-cd,drive=ID.
bool parse_drive_device(std::string_view argument, DriveOptions&);
// Gives each drive its index; at the end of the command line.
void place_drives(DriveOptions&);

}  // namespace ringfold
