// An ATA hard disk: PIO, multiple and DMA transfers by CHS, 28-bit and 48-bit addresses.
#pragma once

#include <string>

#include "devices/ide/ide_unit.h"
#include "vmm/block/block_device.h"

namespace ringfold {

class AtaDisk final : public IdeUnit {
public:
    // One command's way through the disk.
    struct Command {
        bool write = false, dma = false, wide = false;  // wide: 48-bit
        bool verify = false;                            // reads, and gives nothing to the guest
        bool durable = false;                           // on the host's disk before it is done
        uint64_t lba = 0;                               // of the next sector to pass between medium and buffer
        uint32_t remaining = 0;                         // sectors still to pass there
        uint32_t block = 1;                             // sectors in one block through the data port
        uint32_t chunk_limit = 0;

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "write", write, "dma", dma, "wide", wide, "verify", verify, "durable", durable, "lba",
                           lba, "remaining", remaining, "block", block, "chunk_limit", chunk_limit);
            archive.require(block > 0 && block <= 256, "block");
            archive.require(remaining == 0 || (chunk_limit > 0 && chunk_limit <= 256), "chunk_limit");
        }
    };
    // What a disk adds to a unit.
    struct DiskState {
        Command command;
        uint16_t cylinders = 0, heads = 0, sectors_per_track = 0;  // of the current translation
        uint8_t multiple = 16;
        bool write_cache = true, look_ahead = true;

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "command", command, "cylinders", cylinders, "heads", heads, "sectors_per_track",
                           sectors_per_track, "multiple", multiple, "write_cache", write_cache, "look_ahead",
                           look_ahead);
            archive.require(heads > 0 && heads <= 16 && sectors_per_track > 0 && sectors_per_track <= 255,
                            "translation");
            archive.require(multiple <= 16, "multiple");
        }
    };
    struct State {
        UnitState unit;
        DiskState disk;

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "unit", unit, "disk", disk);
        }
    };

    // The medium, which is there and stays, outlives the disk. `serial` is shown to the guest, up to 20 letters.
    AtaDisk(Cable& cable, block::BlockDevice& medium, std::string serial);
    ~AtaDisk() override;

    State state() const { return {unit_state(), state_}; }
    void restore(const State& s);

private:
    void execute(uint8_t code) override;
    void stop() override { medium_.cancel(); }
    void signature() override;
    void block_read() override;
    void block_written() override;
    void dma_done() override;
    void dma_failed() override { fail(kAbrt | kIcrc); }

    bool execute_transfer(uint8_t code);
    void execute_other(uint8_t code);
    void begin(Command command);
    void read_chunk();
    void chunk_was_read(bool ok);
    void prepare_write();
    void write_chunk();
    void chunk_was_written(bool ok);
    void flush();
    void medium_failed();
    void complete();

    void set_features();
    void set_translation();
    void set_multiple();
    void identify();
    bool on_disk() const;
    uint32_t chunk_sectors() const;
    std::optional<uint64_t> address(bool wide) const;
    uint32_t sector_count(bool wide) const;
    void show_address(uint64_t lba);
    void default_translation();

    block::BlockDevice& medium_;
    std::string serial_;
    uint64_t sectors_;
    DiskState state_;
};

}  // namespace ringfold
