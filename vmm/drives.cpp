// Opens what the drive options name.
#include "vmm/drives.h"

#include <fmt/format.h>

#include "devices/floppy/floppy_geometry.h"
#include "vmm/base/result.h"
#include "vmm/block/open_image.h"

namespace ringfold {

std::unique_ptr<block::BlockBackend> open_drive_image(const DriveOption& option) {
    auto image = block::open_image({.path = option.file,
                                    .format = option.format,
                                    .read_only = option.read_only || option.cdrom,
                                    .snapshot = option.snapshot && !option.read_only,
                                    .option = option.shown});
    if (option.interface == DriveOption::Interface::Floppy && !floppy_geometry(image->size() / block::kSectorBytes))
        throw HostError(fmt::format("{}: {} bytes are more than a floppy disk holds (2.88 MB); give it as -hda",
                                    option.shown, image->size()));
    return image;
}

Drives::Drives(const DriveOptions& options, host::Mailbox& mailbox) {
    for (const DriveOption& option : options.list) {
        auto drive = std::make_unique<block::Drive>(option.shown, mailbox, option.policy);
        if (!option.file.empty()) drive->insert(open_drive_image(option), option.file);
        entries_.push_back({option, std::move(drive)});
    }
}

const Drives::Entry* Drives::find(DriveOption::Interface interface, unsigned index) const {
    for (const Entry& e : entries_)
        if (e.option.interface == interface && e.option.index == index) return &e;
    return nullptr;
}

}  // namespace ringfold
