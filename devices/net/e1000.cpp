// The card's registers, its PHY and its interrupt.
#include "devices/net/e1000.h"

#include <bit>

#include "devices/net/e1000_registers.h"
#include "vmm/base/log.h"

namespace ringfold {

namespace {

using namespace e1000;

// A Marvell 88E1011 at address 1: link up at 1000 Mbit/s, negotiation done.
constexpr uint32_t kPhyAddress = 1;
constexpr unsigned kPhyControl = 0;
constexpr uint16_t kPhyReset = 0x8000, kPhyRestart = 0x0200;
constexpr std::array<uint16_t, 32> kPhyFirst = [] {
    std::array<uint16_t, 32> r{};
    r[0] = 0x1140;  // control: negotiate, full duplex, 1000
    r[1] = 0x796d;  // status: link, negotiation complete
    r[2] = 0x0141;  // identifier
    r[3] = 0x0c20;
    r[4] = 0x0de1;  // what we can
    r[5] = 0xcde1;  // what the partner can
    r[6] = 0x0007;
    r[9] = 0x0e00;   // 1000BASE-T control
    r[10] = 0x3c00;  // ... status: the partner can
    r[15] = 0x3000;
    r[16] = 0x0360;  // PHY-specific control
    r[17] = 0xac00;  // ... status: 1000, full duplex, resolved, link
    r[20] = 0x0d60;
    return r;
}();
constexpr uint32_t kPhyWritable = 1u << 0 | 1u << 4 | 1u << 9 | 1u << 16 | 1u << 18 | 1u << 20 | 1u << 29 | 1u << 30;

bool within(uint32_t offset, uint32_t from, uint32_t end) {
    return offset >= from && offset < end;
}

// What a register keeps of what is written; 0 for those that keep nothing or do something.
uint32_t kept_bits(uint32_t offset) {
    if (within(offset, kMta, kVftaEnd)) return offset >= kRaEnd && offset < kVfta ? 0 : ~0u;
    switch (offset) {
        case kCtrlExt:
        case kFcal:
        case kFcah:
        case kFct:
        case kVet:
        case kFcttv:
        case kTipg:
        case kLedctl:
        case kPba:
        case kRdbah:
        case kTdbah:
        case kRxdctl:
        case kTxdctl:
        case kRxcsum:
        case kWuc:
        case kManc:
        case kSwFwSync:
            return ~0u;
        case kSwsm:
            return 2;  // there is no firmware that would hold the lock
        case kItr:
        case kAit:
        case kRdtr:
        case kRadv:
        case kTidv:
        case kTadv:
        case kRdh:
        case kTdh:
        case kRdt:
        case kTdt:
            return 0xffff;
        case kFcrtl:
        case kFcrth:
            return 0x8000fff8;
        case kRdbal:
        case kTdbal:
            return ~15u;
        case kRdlen:
        case kTdlen:
            return 0xfff80;
        case kTctl:
        case kRctl:
            return 0x07ffffff;
        default:
            return 0;
    }
}

}  // namespace

E1000::E1000(net::NetPort& port, PhysicalMemory& memory, const net::MacAddress& mac, std::vector<uint8_t> rom)
    : PciDevice({.vendor = 0x8086,
                 .device = 0x100e,
                 .class_code = 0x020000,
                 .revision = 3,
                 .interrupt_pin = 1}),
      port_(port),
      memory_(memory),
      mac_(mac),
      eeprom_(mac),
      rom_(std::move(rom)) {
    add_bar({.space = PciBar::Space::Memory, .index = 0, .size = 0x20000, .registers = &memory_face_});
    add_bar({.space = PciBar::Space::Io, .index = 1, .size = 64, .registers = &port_face_});
    if (rom_.size()) add_bar({.space = PciBar::Space::Rom, .size = std::bit_ceil(rom_.size()), .registers = &rom_});
    reset_card();
    port_.on_arrival([this] { receive(); });
}

E1000::~E1000() {
    port_.on_arrival({});
}

E1000::State E1000::state() const {
    State s = s_;
    s.pci = pci_state();
    return s;
}

void E1000::restore(const State& s) {
    restore_pci(s.pci);
    s_ = s;
    update_interrupt();
}

void E1000::reset_card() {
    s_ = State{};
    s_.phy = kPhyFirst;
    reg(kCtrl) = kFullDuplex | kSetLinkUp | 2 << 8;
    reg(kDeviceStatus) = kFullDuplex | kLinkUp | kSpeed1000;
    reg(kPba) = 0x00100030;
    reg(kLedctl) = 0x07061302;
    reg(kRal) = static_cast<uint32_t>(mac_[0] | mac_[1] << 8 | mac_[2] << 16) | uint32_t{mac_[3]} << 24;
    reg(kRah) = static_cast<uint32_t>(mac_[4] | mac_[5] << 8) | kAddressValid;
    update_interrupt();
}

uint32_t E1000::read_memory(uint32_t offset, unsigned size) {
    const unsigned shift = 8 * (offset & 3);
    const uint32_t value = read_register(offset & ~3u) >> shift;
    return size == 4 ? value : value & ((1u << 8 * size) - 1);
}

// "Software must access all device registers with 32-bit accesses" (13.1): others are not taken.
void E1000::write_memory(uint32_t offset, unsigned size, uint32_t value) {
    if (size == 4 && offset % 4 == 0)
        write_register(offset, value);
    else
        log::print(log::GuestErrors, "e1000: a write of {} bytes at register {:#x}\n", size, offset);
}

uint32_t E1000::read_port(uint32_t offset, unsigned size) {
    if (offset == 0) return s_.io_address;
    return offset == 4 && size == 4 ? read_register(s_.io_address & ~3u) : 0;
}

void E1000::write_port(uint32_t offset, unsigned size, uint32_t value) {
    if (size != 4) return;
    if (offset == 0) s_.io_address = value & 0x1ffff;
    if (offset == 4) write_register(s_.io_address & ~3u, value);
}

uint32_t E1000::read_register(uint32_t offset) {
    if (offset >= kEnd) return 0;
    switch (offset) {
        case kIcr: {  // reading clears it
            const uint32_t causes = reg(kIcr);
            reg(kIcr) = 0;
            update_interrupt();
            return causes;
        }
        case kEecd:
            return eeprom_.read_pins(s_.eeprom);
        case kIcs:
        case kImc:
            return 0;
        default:
            break;
    }
    if (!within(offset, kStatistics, kStatisticsEnd)) return reg(offset);
    const uint32_t count = reg(offset);  // reading clears it
    reg(offset) = 0;
    return count;
}

void E1000::write_register(uint32_t offset, uint32_t value) {
    if (offset >= kEnd) return;
    if (const uint32_t kept = kept_bits(offset)) reg(offset) = value & kept;
    switch (offset) {
        case kCtrl:
            return write_control(value);
        case kEecd:
            return eeprom_.write_pins(s_.eeprom, value);
        case kEerd:
            if (value & kEerdStart)
                reg(kEerd) = (value & 0xff00) | kEerdDone | uint32_t{eeprom_.word(value >> 8 & 0xff)} << 16;
            return;
        case kMdic:
            return management_access(value);
        case kIcr:
            reg(kIcr) &= ~value;
            return update_interrupt();
        case kIcs:
            return interrupt_cause(value);
        case kIms:
            reg(kIms) |= value & kInterruptBits;
            return update_interrupt();
        case kImc:
            reg(kIms) &= ~value;
            return update_interrupt();
        case kTctl:
        case kTdt:
            return transmit();
        case kRctl:
        case kRdt:
            return receive();
        default:
            return;
    }
}

void E1000::write_control(uint32_t value) {
    if (value & kReset) return reset_card();
    reg(kCtrl) = value;
}

// One of the PHY's registers, by the management interface.
void E1000::management_access(uint32_t value) {
    const unsigned number = value >> 16 & 31;
    uint32_t result = (value & ~kMdicError) | kMdicReady;
    if ((value >> 21 & 31) != kPhyAddress || !(value & (kMdicRead | kMdicWrite))) {
        result |= kMdicError;
    } else if (value & kMdicRead) {
        result = (result & 0xffff0000) | s_.phy[number];
    } else if (kPhyWritable >> number & 1) {
        const auto written = static_cast<uint16_t>(value);
        if (number == kPhyControl && written & kPhyReset)
            s_.phy = kPhyFirst;
        else
            s_.phy[number] = number == kPhyControl ? written & static_cast<uint16_t>(~kPhyRestart) : written;
        if (number == kPhyControl && written & kPhyRestart) interrupt_cause(kLsc);  // done at once
    }
    reg(kMdic) = result;
    if (value & kMdicInterrupt) interrupt_cause(kMdac);
}

void E1000::interrupt_cause(uint32_t bits) {
    reg(kIcr) |= bits & kInterruptBits;
    update_interrupt();
}

void E1000::update_interrupt() {
    interrupt().set(reg(kIcr) & reg(kIms));
}

}  // namespace ringfold
