// The NE2000's registers, its data port, and the ring that packets arrive in.
#include "devices/net/ne2000.h"

#include <algorithm>
#include <bit>

#include "devices/net/packet_fields.h"
#include "vmm/net/checksum.h"

namespace ringfold {

namespace {

constexpr uint32_t kCommandPort = 0x00, kDataPort = 0x10, kResetPort = 0x18, kPorts = 0x20;

// CR
constexpr uint8_t kStop = 0x01, kStart = 0x02, kTransmit = 0x04, kRemoteRead = 0x08, kRemoteWrite = 0x10,
                  kRemoteAbort = 0x20;
// ISR and IMR
constexpr uint8_t kReceived = 0x01, kTransmitted = 0x02, kRemoteDone = 0x40, kResetStatus = 0x80;
// DCR, RCR, TCR, TSR, RSR
constexpr uint8_t kWordTransfer = 0x01;
constexpr uint8_t kAcceptBroadcast = 0x04, kAcceptMulticast = 0x08, kPromiscuous = 0x10, kMonitor = 0x20;
constexpr uint8_t kLoopback = 0x06;
constexpr uint8_t kSent = 0x01;
constexpr uint8_t kIntact = 0x01, kGroupAddress = 0x20;

constexpr Nanoseconds kWireTime = 80;  // of a byte, at 100 Mbit/s
constexpr unsigned kPage = 256, kCrcBytes = 4, kPacketHeader = 4;
constexpr uint8_t kFirstPage = Ne2000::kBuffer / kPage,
                  kEndPage = static_cast<uint8_t>((Ne2000::kBuffer + Ne2000::kBufferBytes) / kPage);

constexpr unsigned pages_of(size_t frame_bytes) {
    return static_cast<unsigned>((kPacketHeader + frame_bytes + kCrcBytes + kPage - 1) / kPage);
}

// Which of the 64 multicast bits an address is: the first six bits that the CRC generator holds after it.
unsigned multicast_bit(const net::Frame& f) {
    const uint32_t crc = ~net::frame_check_sequence({f.data(), 6});
    unsigned bit = 0;
    for (unsigned n = 0; n < 6; ++n) bit = bit << 1 | (crc >> n & 1);
    return bit;
}

uint8_t low(unsigned value) {
    return static_cast<uint8_t>(value);
}
uint8_t high(unsigned value) {
    return static_cast<uint8_t>(value >> 8);
}
void set_low(uint16_t& to, uint8_t value) {
    to = static_cast<uint16_t>((to & 0xff00) | value);
}
void set_high(uint16_t& to, uint8_t value) {
    to = static_cast<uint16_t>((to & 0x00ff) | value << 8);
}

}  // namespace

Ne2000::Ne2000(const Clock& clock, net::NetPort& port, const net::MacAddress& mac, std::vector<uint8_t> rom)
    : PciDevice({.vendor = 0x10ec,
                 .device = 0x8029,
                 .class_code = 0x020000,
                 .interrupt_pin = 1}),
      clock_(clock),
      port_(port),
      mac_(mac),
      rom_(std::move(rom)) {
    add_bar({.space = PciBar::Space::Io, .index = 0, .size = kPorts, .registers = &face_});
    if (rom_.size()) add_bar({.space = PciBar::Space::Rom, .size = std::bit_ceil(rom_.size()), .registers = &rom_});
    s_.buffer.resize(kBufferBytes);
    reset_card();
    port_.on_arrival([this] { receive(); });
}

Ne2000::~Ne2000() {
    port_.on_arrival({});
}

Ne2000::State Ne2000::state() const {
    State s = s_;
    s.pci = pci_state();
    return s;
}

void Ne2000::restore(const State& s) {
    restore_pci(s.pci);
    s_ = s;
    update_interrupt();
    deadline_moved();
}

// What the reset port does, and the bus's reset: "the NIC is in the reset state" (DP8390D, 11.0).
void Ne2000::reset_card() {
    s_.command = kStop | kRemoteAbort;
    s_.interrupt_status = kResetStatus;
    s_.interrupt_mask = 0;
    s_.transmit = 0;
    s_.remote_bytes = 0;
    update_interrupt();
}

// The data port takes what it is given at once; all other ports are bytes side by side.
uint32_t Ne2000::read_port(uint32_t offset, unsigned size) {
    if (offset >= kDataPort && offset < kResetPort) return read_data(size);
    uint32_t value = 0;
    for (unsigned n = 0; n < size; ++n) {
        if (offset + n < kDataPort) value |= uint32_t{read_register(offset + n)} << 8 * n;
        if (offset + n >= kResetPort) reset_card();
    }
    return value;
}

void Ne2000::write_port(uint32_t offset, unsigned size, uint32_t value) {
    if (offset >= kDataPort && offset < kResetPort) return write_data(size, value);
    for (unsigned n = 0; n < size; ++n)
        if (offset + n < kDataPort) write_register(offset + n, static_cast<uint8_t>(value >> 8 * n));
}

uint8_t Ne2000::read_register(uint32_t offset) const {
    if (offset == kCommandPort) return s_.command;
    switch (page() << 4 | offset) {
        case 0x03:
            return s_.boundary;
        case 0x04:
            return s_.transmit_status;
        case 0x07:
            return s_.interrupt_status;
        case 0x08:
            return low(s_.remote_address);
        case 0x09:
            return high(s_.remote_address);
        case 0x0a:  // "8029ID": by these two drivers know Realtek's
            return 0x50;
        case 0x0b:
            return 0x43;
        case 0x0c:
            return s_.receive_status;
        case 0x17:
            return s_.current;
        case 0x21:
            return s_.page_start;
        case 0x22:
            return s_.page_stop;
        case 0x24:
            return s_.transmit_page;
        case 0x2c:
            return s_.receive | 0xc0;  // bits that read as ones
        case 0x2d:
            return s_.transmit | 0xe0;
        case 0x2e:
            return s_.data | 0x80;
        case 0x2f:
            return s_.interrupt_mask | 0x80;
        case 0x3e:  // "8029ASID"
            return 0x29;
        case 0x3f:
            return 0x80;
        default:
            break;
    }
    if (page() != 1) return 0;
    return offset < 7 ? s_.physical[offset - 1] : s_.multicast[offset - 8];
}

void Ne2000::write_register(uint32_t offset, uint8_t value) {
    if (offset == kCommandPort) return write_command(value);
    if (page() == 0) return write_page0(offset, value);
    if (page() == 1) return write_page1(offset, value);
}

void Ne2000::write_page0(uint32_t offset, uint8_t value) {
    switch (offset) {
        case 0x01:
            s_.page_start = value;
            break;
        case 0x02:
            s_.page_stop = value;
            break;
        case 0x03:
            s_.boundary = value;
            return receive();
        case 0x04:
            s_.transmit_page = value;
            break;
        case 0x05:
            return set_low(s_.transmit_bytes, value);
        case 0x06:
            return set_high(s_.transmit_bytes, value);
        case 0x07:
            s_.interrupt_status &= static_cast<uint8_t>(~value | kResetStatus);
            // A driver that leaves packets in the ring hears of them with the next that comes; and where there is no
            // room for one, by the overrun. Here the next waits for room instead, so this tells.
            if (value & kReceived && packets_left()) s_.interrupt_status |= kReceived;
            return update_interrupt();
        case 0x08:
            return set_low(s_.remote_address, value);
        case 0x09:
            return set_high(s_.remote_address, value);
        case 0x0a:
            return set_low(s_.remote_bytes, value);
        case 0x0b:
            return set_high(s_.remote_bytes, value);
        case 0x0c:
            s_.receive = value & 0x3f;
            return receive();
        case 0x0d:
            s_.transmit = value & 0x1f;
            return receive();
        case 0x0e:
            s_.data = value & 0x7f;
            break;
        case 0x0f:
            s_.interrupt_mask = value & 0x7f;
            return update_interrupt();
        default:
            break;
    }
}

void Ne2000::write_page1(uint32_t offset, uint8_t value) {
    if (offset < 7)
        s_.physical[offset - 1] = value;
    else if (offset > 7)
        s_.multicast[offset - 8] = value;
    else
        s_.current = value;
}

void Ne2000::write_command(uint8_t value) {
    // Neither started nor stopped leaves it as it is.
    if (!(value & (kStop | kStart))) value |= s_.command & (kStop | kStart);
    s_.command = value & static_cast<uint8_t>(~kTransmit);
    if (value & kStop) {
        s_.interrupt_status |= kResetStatus;
        return;
    }
    if (!(value & kStart)) return;
    s_.interrupt_status &= static_cast<uint8_t>(~kResetStatus);
    // A transfer of nothing is done at once.
    if (value & (kRemoteRead | kRemoteWrite) && !(value & kRemoteAbort) && s_.remote_bytes == 0)
        interrupt_cause(kRemoteDone);
    if (value & kTransmit) transmit();
    receive();
}

void Ne2000::interrupt_cause(uint8_t bits) {
    s_.interrupt_status |= bits;
    update_interrupt();
}

void Ne2000::update_interrupt() {
    interrupt().set(s_.interrupt_status & s_.interrupt_mask);
}

// The station address's bytes come twice each, as on the NE2000, whose PROM is on the even half of the bus; "WW" says
// that the card has 16 bits.
uint8_t Ne2000::read_memory(uint16_t address) const {
    if (address < 2 * mac_.size()) return mac_[address / 2];
    if (address >= 28 && address < 32) return 'W';
    if (address < kBuffer || address >= kBuffer + kBufferBytes) return address < 32 ? 0 : 0xff;
    return s_.buffer[address - kBuffer];
}

void Ne2000::write_memory(uint16_t address, uint8_t value) {
    if (address >= kBuffer && address < kBuffer + kBufferBytes) s_.buffer[address - kBuffer] = value;
}

// One byte of a remote transfer is done. It follows the ring round.
void Ne2000::remote_step() {
    ++s_.remote_address;
    if (s_.remote_address == s_.page_stop * kPage) s_.remote_address = static_cast<uint16_t>(s_.page_start * kPage);
    if (--s_.remote_bytes == 0) interrupt_cause(kRemoteDone);
}

// How many bytes an access to the data port moves: DCR's WTS says whether the buffer is read by bytes or words, so that a
// byte's access takes half a word.
unsigned Ne2000::moved_by(unsigned size) const {
    return s_.data & kWordTransfer ? std::max(size, 2u) : 1;
}

uint32_t Ne2000::read_data(unsigned size) {
    uint32_t value = 0;
    for (unsigned n = 0; n < moved_by(size) && s_.remote_bytes; ++n) {
        value |= uint32_t{read_memory(s_.remote_address)} << 8 * n;
        remote_step();
    }
    return value;  // of which the bus takes what was asked for
}

void Ne2000::write_data(unsigned size, uint32_t value) {
    for (unsigned n = 0; n < moved_by(size) && s_.remote_bytes; ++n) {
        write_memory(s_.remote_address, static_cast<uint8_t>(value >> 8 * n));
        remote_step();
    }
}

// A packet that the cable would not take is lost on it. In loopback none reaches it.
void Ne2000::transmit() {
    const size_t bytes = s_.transmit_bytes;
    if (!(s_.transmit & kLoopback) && bytes >= net::kHeaderBytes && bytes <= net::kLargestFrame) {
        net::Frame frame(std::max<size_t>(bytes, net::kSmallestFrame));
        for (size_t n = 0; n < bytes; ++n) frame[n] = read_memory(static_cast<uint16_t>(s_.transmit_page * kPage + n));
        port_.send(frame);
    }
    s_.transmit_status = kSent;
    interrupt_cause(kTransmitted);
}

// A ring that is in the buffer, and a card that is started and not on itself.
bool Ne2000::listens() const {
    const bool ring = s_.page_start >= kFirstPage && s_.page_start < s_.page_stop && s_.page_stop <= kEndPage &&
                      s_.current >= s_.page_start && s_.current < s_.page_stop;
    return ring && (s_.command & (kStart | kStop)) == kStart && !(s_.transmit & kLoopback);
}

// From the current page up to the boundary, where the driver's packets begin. Both on one page is an empty ring, since
// the card never fills the last page before the boundary.
unsigned Ne2000::free_pages() const {
    const unsigned all = s_.page_stop - s_.page_start;
    if (s_.boundary == s_.current || s_.boundary < s_.page_start || s_.boundary >= s_.page_stop) return all;
    return s_.boundary > s_.current ? s_.boundary - s_.current : all - (s_.current - s_.boundary);
}

// Has the driver packets to take out? Some keep the boundary on the page before the next packet, some on it.
bool Ne2000::packets_left() const {
    const unsigned all = s_.page_stop - s_.page_start;
    return listens() && free_pages() < all - 1;
}

// One frame after the other. While there is no room for the longest they wait.
void Ne2000::receive() {
    s_.more = false;
    if (!listens()) {
        while (port_.receive()) continue;
    } else if (free_pages() > pages_of(net::kLargestFrame)) {
        s_.more = true;
        if (const Nanoseconds now = clock_.now(); now >= s_.wire_free) {
            auto frame = port_.receive();
            s_.more = frame.has_value();
            if (frame) s_.wire_free = now + static_cast<Nanoseconds>(frame->size()) * kWireTime;
            if (frame && wants(*frame) && !(s_.receive & kMonitor)) store(std::move(*frame));
        }
    }
    deadline_moved();
}

std::optional<Nanoseconds> Ne2000::next_deadline() const {
    return s_.more ? std::optional(s_.wire_free) : std::nullopt;
}

void Ne2000::advance(Nanoseconds now) {
    if (s_.more && now >= s_.wire_free) receive();
}

bool Ne2000::wants(const net::Frame& f) const {
    if (s_.receive & kPromiscuous && !(f[0] & 1)) return true;
    if (std::all_of(f.begin(), f.begin() + 6, [](uint8_t b) { return b == 0xff; })) return s_.receive & kAcceptBroadcast;
    if (!(f[0] & 1)) return std::equal(s_.physical.begin(), s_.physical.end(), f.begin());
    const unsigned bit = multicast_bit(f);
    return s_.receive & kAcceptMulticast && s_.multicast[bit / 8] >> bit % 8 & 1;
}

// Behind a header of status, next page and length, which counts the check sequence, and round the ring's end.
void Ne2000::store(net::Frame frame) {
    const bool group = frame[0] & 1;
    const unsigned pages = pages_of(frame.size()), ring = s_.page_stop - s_.page_start;
    const unsigned next = s_.page_start + (s_.current - s_.page_start + pages) % ring;
    s_.receive_status = group ? kIntact | kGroupAddress : kIntact;
    const uint32_t crc = net::frame_check_sequence(frame);
    frame.resize(frame.size() + kCrcBytes);
    net::put_le(frame, frame.size() - kCrcBytes, crc, kCrcBytes);
    const uint8_t header[kPacketHeader] = {s_.receive_status, low(next), low(static_cast<unsigned>(frame.size())),
                                           high(static_cast<unsigned>(frame.size()))};
    unsigned at = s_.current * kPage;
    const auto put = [&](uint8_t byte) {
        write_memory(static_cast<uint16_t>(at), byte);
        if (++at == s_.page_stop * kPage) at = s_.page_start * kPage;
    };
    std::ranges::for_each(header, put);
    std::ranges::for_each(frame, put);
    s_.current = low(next);
    interrupt_cause(kReceived);
}

}  // namespace ringfold
