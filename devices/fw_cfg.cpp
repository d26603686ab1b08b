// QEMU's firmware configuration device.
#include "devices/fw_cfg.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "vmm/base/log.h"
#include "vmm/base/result.h"

namespace ringfold {

namespace {

constexpr size_t kNameBytes = FwCfg::kLongestName + 1;
constexpr uint32_t kTraditional = 1, kHasDma = 2;
constexpr uint8_t kDmaSignature[] = {'Q', 'E', 'M', 'U', ' ', 'C', 'F', 'G'};
// Bits of a DMA command's control word; the upper half is the key that kDmaSelect selects.
constexpr uint32_t kDmaError = 1, kDmaRead = 2, kDmaSkip = 4, kDmaSelect = 8, kDmaWrite = 16;
constexpr uint32_t kCommandBytes = 16;

void put_big_endian(FwCfg::Bytes& to, uint32_t value, unsigned size) {
    while (size-- > 0) to.push_back(static_cast<uint8_t>(value >> 8 * size));
}
uint64_t big_endian(std::span<const uint8_t> bytes) {
    uint64_t value = 0;
    for (const uint8_t b : bytes) value = value << 8 | b;
    return value;
}
uint32_t swapped(uint32_t value) {
    return __builtin_bswap32(value);
}

}  // namespace

FwCfg::FwCfg(PhysicalMemory& memory) : memory_(memory) {
    add(kSignature, {'Q', 'E', 'M', 'U'});
    add(kId, little_endian(kTraditional | kHasDma, 4));
    write_directory();
}

FwCfg::Bytes FwCfg::little_endian(uint64_t value, unsigned size) {
    Bytes bytes;
    for (unsigned n = 0; n < size; ++n) bytes.push_back(static_cast<uint8_t>(value >> 8 * n));
    return bytes;
}

void FwCfg::add_file(const std::string& name, Bytes contents) {
    if (name.empty() || name.size() >= kNameBytes || files_.contains(name))
        throw HostError(fmt::format("fw_cfg file {}: not a new name of 1 to 55 characters", name));
    const auto key = static_cast<uint16_t>(kFirstFile + files_.size());
    files_[name] = key;
    items_[key] = std::move(contents);
    write_directory();
}

const FwCfg::Bytes* FwCfg::find_file(std::string_view name) const {
    const auto file = files_.find(name);
    return file == files_.end() ? nullptr : &items_.at(file->second);
}

void FwCfg::write_directory() {
    Bytes directory;
    put_big_endian(directory, static_cast<uint32_t>(files_.size()), 4);
    for (const auto& [name, key] : files_) {
        put_big_endian(directory, static_cast<uint32_t>(items_.at(key).size()), 4);
        put_big_endian(directory, key, 2);
        put_big_endian(directory, 0, 2);
        directory.insert(directory.end(), name.begin(), name.end());
        directory.resize(directory.size() + kNameBytes - name.size());
    }
    add(kFileDirectory, std::move(directory));
}

void FwCfg::select(uint16_t key) {
    state_.selected = key;
    state_.position = 0;
}

// What is left of the selected item; nothing of an item that is not there.
std::span<const uint8_t> FwCfg::rest() const {
    const auto item = items_.find(state_.selected);
    if (item == items_.end() || state_.position >= item->second.size()) return {};
    return std::span(item->second).subspan(state_.position);
}

// Behind an item's end there are zeros.
uint8_t FwCfg::next_byte() {
    const auto left = rest();
    if (left.empty()) return 0;
    ++state_.position;
    return left[0];
}

uint32_t FwCfg::read(uint32_t offset, unsigned size) {
    if (offset == 1) return next_byte();
    if (offset < 4) return 0;
    uint32_t value = 0;
    for (unsigned n = 0; n < size; ++n) value |= uint32_t{kDmaSignature[(offset - 4 + n) % 8]} << 8 * n;
    return value;
}

// The DMA address is big-endian; its lower half, written last, starts the command.
void FwCfg::write(uint32_t offset, unsigned size, uint32_t value) {
    if (offset == 0 && size == 2) {
        select(static_cast<uint16_t>(value));
    } else if (offset == 4 && size == 4) {
        state_.dma_high = swapped(value);
    } else if (offset == 8 && size == 4) {
        const uint64_t address = uint64_t{state_.dma_high} << 32 | swapped(value);
        state_.dma_high = 0;
        run_dma(GuestPhys(address));
    } else {
        log::print(log::GuestErrors, "fw_cfg: a write of {} bytes to register {}\n", size, offset);
    }
}

// A command is {control, length, address}, big-endian; its control word is written back as what is left to do: 0, or
// kDmaError.
void FwCfg::run_dma(GuestPhys command) {
    std::array<uint8_t, kCommandBytes> raw;
    const bool there = memory_.dma_read(command, raw);
    const auto bytes = std::span<const uint8_t>(raw);
    const auto control = static_cast<uint32_t>(big_endian(bytes.first(4)));
    const auto length = static_cast<uint32_t>(big_endian(bytes.subspan(4, 4)));
    const GuestPhys address(big_endian(bytes.subspan(8)));
    if (there && control & kDmaSelect) select(static_cast<uint16_t>(control >> 16));
    const bool done = there && transfer(control, address, length);
    Bytes answer;
    put_big_endian(answer, done ? 0 : kDmaError, 4);
    memory_.dma_write(command, answer);
}

bool FwCfg::transfer(uint32_t control, GuestPhys to, uint32_t length) {
    if (control & kDmaWrite) return false;  // no item can be written
    if (!(control & (kDmaRead | kDmaSkip))) return true;
    constexpr size_t kChunk = 4096;
    const std::array<uint8_t, kChunk> zeros{};
    for (uint32_t done = 0; done < length;) {
        const auto left = rest();
        const auto n = std::min<size_t>(length - done, kChunk);
        const auto from =
            left.empty() ? std::span<const uint8_t>(zeros).first(n) : left.first(std::min(n, left.size()));
        if (control & kDmaRead && !memory_.dma_write(to + done, from)) return false;
        if (left.empty() && !(control & kDmaRead)) return true;
        done += static_cast<uint32_t>(from.size());
        if (!left.empty()) state_.position += static_cast<uint32_t>(from.size());
    }
    return true;
}

}  // namespace ringfold
