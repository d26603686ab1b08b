// What disks and CD-ROMs have in common.
#include "devices/ide/ide_unit.h"

#include <algorithm>

namespace ringfold {

void IdeUnit::latch(unsigned reg, uint8_t value) {
    TaskFile& r = unit_.regs;
    const auto push = [value](uint16_t& field) { field = static_cast<uint16_t>(field << 8 | value); };
    switch (reg) {
        case 1:
            return push(r.features);
        case 2:
            return push(r.count);
        case 3:
            return push(r.lba_low);
        case 4:
            return push(r.lba_mid);
        case 5:
            return push(r.lba_high);
        case 6:
            r.device = value;
            return;
    }
}

void IdeUnit::interrupt() {
    unit_.regs.interrupt = true;
    cable_.dma().interrupted();
    cable_.interrupt_changed();
}

void IdeUnit::acknowledge_interrupt() {
    unit_.regs.interrupt = false;
    cable_.interrupt_changed();
}

void IdeUnit::command(uint8_t code) {
    if (unit_.regs.status & (kBsy | kDrq) && !interruptible_by(code)) return;
    acknowledge_interrupt();
    unit_.regs.error = 0;
    unit_.regs.status = kDrdy | kDsc;
    execute(code);
}

void IdeUnit::reset() {
    stop();
    unit_ = {.regs = unit_.regs, .transfer_mode = unit_.transfer_mode};
    unit_.regs.error = 1;  // the diagnostic code: passed
    unit_.regs.device &= 0x10;
    unit_.regs.interrupt = false;
    signature();
    cable_.interrupt_changed();
}

void IdeUnit::wait() {
    unit_.phase = Phase::Waiting;
    unit_.regs.status = kDrdy | kDsc | kBsy;
}

void IdeUnit::begin_block(Phase phase, size_t at, size_t bytes) {
    unit_.phase = phase;
    unit_.position = static_cast<uint32_t>(at);
    unit_.end = static_cast<uint32_t>(std::min(at + bytes, unit_.buffer.size()));
    unit_.regs.status = kDrdy | kDsc | kDrq;
}

void IdeUnit::offer(size_t at, size_t bytes) {
    begin_block(Phase::DataIn, at, bytes);
    interrupt();
}

void IdeUnit::demand(size_t at, size_t bytes, bool with_interrupt) {
    begin_block(Phase::DataOut, at, bytes);
    if (with_interrupt) interrupt();
}

void IdeUnit::finish() {
    unit_.phase = Phase::Idle;
    unit_.regs.status = kDrdy | kDsc;
    interrupt();
}

void IdeUnit::fail(uint8_t error) {
    unit_.phase = Phase::Idle;
    unit_.regs.status = kDrdy | kDsc | kErr;
    unit_.regs.error = error;
    interrupt();
}

// PIO default, PIO 0-4, multiword DMA 0-2, Ultra DMA 0-5.
bool IdeUnit::set_transfer_mode() {
    const unsigned mode = unit_.regs.count & 0xff, kind = mode >> 3, n = mode & 7;
    const bool known = kind == 0 ? n <= 1 : kind == 1 ? n <= 4 : kind == 4 ? n <= 2 : kind == 8 && n <= 5;
    if (known && kind >= 4) unit_.transfer_mode = static_cast<uint8_t>(mode);
    return known;
}

// Bytes behind the block's end read as zero and vanish when written.
uint32_t IdeUnit::read_data(unsigned size) {
    if (unit_.phase != Phase::DataIn) return 0;
    uint32_t value = 0;
    for (unsigned n = 0; n < size && unit_.position < unit_.end; n++)
        value |= uint32_t{unit_.buffer[unit_.position++]} << (8 * n);
    if (unit_.position == unit_.end) {
        unit_.phase = Phase::Idle;
        unit_.regs.status = kDrdy | kDsc;
        block_read();
    }
    return value;
}

void IdeUnit::write_data(unsigned size, uint32_t value) {
    if (unit_.phase != Phase::DataOut) return;
    for (unsigned n = 0; n < size && unit_.position < unit_.end; n++)
        unit_.buffer[unit_.position++] = static_cast<uint8_t>(value >> (8 * n));
    if (unit_.position == unit_.end) {
        unit_.phase = Phase::Idle;
        unit_.regs.status = kDrdy | kDsc;
        block_written();
    }
}

void IdeUnit::send_by_dma() {
    begin_block(Phase::DmaIn, 0, 0);
    move_by_dma();
}

void IdeUnit::fetch_by_dma() {
    begin_block(Phase::DmaOut, 0, 0);
    move_by_dma();
}

void IdeUnit::dma_started() {
    if (unit_.phase == Phase::DmaIn || unit_.phase == Phase::DmaOut) move_by_dma();
}

void IdeUnit::move_by_dma() {
    const bool in = unit_.phase == Phase::DmaIn;
    DmaEngine& dma = cable_.dma();
    if (!dma.ready(in ? DmaEngine::Direction::ToMemory : DmaEngine::Direction::FromMemory)) return;
    switch (in ? dma.to_memory(unit_.buffer) : dma.from_memory(unit_.buffer)) {
        case DmaEngine::Result::Done:
            unit_.phase = Phase::Idle;
            return dma_done();
        case DmaEngine::Result::TooShort:
            return;  // as on hardware: the drive goes on asking, and the guest has to reset it
        case DmaEngine::Result::Fault:
            unit_.phase = Phase::Idle;
            return dma_failed();
    }
}

}  // namespace ringfold
