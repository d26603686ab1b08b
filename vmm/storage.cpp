// Puts drives on controllers, controllers on the buses, and their types into CMOS memory, where a BIOS looks.
#include "vmm/storage.h"

#include <fmt/format.h>

namespace ringfold {

namespace {

using Interface = DriveOption::Interface;

constexpr unsigned kFloppyIrq = 6, kPrimaryIrq = 14, kSecondaryIrq = 15;
constexpr PciSlot kPiixIde{1, 1};

// CMOS registers.
constexpr uint8_t kFloppyTypes = 0x10, kDiskTypes = 0x12, kEquipment = 0x14, kDiskType = 0x19, kTranslations = 0x39;
constexpr uint8_t kUserDefined = 47;   // a disk's type: the BIOS asks the disk itself
constexpr unsigned kTranslateLba = 1;  // SeaBIOS's word for 255 heads and 63 sectors
constexpr uint64_t kLargestUntranslated = 1024 * 16 * 63;

void describe_disk(Rtc& rtc, unsigned index, uint64_t sectors) {
    if (index < 2) {
        rtc.set_cmos(kDiskTypes, static_cast<uint8_t>(rtc.cmos(kDiskTypes) | (index ? 0x0f : 0xf0)));
        rtc.set_cmos(static_cast<uint8_t>(kDiskType + index), kUserDefined);
    }
    if (sectors > kLargestUntranslated)
        rtc.set_cmos(kTranslations, static_cast<uint8_t>(rtc.cmos(kTranslations) | kTranslateLba << (2 * index)));
}

}  // namespace

Storage::Storage(const Board& board, const Drives& drives)
    : dma_(board.memory),
      ide_(board.irqs.line(kPrimaryIrq), board.irqs.line(kSecondaryIrq), board.memory),
      floppy_(board.irqs.line(kFloppyIrq), dma_) {
    board.bus.claim({.base = 0x00, .length = 16, .first_register = 0}, dma_);
    board.bus.claim({.base = 0xc0, .length = 32, .first_register = 16}, dma_);
    board.bus.claim({.base = 0x81, .length = 15, .first_register = 49}, dma_);
    connect_ide(board, drives);
    connect_floppies(board, drives);
}

void Storage::connect_ide(const Board& board, const Drives& drives) {
    for (unsigned n = 0; n < 4; n++) {
        const Drives::Entry* entry = drives.find(Interface::Ide, n);
        if (!entry) continue;
        if (entry->option.cdrom) {
            cdroms_.emplace_back(n, &ide_.attach_cdrom(n, *entry->drive, entry->option.serial));
        } else {
            disks_.emplace_back(n, &ide_.attach_disk(n, *entry->drive, entry->option.serial));
            describe_disk(board.rtc, n, entry->drive->medium()->sectors());
        }
    }
    for (unsigned n = 0; n < 2; n++) {
        const uint16_t base = n ? 0x170 : 0x1f0;
        board.bus.claim({.base = base, .length = 8, .width = Width::Dword}, ide_.channel(n));
        board.bus.claim({.base = static_cast<uint16_t>(base + 0x206), .length = 1, .first_register = 8},
                        ide_.channel(n));
    }
    if (!board.pci) return;
    pci_function_.emplace(ide_);
    board.pci->add(kPiixIde, *pci_function_);
}

// A channel after its units: it drives their interrupt line.
void Storage::list_parts(StateParts& parts) {
    parts.add("dma", dma_);
    if (pci_function_) parts.add("ide", *pci_function_);
    for (auto& [n, disk] : disks_) parts.add(fmt::format("disk{}", n), *disk);
    for (auto& [n, cdrom] : cdroms_) parts.add(fmt::format("cdrom{}", n), *cdrom);
    for (unsigned n = 0; n < 2; n++) {
        parts.add(fmt::format("bus-master{}", n), ide_.bus_master(n));
        parts.add(fmt::format("ide-channel{}", n), ide_.channel(n));
    }
    parts.add("floppy", floppy_);
}

AtapiCdrom* Storage::cdrom(unsigned index) {
    for (auto& [n, cdrom] : cdroms_)
        if (n == index) return cdrom;
    return nullptr;
}

// Without drives there is no controller.
void Storage::connect_floppies(const Board& board, const Drives& drives) {
    unsigned count = 0, types = 0;
    for (unsigned n = 0; n < FloppyController::kDrives; n++) {
        const Drives::Entry* entry = drives.find(Interface::Floppy, n);
        if (!entry) continue;
        floppy_.attach(n, *entry->drive);
        types |= static_cast<unsigned>(floppy_.drive_type(n)) << (n ? 0 : 4);
        count = n + 1;
    }
    board.rtc.set_cmos(kFloppyTypes, static_cast<uint8_t>(types));
    if (!count) return;
    board.rtc.set_cmos(kEquipment, static_cast<uint8_t>(board.rtc.cmos(kEquipment) | 1 | (count - 1) << 6));
    board.bus.claim({.base = 0x3f0, .length = 6}, floppy_);
    board.bus.claim({.base = 0x3f7, .length = 1, .first_register = 7}, floppy_);
}

}  // namespace ringfold
