// IDENTIFY DEVICE and IDENTIFY PACKET DEVICE data.
#include "devices/ide/identify.h"

#include <algorithm>

#include "devices/ide/ata_disk.h"

namespace ringfold {

void IdentifyData::set32(unsigned word, uint32_t value) {
    words_[word] = static_cast<uint16_t>(value);
    words_[word + 1] = static_cast<uint16_t>(value >> 16);
}

void IdentifyData::set64(unsigned word, uint64_t value) {
    set32(word, static_cast<uint32_t>(value));
    set32(word + 2, static_cast<uint32_t>(value >> 32));
}

void IdentifyData::text(unsigned first_word, unsigned words, std::string_view text) {
    for (unsigned i = 0; i < 2 * words; i++) {
        const auto letter = static_cast<uint8_t>(i < text.size() ? text[i] : ' ');
        uint16_t& word = words_[first_word + i / 2];
        word = static_cast<uint16_t>(i % 2 ? word | letter : letter << 8);
    }
}

void IdentifyData::dma_modes(uint8_t chosen) {
    words_[53] |= 6;                                                  // words 64-70 and 88 are valid
    words_[63] = 0x07;                                                // multiword DMA 0-2
    words_[64] = 0x03;                                                // PIO 3 and 4
    for (unsigned word = 65; word <= 68; word++) words_[word] = 120;  // ns a cycle
    words_[88] = 0x3f;                                                // Ultra DMA 0-5
    const auto selected = static_cast<uint16_t>(0x100 << (chosen & 7));
    if (chosen >> 3 == 4) words_[63] |= selected;
    if (chosen >> 3 == 8) words_[88] |= selected;
    words_[93] = 0x6001;  // a cable of 80 wires
}

std::vector<uint8_t> IdentifyData::bytes() const {
    std::vector<uint8_t> bytes(512);
    for (size_t i = 0; i < words_.size(); i++) {
        bytes[2 * i] = static_cast<uint8_t>(words_[i]);
        bytes[2 * i + 1] = static_cast<uint8_t>(words_[i] >> 8);
    }
    bytes[510] = 0xa5;
    unsigned sum = 0;
    for (const uint8_t b : bytes) sum += b;
    bytes[511] = static_cast<uint8_t>(-sum);
    return bytes;
}

void AtaDisk::identify() {
    constexpr uint64_t kMaxLba28 = 0x0fffffff;
    constexpr uint16_t kSectorBytes = 512;
    IdentifyData d;
    d[0] = 0x0040;  // a fixed disk
    d[1] = static_cast<uint16_t>(std::clamp<uint64_t>(sectors_ / (16 * 63), 1, 16383));
    d[3] = 16;
    d[4] = 63 * kSectorBytes;  // ATA-1's bytes of a track and of a sector, by which Bochs's BIOS counts
    d[5] = kSectorBytes;
    d[6] = 63;
    d.text(10, 10, serial_);
    d.text(23, 4, "1.0");
    d.text(27, 20, "RINGFOLD HARDDISK");
    d[47] = 0x8010;  // up to 16 sectors in a block
    d[48] = 1;       // the data port takes 32 bits
    d[49] = 0x0f00;  // LBA, DMA, IORDY
    d[50] = 0x4000;
    d[53] = 1;
    d[54] = state_.cylinders;
    d[55] = state_.heads;
    d[56] = state_.sectors_per_track;
    const uint64_t chs = uint64_t{state_.cylinders} * state_.heads * state_.sectors_per_track;
    d.set32(57, static_cast<uint32_t>(std::min(chs, kMaxLba28)));
    if (state_.multiple) d[59] = static_cast<uint16_t>(0x100 | state_.multiple);
    d.set32(60, static_cast<uint32_t>(std::min(sectors_, kMaxLba28)));
    d.dma_modes(transfer_mode());
    d[80] = 0x007e;  // ATA-1 to ATA-6
    d[82] = 0x0060;  // write cache, look-ahead
    d[83] = 0x7400;  // FLUSH CACHE, FLUSH CACHE EXT, 48-bit addresses
    d[84] = 0x4040;  // WRITE DMA FUA EXT
    d[85] = static_cast<uint16_t>((state_.write_cache ? 0x20 : 0) | (state_.look_ahead ? 0x40 : 0));
    d[86] = 0x3400;
    d[87] = 0x4040;
    d.set64(100, sectors_);
    buffer() = d.bytes();
    offer(0, buffer().size());
}

}  // namespace ringfold
