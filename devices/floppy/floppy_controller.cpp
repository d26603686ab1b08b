// Registers, and the commands that move no data; those that do are in floppy_transfer.cpp.
#include "devices/floppy/floppy_controller.h"

#include <algorithm>
#include <utility>

#include "vmm/base/log.h"

namespace ringfold {

namespace {

constexpr uint8_t kNotReset = 0x04, kDmaGate = 0x08;                                      // DOR
constexpr uint8_t kSoftwareReset = 0x80;                                                  // DSR
constexpr uint8_t kRequest = 0x80, kFromController = 0x40, kNotDma = 0x20, kBusy = 0x10;  // main status
constexpr uint8_t kSeekEnd = 0x20, kInvalid = 0x80, kChanged = 0xc0;                      // ST0
constexpr uint8_t kVersion = 0x90;

}  // namespace

FloppyController::FloppyController(IrqLine irq6, Dma8237& dma) : irq_(irq6), dma_(dma) {
    dma_.on_changed([this] {
        if (dma_mode() && (state_.phase == Phase::ToGuest || state_.phase == Phase::FromGuest)) move();
    });
}

FloppyController::~FloppyController() {
    dma_.on_changed({});
    for (block::BlockDevice* medium : media_) {
        if (!medium) continue;
        medium->on_medium_changed({});
        medium->cancel();
    }
}

void FloppyController::attach(unsigned drive, block::BlockDevice& medium) {
    media_[drive] = &medium;
    const auto g = geometry(drive);
    types_[drive] = g ? g->drive : FloppyDriveType::M1_44;
    medium.on_medium_changed([this, drive] { medium_changed(drive); });
}

std::optional<FloppyGeometry> FloppyController::geometry(unsigned drive) const {
    if (drive >= kDrives || !media_[drive]) return std::nullopt;
    const auto medium = media_[drive]->medium();
    return medium ? floppy_geometry(medium->sectors()) : std::nullopt;
}

void FloppyController::medium_changed(unsigned drive) {
    state_.drives[drive].changed = true;
    const bool transferring = state_.phase != Phase::Command && state_.phase != Phase::Result;
    if (transferring && state_.transfer.drive == drive) end_transfer({0x40, 0x01, 0});
}

// --- registers ---------------------------------------------------------------------------------------------------

uint8_t FloppyController::main_status() const {
    if (!(state_.dor & kNotReset)) return 0;
    switch (state_.phase) {
        case Phase::Command:
            return static_cast<uint8_t>(kRequest | (state_.bytes.empty() ? 0 : kBusy));
        case Phase::Waiting:
            return kBusy;
        case Phase::ToGuest:
            return dma_mode() ? kBusy : kBusy | kRequest | kFromController | kNotDma;
        case Phase::FromGuest:
            return dma_mode() ? kBusy : kBusy | kRequest | kNotDma;
        case Phase::Result:
            return kRequest | kFromController | kBusy;
    }
    return 0;
}

// The change line of the selected drive, if its motor is on. A drive that is not there pulls it too.
uint8_t FloppyController::digital_input() const {
    const unsigned drive = state_.dor & 3;
    if (!(state_.dor & 0x10 << drive)) return 0;
    return drive >= kDrives || !media_[drive] || !media_[drive]->medium() || state_.drives[drive].changed ? 0x80 : 0;
}

uint32_t FloppyController::read(uint32_t offset, unsigned) {
    switch (offset) {
        case 0:  // status A
            return static_cast<uint8_t>(state_.interrupt ? 0x80 : 0);
        case 1:  // status B
            return static_cast<uint8_t>(0xc0 | (state_.dor & 1 ? 0x20 : 0) | (state_.dor & 0x10 ? 1 : 0) |
                                        (state_.dor & 0x20 ? 2 : 0));
        case 2:
            return state_.dor;
        case 3:
            return state_.tape;
        case 4:
            return main_status();
        case 5:
            return read_fifo();
        case 7:
            return digital_input();
    }
    return 0xff;
}

void FloppyController::write(uint32_t offset, unsigned, uint32_t value) {
    const auto byte = static_cast<uint8_t>(value);
    switch (offset) {
        case 2:
            return write_dor(byte);
        case 3:
            state_.tape = byte & 3;
            return;
        case 4:
            state_.dsr = byte & 0x7f;
            state_.rate = byte & 3;
            if (byte & kSoftwareReset) soft_reset();
            return;
        case 5:
            return write_fifo(byte);
        case 7:
            state_.rate = byte & 3;
            return;
    }
}

void FloppyController::set_interrupt(bool level) {
    state_.interrupt = level;
    irq_.set(level && state_.dor & kDmaGate);
}

void FloppyController::write_dor(uint8_t value) {
    const bool was_running = state_.dor & kNotReset;
    state_.dor = value;
    if (!(value & kNotReset)) {
        if (state_.transfer.drive < kDrives && media_[state_.transfer.drive]) media_[state_.transfer.drive]->cancel();
        state_.phase = Phase::Command;
        state_.bytes.clear();
        set_interrupt(false);
    } else if (!was_running) {
        soft_reset();
    } else {
        set_interrupt(state_.interrupt);
    }
}

// All four drives report that they may have become ready or not ready.
void FloppyController::soft_reset() {
    for (block::BlockDevice* medium : media_)
        if (medium) medium->cancel();
    state_.phase = Phase::Command;
    state_.bytes.clear();
    state_.transfer = {};
    if (!state_.locked) {
        state_.configuration = 0x20;
        state_.precompensation = 0;
    }
    for (unsigned drive = 0; drive < 4; drive++) state_.seek_status[drive] = static_cast<uint8_t>(kChanged | drive);
    set_interrupt(true);
}

void FloppyController::reset() {
    for (block::BlockDevice* medium : media_)
        if (medium) medium->cancel();
    state_ = {};
    irq_.lower();
}

void FloppyController::restore(const State& s) {
    state_ = s;
    set_interrupt(s.interrupt);
}

// --- the data register -------------------------------------------------------------------------------------------

uint8_t FloppyController::read_fifo() {
    if (state_.phase == Phase::ToGuest && !dma_mode()) {
        const uint8_t byte = state_.buffer[state_.position++];
        if (state_.position == state_.buffer.size()) chunk_given();
        return byte;
    }
    if (state_.phase != Phase::Result) return 0;
    set_interrupt(false);
    const uint8_t byte = state_.bytes[state_.position++];
    if (state_.position == state_.bytes.size()) {
        state_.phase = Phase::Command;
        state_.bytes.clear();
    }
    return byte;
}

void FloppyController::write_fifo(uint8_t value) {
    if (!(state_.dor & kNotReset)) return;
    if (state_.phase == Phase::FromGuest && !dma_mode()) {
        state_.buffer[state_.position++] = value;
        if (state_.position == state_.buffer.size()) chunk_given();
        return;
    }
    if (state_.phase != Phase::Command) return;
    state_.bytes.push_back(value);
    if (state_.bytes.size() >= command_length(state_.bytes[0])) execute();
}

void FloppyController::answer(std::vector<uint8_t> bytes) {
    state_.bytes = std::move(bytes);
    state_.position = 0;
    state_.phase = state_.bytes.empty() ? Phase::Command : Phase::Result;
}

// --- commands ----------------------------------------------------------------------------------------------------

// The bytes of a command, its code included. What is not a command is one byte long.
unsigned FloppyController::command_length(uint8_t code) {
    switch (code & 0x1f) {
        case 0x02:  // READ TRACK
        case 0x05:  // WRITE DATA
        case 0x06:  // READ DATA
        case 0x09:  // WRITE DELETED DATA
        case 0x0c:  // READ DELETED DATA
        case 0x16:  // VERIFY
            return 9;
        case 0x0d:  // FORMAT TRACK
            return 6;
        case 0x13:  // CONFIGURE
            return 4;
        case 0x03:  // SPECIFY
            return 3;
        case 0x0f:  // SEEK, RELATIVE SEEK
            return 3;
        case 0x04:  // SENSE DRIVE STATUS
        case 0x07:  // RECALIBRATE
        case 0x0a:  // READ ID
        case 0x12:  // PERPENDICULAR MODE
            return 2;
    }
    return 1;
}

void FloppyController::execute() {
    const uint8_t code = state_.bytes[0], base = code & 0x1f;
    switch (base) {
        case 0x03:
            return specify();
        case 0x04:
            return sense_drive();
        case 0x05:
        case 0x09:
            return begin_transfer(Transfer::Kind::Write);
        case 0x02:
        case 0x06:
        case 0x0c:
            return begin_transfer(Transfer::Kind::Read);
        case 0x07:
            return seek(state_.bytes[1] & 3, 0);
        case 0x0a:
            return read_id();
        case 0x0d:
            return begin_format();
        case 0x0f:
            if (code & 0x80) return relative_seek();
            return seek(state_.bytes[1] & 3, state_.bytes[2]);
        case 0x12:
            state_.perpendicular = state_.bytes[1];
            return answer({});
        case 0x13:
            return configure();
        case 0x16:
            return begin_transfer(Transfer::Kind::Verify);
    }
    if (code == 0x08) return sense_interrupt();
    if (code == 0x0e) return dump_registers();
    if (code == 0x10) return answer({kVersion});
    if (base == 0x14) {  // LOCK, and UNLOCK
        state_.locked = code & 0x80;
        return answer({static_cast<uint8_t>(state_.locked ? 0x10 : 0)});
    }
    log::print(log::GuestErrors, "floppy: command {:#x} is not supported\n", code);
    answer({kInvalid});
}

void FloppyController::specify() {
    state_.step_and_unload = state_.bytes[1];
    state_.load = state_.bytes[2];
    state_.without_dma = state_.bytes[2] & 1;
    answer({});
}

void FloppyController::configure() {
    state_.configuration = state_.bytes[2];
    state_.precompensation = state_.bytes[3];
    answer({});
}

void FloppyController::sense_drive() {
    const unsigned drive = state_.bytes[1] & 3, head = state_.bytes[1] & 4;
    const bool there = drive < kDrives && media_[drive];
    const auto medium = there ? media_[drive]->medium() : std::nullopt;
    const auto g = geometry(drive);
    unsigned st3 = 0x20 | head | drive;
    if (medium && medium->read_only) st3 |= 0x40;
    if (there && state_.drives[drive].track == 0) st3 |= 0x10;
    if (!g || g->heads == 2) st3 |= 0x08;
    answer({static_cast<uint8_t>(st3)});
}

// Heads move at once. A drive that is not there never finds track 0.
void FloppyController::seek(unsigned drive, unsigned track) {
    const bool there = drive < kDrives && media_[drive];
    const unsigned head = state_.bytes[1] & 4;
    const bool recalibrate = state_.bytes[0] == 0x07;
    uint8_t status = static_cast<uint8_t>(kSeekEnd | drive | (recalibrate ? 0 : head));
    if (there) {
        DriveState& d = state_.drives[drive];
        // A step with a disk in the drive clears the change line.
        if (d.track != track && media_[drive]->medium()) d.changed = false;
        d.track = static_cast<uint8_t>(std::min(track, 84u));
    } else if (recalibrate) {
        status |= 0x40 | 0x10;  // abnormal, equipment check
    }
    state_.seek_status[drive] = status;
    answer({});
    set_interrupt(true);
}

void FloppyController::relative_seek() {
    const unsigned drive = state_.bytes[1] & 3, now = drive < kDrives ? state_.drives[drive].track : 0u;
    const unsigned steps = state_.bytes[2];
    seek(drive, state_.bytes[0] & 0x40 ? now + steps : now - std::min(steps, now));
}

void FloppyController::sense_interrupt() {
    set_interrupt(false);
    for (unsigned drive = 0; drive < 4; drive++) {
        const uint8_t status = std::exchange(state_.seek_status[drive], uint8_t{0});
        if (status) return answer({status, drive < kDrives ? state_.drives[drive].track : uint8_t{0}});
    }
    answer({kInvalid});
}

void FloppyController::dump_registers() {
    const State& s = state_;
    answer({s.drives[0].track, s.drives[1].track, 0, 0, s.step_and_unload, s.load, s.transfer.last_sector,
            static_cast<uint8_t>((s.locked ? 0x80 : 0) | (s.perpendicular & 0x7f)), s.configuration,
            s.precompensation});
}

}  // namespace ringfold
