// One device on an IDE cable: its task file, and how blocks of data pass through the data port or the bus master
// (ATA-6, T13/1410D, chapters 6 to 9). What commands mean is the business of AtaDisk and AtapiCdrom.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "devices/ide/dma_engine.h"

namespace ringfold {

class IdeUnit {
public:
    enum StatusBit : uint8_t { kErr = 0x01, kDrq = 0x08, kDsc = 0x10, kDf = 0x20, kDrdy = 0x40, kBsy = 0x80 };
    enum ErrorBit : uint8_t { kAbrt = 0x04, kIdnf = 0x10, kUnc = 0x40, kIcrc = 0x80 };

    // Registers that are written twice for 48-bit commands have the value before in their high byte.
    struct TaskFile {
        uint16_t features = 0, count = 0, lba_low = 0, lba_mid = 0, lba_high = 0;
        uint8_t device = 0, status = 0, error = 0;
        bool interrupt = false;  // INTRQ, before nIEN

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "features", features, "count", count, "lba_low", lba_low, "lba_mid", lba_mid,
                           "lba_high", lba_high, "device", device, "status", status, "error", error, "interrupt",
                           interrupt);
        }
    };
    enum class Phase : uint8_t {
        Idle,
        Waiting,  // for the medium
        DataIn,   // the guest reads the data port
        DataOut,  // the guest writes it
        DmaIn,    // the buffer goes to memory once the bus master is started
        DmaOut,   // the buffer is filled from memory
    };
    struct UnitState {
        TaskFile regs;
        Phase phase = Phase::Idle;
        std::vector<uint8_t> buffer;
        uint32_t position = 0, end = 0;  // of the block that passes through the data port
        uint8_t transfer_mode = 0;       // SET FEATURES 03: multiword or Ultra DMA

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "regs", regs, "phase", phase, "buffer", buffer, "position", position, "end", end,
                           "transfer_mode", transfer_mode);
            archive.require(phase <= Phase::DmaOut && phase != Phase::Waiting, "phase");
            const bool passes_data = phase == Phase::DataIn || phase == Phase::DataOut;
            archive.require(!passes_data || (position <= end && end <= buffer.size()), "position");
        }
    };

    // The wire INTRQ changed.
    class Cable {
    public:
        virtual ~Cable() = default;
        virtual void interrupt_changed() = 0;
        virtual DmaEngine& dma() = 0;
    };

    explicit IdeUnit(Cable& cable) : cable_(cable) {}
    virtual ~IdeUnit() = default;
    IdeUnit(const IdeUnit&) = delete;
    IdeUnit& operator=(const IdeUnit&) = delete;

    // Both devices on a cable latch what is written, whichever is selected.
    void latch(unsigned reg, uint8_t value);
    const TaskFile& regs() const { return unit_.regs; }
    void interrupt();
    void acknowledge_interrupt();
    void command(uint8_t code);
    // A PACKET device takes commands while it is busy or wants data.
    virtual bool interruptible_by(uint8_t /*code*/) const { return false; }

    uint32_t read_data(unsigned size);
    void write_data(unsigned size, uint32_t value);
    void dma_started();
    // SRST, or EXECUTE DEVICE DIAGNOSTIC: everything stops, the signature appears.
    void reset();
    // No request to the medium is on its way: the state is complete.
    bool quiet() const { return unit_.phase != Phase::Waiting; }

protected:
    virtual void execute(uint8_t code) = 0;
    virtual void stop() = 0;       // cancels what is on its way
    virtual void signature() = 0;  // the registers after a reset
    virtual void block_read() = 0;
    virtual void block_written() = 0;
    virtual void dma_done() = 0;
    virtual void dma_failed() = 0;

    TaskFile& task() { return unit_.regs; }
    std::vector<uint8_t>& buffer() { return unit_.buffer; }
    Phase phase() const { return unit_.phase; }
    uint32_t position() const { return unit_.position; }

    void wait();  // for the medium
    // The next `bytes` of the buffer, from `at` on, pass through the data port.
    void offer(size_t at, size_t bytes);
    void demand(size_t at, size_t bytes, bool interrupt);
    // The whole buffer, by the bus master.
    void send_by_dma();
    void fetch_by_dma();
    void finish();  // the command is done
    void fail(uint8_t error);

    // SET FEATURES 03: the mode in the count register. False: there is none such.
    bool set_transfer_mode();
    uint8_t transfer_mode() const { return unit_.transfer_mode; }

    const UnitState& unit_state() const { return unit_; }
    void restore_unit(const UnitState& s) { unit_ = s; }

private:
    void begin_block(Phase phase, size_t at, size_t bytes);
    void move_by_dma();

    Cable& cable_;
    UnitState unit_;
};

}  // namespace ringfold
