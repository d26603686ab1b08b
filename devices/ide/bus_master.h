// One channel's half of the PIIX's bus-master IDE function (82371SB data sheet 290550, 2.7): a list of physical regions
// that the guest wrote into memory, and the drive's data to or from them.
#pragma once

#include <functional>

#include "devices/device.h"
#include "devices/ide/dma_engine.h"
#include "vmm/base/io.h"

namespace ringfold {

// Registers: 0 command, 2 status, 4-7 address of the list.
class BusMaster final : public Device, public DmaEngine {
public:
    struct State {
        uint8_t command = 0, status = 0;
        uint32_t table = 0;
        // The region at work: `left` bytes at `address`; `entry` is the next one's place in the list.
        uint32_t entry = 0, address = 0, left = 0, entries = 0;
        bool last = false;

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "command", command, "status", status, "table", table, "entry", entry, "address",
                           address, "left", left, "entries", entries, "last", last);
        }
    };

    explicit BusMaster(PhysicalMemory& memory) : memory_(memory) {}
    // `listener` is called when the guest starts it; `allowed` says whether it may use the bus at all.
    void on_start(std::function<void()> listener) { started_ = std::move(listener); }
    void allow_if(std::function<bool()> allowed) { allowed_ = std::move(allowed); }
    // What drivers take as "this drive was set up for DMA".
    void announce_drive(unsigned position) { state_.status |= static_cast<uint8_t>(0x20 << position); }

    uint32_t read(uint32_t offset, unsigned size) override;
    void write(uint32_t offset, unsigned size, uint32_t value) override;
    void reset() override;

    bool ready(Direction) const override;
    Result to_memory(std::span<const uint8_t> from) override;
    Result from_memory(std::span<uint8_t> to) override;
    void interrupted() override;

    const State& state() const { return state_; }
    void restore(const State& s) { state_ = s; }

private:
    void write_byte(uint32_t offset, uint8_t value);
    uint8_t read_byte(uint32_t offset) const;
    void write_command(uint8_t value);
    Result next_region();
    Result ended(Result);
    template <class Bytes, class Move>
    Result transfer(Bytes bytes, Move move);

    PhysicalMemory& memory_;
    std::function<void()> started_;
    std::function<bool()> allowed_;
    State state_;
};

}  // namespace ringfold
