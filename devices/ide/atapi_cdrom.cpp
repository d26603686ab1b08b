// ATA commands of a packet device, and how packets begin and end; what the packets say is in atapi_packets.cpp.
#include "devices/ide/atapi_cdrom.h"

#include <algorithm>
#include <utility>

#include "devices/ide/identify.h"

namespace ringfold {

namespace {

constexpr uint32_t kBlock = 2048, kMaxChunk = 64;  // blocks
// Interrupt reason, in the count register.
constexpr uint8_t kCommandData = 1, kToHost = 2;

}  // namespace

AtapiCdrom::AtapiCdrom(Cable& cable, block::BlockDevice& medium, std::string serial)
    : IdeUnit(cable), medium_(medium), serial_(std::move(serial)) {
    medium_.on_medium_changed([this] { medium_changed(); });
    reset();
}

AtapiCdrom::~AtapiCdrom() {
    medium_.on_medium_changed({});
    medium_.cancel();
}

void AtapiCdrom::restore(const State& s) {
    state_ = s.drive;
    restore_unit(s.unit);
}

void AtapiCdrom::signature() {
    task().count = task().lba_low = 1;
    task().lba_mid = 0x14;
    task().lba_high = 0xeb;
    task().status = 0;
    state_.in_packet = false;
    state_.remaining = 0;
}

uint32_t AtapiCdrom::blocks() const {
    const uint64_t bytes = medium_.medium() ? medium_.medium()->bytes : 0;
    return static_cast<uint32_t>(std::min<uint64_t>((bytes + kBlock - 1) / kBlock, UINT32_MAX));
}

void AtapiCdrom::medium_changed() {
    const bool there = medium_.medium().has_value();
    state_.tray_open = !there && state_.tray_open;
    state_.attention = there;
    state_.event = there ? MediaEvent::NewMedia : MediaEvent::Removal;
    if (phase() == Phase::Waiting) check({0x02, 0x3a, 0x01});
}

void AtapiCdrom::execute(uint8_t code) {
    switch (code) {
        case 0x08:  // DEVICE RESET: no interrupt
            return reset();
        case 0xa0:
            return begin_packet();
        case 0xa1:
            return identify_packet_device();
        case 0xe5:  // CHECK POWER MODE: active
            task().count = 0xff;
            return finish();
        case 0xe0:
        case 0xe1:
        case 0xe2:
        case 0xe3:
        case 0xe6:
            return finish();
        case 0xef:  // SET FEATURES: transfer mode
            if ((task().features & 0xff) != 0x03 || !set_transfer_mode()) break;
            return finish();
        case 0x20:  // READ SECTORS and IDENTIFY DEVICE: this is how old drivers see what it is
        case 0xec:
            signature();
            break;
    }
    fail(kAbrt);
}

void AtapiCdrom::begin_packet() {
    const unsigned features = task().features;
    state_.dma = features & 1;
    const auto limit = static_cast<uint16_t>((task().lba_mid & 0xff) | (task().lba_high & 0xff) << 8);
    state_.byte_limit = limit == 0xffff ? 0xfffe : limit;
    if (features & 2) return fail(kAbrt);
    state_.in_packet = true;
    task().count = kCommandData;
    buffer().assign(12, 0);
    demand(0, 12, false);
}

void AtapiCdrom::block_written() {
    std::copy_n(buffer().begin(), packet_.size(), packet_.begin());
    state_.remaining = 0;
    run_packet();
}

void AtapiCdrom::good() {
    state_.sense = {};
    state_.in_packet = false;
    task().count = kCommandData | kToHost;
    finish();
}

void AtapiCdrom::check(Sense sense) {
    state_.sense = sense;
    state_.in_packet = false;
    state_.remaining = 0;
    task().count = kCommandData | kToHost;
    fail(static_cast<uint8_t>(sense.key << 4 | kAbrt));
}

void AtapiCdrom::reply(std::vector<uint8_t> data, size_t room) {
    data.resize(std::min(data.size(), room));
    if (data.empty()) return good();
    buffer() = std::move(data);
    send();
}

void AtapiCdrom::send() {
    if (state_.dma) return send_by_dma();
    present(0);
}

// The next block through the data port. Only the very last may have an odd length.
void AtapiCdrom::present(size_t at) {
    if (state_.byte_limit < 2) {  // only packets without data may leave it out
        state_.in_packet = false;
        return fail(kAbrt);
    }
    const size_t left = buffer().size() - at;
    size_t n = std::min<size_t>(left, state_.byte_limit);
    if (n < left) n &= ~size_t{1};
    task().lba_mid = static_cast<uint16_t>(n & 0xff);
    task().lba_high = static_cast<uint16_t>(n >> 8);
    task().count = kToHost;
    offer(at, n);
}

void AtapiCdrom::block_read() {
    if (!state_.in_packet) return;  // IDENTIFY PACKET DEVICE ends with its data
    if (position() < buffer().size()) return present(position());
    if (state_.remaining) return read_chunk();
    good();
}

void AtapiCdrom::dma_done() {
    if (state_.remaining) return read_chunk();
    good();
}

void AtapiCdrom::read_blocks(uint32_t lba, uint32_t count) {
    state_.lba = lba;
    state_.remaining = count;
    read_chunk();
}

// Between two chunks the user may have taken the disc, or put in another.
void AtapiCdrom::read_chunk() {
    if (!ready()) return check({0x02, 0x3a, 0x01});
    if (std::exchange(state_.attention, false)) return check({0x06, 0x28, 0x00});
    if (state_.lba > blocks() || state_.remaining > blocks() - state_.lba) return check({0x05, 0x21, 0x00});
    if (state_.remaining == 0) return good();
    wait();
    const uint32_t n = std::min(state_.remaining, kMaxChunk);
    buffer().assign(size_t{n} * kBlock, 0);
    const uint64_t at = uint64_t{state_.lba} * kBlock;
    // The last block of an odd image is not whole.
    const size_t there = std::min<uint64_t>(buffer().size(), medium_.medium()->bytes - at);
    medium_.read(at, std::span(buffer()).first(there), [this](bool ok) { chunk_was_read(ok); });
}

void AtapiCdrom::chunk_was_read(bool ok) {
    if (!ok) return check({0x03, 0x11, 0x00});  // medium error: unrecovered read error
    const uint32_t n = std::min(state_.remaining, kMaxChunk);
    state_.lba += n;
    state_.remaining -= n;
    send();
}

void AtapiCdrom::identify_packet_device() {
    IdentifyData d;
    d[0] = 0x85c0;  // a CD-ROM drive with packets of 12 bytes, asked for within 50 microseconds
    d.text(10, 10, serial_);
    d.text(23, 4, "1.0");
    d.text(27, 20, "RINGFOLD CD-ROM");
    d[48] = 1;
    d[49] = 0x0f00;
    d.dma_modes(transfer_mode());
    d[80] = 0x007e;
    d[82] = 0x0210;  // DEVICE RESET, packets
    d[83] = 0x4000;
    d[84] = 0x4000;
    d[85] = 0x0210;
    d[87] = 0x4000;
    buffer() = d.bytes();
    state_.in_packet = false;
    task().count = kToHost;
    offer(0, buffer().size());
}

}  // namespace ringfold
