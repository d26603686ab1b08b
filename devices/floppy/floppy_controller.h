// The 82077AA floppy disk controller (Intel 290166) with up to two drives, reading and writing by DMA channel 2 or byte
// by byte.
#pragma once

#include <array>
#include <vector>

#include "devices/device.h"
#include "devices/dma8237.h"
#include "devices/floppy/floppy_geometry.h"
#include "devices/irq_line.h"
#include "vmm/block/block_device.h"

namespace ringfold {

// Registers: 0-5 and 7, as ports 3f0-3f5 and 3f7.
class FloppyController final : public Device {
public:
    static constexpr unsigned kDrives = 2;

    struct DriveState {
        uint8_t track = 0;    // where the heads are
        bool changed = true;  // the change line
        uint8_t next_id = 0;  // the sector that comes by next, for READ ID

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "track", track, "changed", changed, "next_id", next_id);
        }
    };
    enum class Phase : uint8_t {
        Command,  // takes the bytes of a command
        Waiting,  // for the medium
        ToGuest,  // the buffer's bytes are wanted by the guest
        FromGuest,
        Result,
    };
    // A read, write, verify or format on its way.
    struct Transfer {
        enum class Kind : uint8_t { Read, Write, Verify, Format } kind = Kind::Read;
        bool multitrack = false;
        uint8_t drive = 0, cylinder = 0, head = 0, sector = 0, last_sector = 0;
        uint8_t fill = 0;  // Format
        bool terminal_count = false;
        uint32_t sectors = 0;  // in the buffer
        uint32_t formatted = 0;

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "kind", kind, "multitrack", multitrack, "drive", drive, "cylinder", cylinder, "head",
                           head, "sector", sector, "last_sector", last_sector, "fill", fill, "terminal_count",
                           terminal_count, "sectors", sectors, "formatted", formatted);
            archive.require(kind <= Kind::Format && drive < 4, "kind");
        }
    };
    struct State {
        uint8_t dor = 0, dsr = 0, rate = 0, tape = 0;
        Phase phase = Phase::Command;
        std::vector<uint8_t> bytes;  // of the command, or of the result
        uint32_t position = 0;       // in the result, or in the buffer
        std::vector<uint8_t> buffer;
        Transfer transfer;
        std::array<DriveState, kDrives> drives;
        std::array<uint8_t, 4> seek_status{};  // ST0 for SENSE INTERRUPT STATUS, by drive; 0: none
        bool interrupt = false;
        bool without_dma = false;  // SPECIFY
        uint8_t step_and_unload = 0, load = 0;
        uint8_t configuration = 0x20, precompensation = 0, perpendicular = 0;
        bool locked = false;

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "dor", dor, "dsr", dsr, "rate", rate, "tape", tape, "phase", phase, "bytes", bytes,
                           "position", position, "buffer", buffer, "transfer", transfer, "drives", drives,
                           "seek_status", seek_status, "interrupt", interrupt, "without_dma", without_dma,
                           "step_and_unload", step_and_unload, "load", load, "configuration", configuration,
                           "precompensation", precompensation, "perpendicular", perpendicular, "locked", locked);
            archive.require(phase <= Phase::Result && phase != Phase::Waiting, "phase");
            archive.require(phase == Phase::Result ? position < bytes.size() : bytes.size() <= 16, "bytes");
            archive.require((phase != Phase::ToGuest && phase != Phase::FromGuest) || position < buffer.size(),
                            "position");
        }
    };

    FloppyController(IrqLine irq6, Dma8237& dma);
    ~FloppyController() override;

    // Drive 0 is A:. The medium may come and go; it outlives the controller. The drive's type is that of the disk in
    // it.
    void attach(unsigned drive, block::BlockDevice& medium);
    FloppyDriveType drive_type(unsigned drive) const { return types_[drive]; }

    uint32_t read(uint32_t offset, unsigned size) override;
    void write(uint32_t offset, unsigned size, uint32_t value) override;
    void reset() override;

    bool quiet() const { return state_.phase != Phase::Waiting; }
    const State& state() const { return state_; }
    void restore(const State& s);

private:
    struct Result {
        uint8_t st0 = 0, st1 = 0, st2 = 0;
    };
    // Registers.
    uint8_t main_status() const;
    uint8_t digital_input() const;
    void write_dor(uint8_t value);
    void soft_reset();
    uint8_t read_fifo();
    void write_fifo(uint8_t value);
    void set_interrupt(bool level);

    // Commands.
    static unsigned command_length(uint8_t code);
    void execute();
    void answer(std::vector<uint8_t> bytes);
    void specify();
    void seek(unsigned drive, unsigned track);
    void relative_seek();
    void sense_interrupt();
    void sense_drive();
    void read_id();
    void dump_registers();
    void configure();

    // Transfers.
    void begin_transfer(Transfer::Kind kind);
    void begin_format();
    void next_chunk();
    void chunk_was_read(bool ok);
    void move();
    void chunk_given();
    void write_chunk();
    void format_next();
    void advance();
    void end_transfer(Result result);
    uint8_t problem(const Transfer& t, uint8_t* st2) const;  // ST1, 0 for none
    uint32_t lba(const FloppyGeometry& g, const Transfer& t) const;

    std::optional<FloppyGeometry> geometry(unsigned drive) const;
    bool dma_mode() const { return !state_.without_dma; }
    void medium_changed(unsigned drive);

    IrqLine irq_;
    Dma8237& dma_;
    std::array<block::BlockDevice*, kDrives> media_{};
    std::array<FloppyDriveType, kDrives> types_{};
    State state_;
};

}  // namespace ringfold
