// QEMU's firmware configuration device: what firmware asks the machine about itself, as numbered items and named files
// (QEMU's docs/specs/fw_cfg).
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "devices/device.h"
#include "vmm/base/io.h"

namespace ringfold {

// Registers: 0-1 select an item and read its next byte (ports 0x510 and 0x511, Width::Word); 4-11 take the address of a
// DMA command (0x514 to 0x51B, Width::Dword).
class FwCfg final : public Device {
public:
    struct State {
        uint16_t selected = 0;
        uint32_t position = 0;
        uint32_t dma_high = 0;

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "selected", selected, "position", position, "dma_high", dma_high);
        }
    };
    using Bytes = std::vector<uint8_t>;
    static constexpr size_t kLongestName = 55;  // of a file

    // Items that have a number of their own.
    enum Key : uint16_t {
        kSignature = 0,
        kId = 1,
        kRamSize = 3,
        kNoGraphic = 4,
        kCpuCount = 5,
        kBootMenu = 0x0e,
        kMaxCpus = 0x0f,
        kFileDirectory = 0x19,
        kFirstFile = 0x20,
    };

    explicit FwCfg(PhysicalMemory& memory);

    void add(Key key, Bytes value) { items_[key] = std::move(value); }
    void add_u16(Key key, uint16_t value) { add(key, little_endian(value, 2)); }
    // A name of at most 55 characters, not yet there. Before the guest runs.
    void add_file(const std::string& name, Bytes contents);
    const Bytes* find_file(std::string_view name) const;

    uint32_t read(uint32_t offset, unsigned size) override;
    void write(uint32_t offset, unsigned size, uint32_t value) override;
    void reset() override { state_ = State{}; }

    const State& state() const { return state_; }
    void restore(const State& s) { state_ = s; }

    static Bytes little_endian(uint64_t value, unsigned size);

private:
    std::span<const uint8_t> rest() const;
    uint8_t next_byte();
    void select(uint16_t key);
    void run_dma(GuestPhys command);
    bool transfer(uint32_t control, GuestPhys to, uint32_t length);
    void write_directory();

    PhysicalMemory& memory_;
    std::map<uint16_t, Bytes> items_;
    std::map<std::string, uint16_t, std::less<>> files_;
    State state_;
};

}  // namespace ringfold
