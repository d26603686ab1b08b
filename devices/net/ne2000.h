// A Realtek RTL8029AS: the NE2000 for PCI, which nearly every system since the early nineties has a driver for. It is
// National's DP8390D (data sheet of July 1995) with 16 KiB of buffer memory behind one data port (data sheet of the
// RTL8029AS, January 1997). Packets go through the buffer memory only: the card does no DMA of its own. What is sent is
// gone at once; what arrives takes its time on the wire, because drivers of this card lose sight of packets that come
// while they take others out. Not there: the send packet command, the EEPROM and the words of page 3 but for the identity, and the
// tallies of errors, which a cable of ours has none of.
#pragma once

#include <array>
#include <vector>

#include "devices/face.h"
#include "devices/pci_device.h"
#include "devices/rom.h"
#include "devices/timed_device.h"
#include "vmm/net/net_port.h"

namespace ringfold {

class Ne2000 final : public PciDevice, public TimedDevice {
public:
    // The buffer memory, and where it lies in the card's own addresses; the station address is below.
    static constexpr uint16_t kBuffer = 0x4000;
    static constexpr uint32_t kBufferBytes = 0x4000;

    struct State {
        PciState pci;
        std::vector<uint8_t> buffer;
        std::array<uint8_t, 6> physical{};   // PAR0 to 5
        std::array<uint8_t, 8> multicast{};  // MAR0 to 7
        uint8_t command = 0, interrupt_status = 0, interrupt_mask = 0, data = 0, receive = 0, transmit = 0,
                receive_status = 0, transmit_status = 0, page_start = 0, page_stop = 0, boundary = 0, current = 0,
                transmit_page = 0;
        uint16_t transmit_bytes = 0, remote_address = 0, remote_bytes = 0;
        Nanoseconds wire_free = 0;  // when the frame that came last is over
        bool more = false;          // and perhaps another is behind it

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "pci", pci, "buffer", buffer, "physical", physical, "multicast", multicast, "command",
                           command, "interrupt_status", interrupt_status, "interrupt_mask", interrupt_mask, "data", data,
                           "receive", receive, "transmit", transmit, "receive_status", receive_status, "transmit_status",
                           transmit_status, "page_start", page_start, "page_stop", page_stop, "boundary", boundary,
                           "current", current, "transmit_page", transmit_page, "transmit_bytes", transmit_bytes,
                           "remote_address", remote_address, "remote_bytes", remote_bytes, "wire_free", wire_free,
                           "more", more);
            archive.require(buffer.size() == kBufferBytes, "buffer");
        }
    };

    // `clock` and `port` outlive it. `rom` is its option ROM, or empty.
    Ne2000(const Clock& clock, net::NetPort& port, const net::MacAddress& mac, std::vector<uint8_t> rom = {});
    ~Ne2000() override;

    State state() const;
    void restore(const State&);

    std::optional<Nanoseconds> next_deadline() const override;
    void advance(Nanoseconds now) override;

private:
    uint32_t read_port(uint32_t offset, unsigned size);
    void write_port(uint32_t offset, unsigned size, uint32_t value);

    uint8_t read_register(uint32_t offset) const;
    void write_register(uint32_t offset, uint8_t value);
    void write_page0(uint32_t offset, uint8_t value);
    void write_page1(uint32_t offset, uint8_t value);
    void write_command(uint8_t value);
    unsigned page() const { return s_.command >> 6; }
    void reset_card();
    void interrupt_cause(uint8_t bits);
    void update_interrupt();

    // The card's own 64 KiB: station address, buffer, and nothing.
    uint8_t read_memory(uint16_t address) const;
    void write_memory(uint16_t address, uint8_t value);
    unsigned moved_by(unsigned size) const;
    uint32_t read_data(unsigned size);
    void write_data(unsigned size, uint32_t value);
    void remote_step();

    void transmit();
    void receive();
    bool listens() const;
    unsigned free_pages() const;
    bool packets_left() const;
    bool wants(const net::Frame&) const;
    void store(net::Frame);

    const Clock& clock_;
    net::NetPort& port_;
    net::MacAddress mac_;
    Face<Ne2000, &Ne2000::read_port, &Ne2000::write_port> face_{*this};
    Rom rom_;
    State s_;  // but for `pci`
};

}  // namespace ringfold
