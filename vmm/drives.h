// The drives that the command line asks for, with their images open. They outlive the machine, which a reset replaces.
#pragma once

#include <memory>
#include <vector>

#include "vmm/block/drive.h"
#include "vmm/drive_options.h"
#include "vmm/host/mailbox.h"

namespace ringfold {

// Opens the image of a drive; throws HostError.
std::unique_ptr<block::BlockBackend> open_drive_image(const DriveOption&);

class Drives {
public:
    struct Entry {
        DriveOption option;
        std::unique_ptr<block::Drive> drive;
    };
    Drives() = default;
    // Opens and locks all images; throws HostError. The mailbox is where their requests end.
    Drives(const DriveOptions& options, host::Mailbox& mailbox);

    const std::vector<Entry>& all() const { return entries_; }
    const Entry* find(DriveOption::Interface interface, unsigned index) const;

private:
    std::vector<Entry> entries_;
};

}  // namespace ringfold
