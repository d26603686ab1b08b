// A 93C46: start bit, two bits of opcode, six of address, then sixteen bits of data, each at a rising clock.
#include "devices/net/e1000_eeprom.h"

#include "devices/net/e1000_registers.h"

namespace ringfold {

namespace {

using namespace e1000;

constexpr unsigned kReadCommand = 0b110, kCommandBits = 9, kAddressBits = 6;
constexpr unsigned kSubsystem = 0x0b, kSubsystemVendor = 0x0c, kDevice = 0x0d, kVendor = 0x0e, kChecksum = 0x3f;
constexpr uint16_t kSum = 0xbaba;  // of all 64 words

}  // namespace

E1000Eeprom::E1000Eeprom(const net::MacAddress& mac) {
    for (size_t n = 0; n < 3; ++n) words_[n] = static_cast<uint16_t>(mac[2 * n] | mac[2 * n + 1] << 8);
    words_[4] = 0xffff;  // LEDs as the driver likes them
    words_[8] = words_[9] = 0xffff;
    words_[kSubsystem] = 0x1100;
    words_[kSubsystemVendor] = 0x1af4;
    words_[kDevice] = 0x100e;
    words_[kVendor] = 0x8086;
    uint16_t sum = 0;
    for (const uint16_t w : words_) sum = static_cast<uint16_t>(sum + w);
    words_[kChecksum] = static_cast<uint16_t>(kSum - sum);
}

uint32_t E1000Eeprom::read_pins(const State& s) const {
    uint32_t value = s.pins | kPresent;
    if (s.pins & kRequest) value |= kGrant;
    // Before the first bit of data goes a zero.
    const bool high = !s.reading || (s.out > 0 && word(s.address) >> (16 - s.out) & 1);
    return value | (high ? kDo : 0);
}

void E1000Eeprom::write_pins(State& s, uint32_t value) const {
    const uint32_t rose = value & ~s.pins;
    s.pins = value & (kSk | kCs | kDi | kRequest);
    if (!(value & kCs)) return;
    if (rose & kCs) s.shifted = s.bits = s.out = s.reading = 0;
    if (!(rose & kSk)) return;
    if (s.reading) {
        if (++s.out > 16) {  // goes on with the next word
            s.out = 1;
            s.address = static_cast<uint8_t>((s.address + 1) % words_.size());
        }
        return;
    }
    if (s.bits == kCommandBits) return;  // not a read: nothing is written here
    s.shifted = s.shifted << 1 | (value & kDi ? 1 : 0);
    if (++s.bits < kCommandBits) return;
    s.address = s.shifted & ((1 << kAddressBits) - 1);
    s.reading = s.shifted >> kAddressBits == kReadCommand;
}

}  // namespace ringfold
