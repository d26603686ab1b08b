// An ATAPI CD-ROM drive: packet commands over PIO and DMA, tray, door lock, change of the medium (SFF-8020i, MMC-3).
#pragma once

#include <array>
#include <functional>
#include <string>

#include "devices/ide/ide_unit.h"
#include "vmm/block/block_device.h"

namespace ringfold {

class AtapiCdrom final : public IdeUnit {
public:
    // Why the last packet failed: sense key, additional code, qualifier.
    struct Sense {
        uint8_t key = 0, code = 0, qualifier = 0;

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "key", key, "code", code, "qualifier", qualifier);
        }
    };
    enum class MediaEvent : uint8_t { None = 0, EjectRequest = 1, NewMedia = 2, Removal = 3 };
    // What a CD-ROM drive adds to a unit.
    struct DriveState {
        bool in_packet = false;           // from the PACKET command until it has ended
        bool dma = false;                 // its data goes by DMA
        uint16_t byte_limit = 0;          // of one block through the data port
        uint32_t lba = 0, remaining = 0;  // blocks still to be read from the medium
        Sense sense;
        bool attention = false;  // the medium changed, and the guest has not been told
        bool tray_open = false, locked = false;
        MediaEvent event = MediaEvent::None;

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "in_packet", in_packet, "dma", dma, "byte_limit", byte_limit, "lba", lba, "remaining",
                           remaining, "sense", sense, "attention", attention, "tray_open", tray_open, "locked", locked,
                           "event", event);
            archive.require(event <= MediaEvent::Removal, "event");
        }
    };
    struct State {
        UnitState unit;
        DriveState drive;

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "unit", unit, "drive", drive);
        }
    };

    // The medium outlives the drive.
    AtapiCdrom(Cable& cable, block::BlockDevice& medium, std::string serial);
    ~AtapiCdrom() override;

    bool interruptible_by(uint8_t code) const override { return code == 0x08; }  // DEVICE RESET

    State state() const { return {unit_state(), state_}; }
    bool tray_open() const { return state_.tray_open; }
    bool locked() const { return state_.locked; }
    // `listener` hears when the guest has opened the tray or closed it.
    void on_tray_moved(std::function<void(bool open)> listener) { tray_moved_ = std::move(listener); }
    // The user's hand at the tray, and his wish while the guest holds the door locked.
    void move_tray(bool open) { state_.tray_open = open; }
    void request_eject() { state_.event = MediaEvent::EjectRequest; }
    void restore(const State& s);

private:
    void execute(uint8_t code) override;
    void stop() override { medium_.cancel(); }
    void signature() override;
    void block_read() override;
    void block_written() override;
    void dma_done() override;
    void dma_failed() override { check({0x0b, 0x08, 0x03}); }  // aborted: CRC error on the cable

    void begin_packet();
    void run_packet();
    void run_media_packet(uint8_t code);
    void medium_changed();
    bool ready() const { return medium_.medium().has_value() && !state_.tray_open; }
    uint32_t blocks() const;

    // Ends of a packet: with data for the guest, at most `room` bytes of it; without; or with a check condition.
    void reply(std::vector<uint8_t> data, size_t room);
    void send();
    void present(size_t at);
    void good();
    void check(Sense sense);

    void read_blocks(uint32_t lba, uint32_t count);
    void read_chunk();
    void chunk_was_read(bool ok);
    void read_cd();
    void request_sense();
    void inquiry();
    void start_stop();
    void read_toc();
    void mode_sense(bool ten);
    void get_configuration();
    void event_status();
    void disc_information();
    void mechanism_status();
    void identify_packet_device();
    uint8_t packet(size_t n) const { return packet_[n]; }
    uint32_t packet16(size_t at) const { return uint32_t{packet_[at]} << 8 | packet_[at + 1]; }
    uint32_t packet32(size_t at) const { return packet16(at) << 16 | packet16(at + 2); }

    block::BlockDevice& medium_;
    std::string serial_;
    DriveState state_;
    std::function<void(bool)> tray_moved_;
    std::array<uint8_t, 12> packet_{};  // meaningful while one is run
};

}  // namespace ringfold
