// Routes register accesses to the devices on the cable.
#include "devices/ide/ide_channel.h"

namespace ringfold {

namespace {

constexpr uint32_t kData = 0, kDevice = 6, kStatusOrCommand = 7, kControl = 8;
constexpr uint8_t kNoInterrupt = 0x02, kSoftReset = 0x04, kShowPrevious = 0x80;  // device control
constexpr uint8_t kExecuteDiagnostic = 0x90;

}  // namespace

uint32_t IdeChannel::read(uint32_t offset, unsigned size) {
    if (offset == kData) return selected() ? selected()->read_data(size) : 0;
    uint32_t value = 0;
    for (unsigned n = 0; n < size; n++) value |= uint32_t{read_byte(offset + n)} << (8 * n);
    return value;
}

void IdeChannel::write(uint32_t offset, unsigned size, uint32_t value) {
    if (offset == kData) {
        if (selected()) selected()->write_data(size, value);
        return;
    }
    for (unsigned n = 0; n < size; n++) write_byte(offset + n, static_cast<uint8_t>(value >> (8 * n)));
}

uint8_t IdeChannel::status() const {
    if (!selected()) return 0;
    return state_.control & kSoftReset ? uint8_t{IdeUnit::kBsy} : selected()->regs().status;
}

// Where no device is, zeros: never busy, never ready.
uint8_t IdeChannel::read_byte(uint32_t offset) {
    IdeUnit* unit = selected();
    if (!unit) return 0;
    const IdeUnit::TaskFile& r = unit->regs();
    const unsigned shift = state_.control & kShowPrevious ? 8 : 0;
    const auto shown = [shift](uint16_t reg) { return static_cast<uint8_t>(reg >> shift); };
    switch (offset) {
        case 1:
            return r.error;
        case 2:
            return shown(r.count);
        case 3:
            return shown(r.lba_low);
        case 4:
            return shown(r.lba_mid);
        case 5:
            return shown(r.lba_high);
        case kDevice:
            return static_cast<uint8_t>((r.device & 0x4f) | (state_.device & 0x10) | 0xa0);
        case kStatusOrCommand:
            unit->acknowledge_interrupt();
            return status();
        case kControl:
            return status();
    }
    return 0;
}

void IdeChannel::write_byte(uint32_t offset, uint8_t value) {
    if (offset == kControl) return write_control(value);
    state_.control &= static_cast<uint8_t>(~kShowPrevious);
    if (state_.control & kSoftReset) return;
    if (offset == kStatusOrCommand) return write_command(value);
    if (offset == kDevice) state_.device = value;
    for (const auto& unit : units_)
        if (unit) unit->latch(offset, value);
    if (offset == kDevice) interrupt_changed();
}

void IdeChannel::write_command(uint8_t code) {
    if (code == kExecuteDiagnostic && (units_[0] || units_[1])) {
        reset_units();
        // Both take part, the master answers.
        if (units_[0]) units_[0]->interrupt();
    } else if (selected()) {
        selected()->command(code);
    }
}

void IdeChannel::write_control(uint8_t value) {
    const bool released = state_.control & kSoftReset && !(value & kSoftReset);
    state_.control = value;
    if (released) reset_units();
    interrupt_changed();
}

void IdeChannel::reset_units() {
    state_.device = 0;
    for (const auto& unit : units_)
        if (unit) unit->reset();
    interrupt_changed();
}

void IdeChannel::reset() {
    state_.control = 0;
    reset_units();
}

void IdeChannel::dma_started() {
    if (selected()) selected()->dma_started();
}

void IdeChannel::interrupt_changed() {
    irq_.set(selected() && selected()->regs().interrupt && !(state_.control & kNoInterrupt));
}

void IdeChannel::restore(const State& s) {
    state_ = s;
    interrupt_changed();
}

}  // namespace ringfold
