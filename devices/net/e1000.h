// Intel's 82540EM gigabit Ethernet card, which Linux, the BSDs, Windows since XP and iPXE have drivers for (Software
// Developer's Manual 317453). The link is always up, at 1000 Mbit/s full duplex. Checksums and segmentation of what is
// sent are done; none of what is received. Interrupts are not delayed (RDTR, TIDV and ITR only keep what is written).
#pragma once

#include <array>
#include <vector>

#include "devices/face.h"
#include "devices/net/e1000_eeprom.h"
#include "devices/pci_device.h"
#include "devices/rom.h"
#include "vmm/base/io.h"
#include "vmm/net/net_port.h"

namespace ringfold {

class E1000 final : public PciDevice {
public:
    static constexpr uint32_t kRegisterBytes = 0x6000;

    // What a context descriptor set up for those that follow it.
    struct Context {
        uint8_t ip_start = 0, ip_field = 0, transport_start = 0, transport_field = 0, header = 0, command = 0;
        uint16_t ip_end = 0, transport_end = 0, segment = 0;
        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "ip_start", ip_start, "ip_field", ip_field, "transport_start", transport_start,
                           "transport_field", transport_field, "header", header, "command", command, "ip_end", ip_end,
                           "transport_end", transport_end, "segment", segment);
        }
    };
    struct State {
        PciState pci;
        std::array<uint32_t, kRegisterBytes / 4> registers{};
        std::array<uint16_t, 32> phy{};
        uint32_t io_address = 0;  // of the window in I/O ports
        E1000Eeprom::State eeprom;
        Context context, segmentation;  // the last of each kind
        // The packet that is being put together, and what its first descriptor said.
        std::vector<uint8_t> packet;
        uint8_t options = 0;
        bool packet_begun = false, packet_lost = false;
        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "pci", pci, "registers", registers, "phy", phy, "io_address", io_address, "eeprom",
                           eeprom, "context", context, "segmentation", segmentation, "packet", packet, "options",
                           options, "packet_begun", packet_begun, "packet_lost", packet_lost);
        }
    };

    // `port` and `memory` outlive it. `rom` is its option ROM, or empty.
    E1000(net::NetPort& port, PhysicalMemory& memory, const net::MacAddress& mac, std::vector<uint8_t> rom = {});
    ~E1000() override;

    State state() const;
    void restore(const State&);

private:
    // The registers in memory, and the two ports that reach them one by one.
    uint32_t read_memory(uint32_t offset, unsigned size);
    void write_memory(uint32_t offset, unsigned size, uint32_t value);
    uint32_t read_port(uint32_t offset, unsigned size);
    void write_port(uint32_t offset, unsigned size, uint32_t value);
    // One transmit descriptor, taken apart.
    struct Descriptor {
        uint64_t buffer;
        uint32_t lower, upper;
        uint8_t command() const { return static_cast<uint8_t>(lower >> 24); }
        bool extended() const { return command() & 0x20; }
    };

    uint32_t& reg(uint32_t offset) { return s_.registers[offset / 4]; }
    uint32_t reg(uint32_t offset) const { return s_.registers[offset / 4]; }
    uint32_t read_register(uint32_t offset);
    void write_register(uint32_t offset, uint32_t value);
    void write_control(uint32_t value);
    void reset_card();
    void management_access(uint32_t value);
    void interrupt_cause(uint32_t bits);
    void update_interrupt();

    // e1000_transmit.cpp
    void transmit();
    void take_descriptor(const Descriptor&);
    void take_context(const Descriptor&, const std::array<uint8_t, 16>& bytes);
    bool append(uint64_t buffer, uint32_t length);
    void finish_packet(const Descriptor&);
    void send(std::vector<uint8_t> frame, bool vlan, uint16_t tag);

    // e1000_receive.cpp
    void receive();
    bool has_room(size_t bytes) const;
    bool wants(const net::Frame&) const;
    void store(net::Frame);
    uint32_t buffer_bytes() const;
    uint32_t free_buffers() const;

    net::NetPort& port_;
    PhysicalMemory& memory_;
    net::MacAddress mac_;
    E1000Eeprom eeprom_;
    Face<E1000, &E1000::read_memory, &E1000::write_memory> memory_face_{*this};
    Face<E1000, &E1000::read_port, &E1000::write_port> port_face_{*this};
    Rom rom_;
    State s_;          // but for `pci`
    size_t work_ = 0;  // bytes moved for the guest's last access
};

}  // namespace ringfold
