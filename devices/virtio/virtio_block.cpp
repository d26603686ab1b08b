// A request is a header to read, data either way, and a byte of status to write.
#include "devices/virtio/virtio_block.h"

#include <algorithm>
#include <array>

#include "devices/net/packet_fields.h"

namespace ringfold {

namespace {

constexpr uint32_t kSegMax = 1 << 2, kReadOnly = 1 << 5, kBlockSize = 1 << 6, kFlushFeature = 1 << 9,
                   kIndirect = 1 << 28;
constexpr uint32_t kRead = 0, kWrite = 1, kFlush = 4, kGetId = 8;
constexpr uint8_t kOk = 0, kIoError = 1, kUnsupported = 2;
constexpr size_t kRequestHeader = 16, kIdBytes = 20, kSectorBytes = 512;
constexpr uint64_t kMostBytes = 32 << 20, kMostUnderWay = 32 << 20;  // of one request, of all

bool read_only(const block::BlockDevice& medium) {
    const auto m = medium.medium();
    return m && m->read_only;
}

}  // namespace

VirtioBlock::VirtioBlock(block::BlockDevice& medium, PhysicalMemory& memory, std::string serial)
    : VirtioPci({.device = 0x1001,
                 .subsystem = 2,
                 .class_code = 0x010000,
                 .queues = 1,
                 .features = kSegMax | kBlockSize | kFlushFeature | kIndirect | (read_only(medium) ? kReadOnly : 0)},
                memory, {}),
      medium_(medium),
      serial_(std::move(serial)) {}

VirtioBlock::~VirtioBlock() {
    medium_.cancel();
}

// Capacity in sectors, then limits (5.2.4).
uint8_t VirtioBlock::config_byte(uint32_t offset) const {
    std::array<uint8_t, 24> config{};
    const auto medium = medium_.medium();
    net::put_le(config, 0, medium ? medium->sectors() : 0, 8);
    net::put_le(config, 12, virtio::Virtqueue::kSize - 2, 4);
    net::put_le(config, 20, kSectorBytes, 4);
    return offset < config.size() ? config[offset] : 0;
}

void VirtioBlock::device_reset() {
    medium_.cancel();
    under_way_.clear();
    bytes_under_way_ = 0;
}

void VirtioBlock::notified(unsigned) {
    take_requests();
}

void VirtioBlock::take_requests() {
    for (unsigned n = 0; n < virtio::Virtqueue::kSize && bytes_under_way_ < kMostUnderWay; ++n) {
        virtio::Virtqueue* q = queue(0);
        auto chain = q && under_way_.size() < virtio::Virtqueue::kSize ? q->take() : std::nullopt;
        if (!chain) return;
        begin(std::move(*chain));
    }
}

bool VirtioBlock::inside(uint64_t sector, uint64_t bytes) const {
    const auto medium = medium_.medium();
    return medium && bytes % kSectorBytes == 0 && sector <= medium->sectors() &&
           bytes / kSectorBytes <= medium->sectors() - sector;
}

// What cannot be done is still answered in its turn: as a request of the drive that moves nothing.
void VirtioBlock::begin(virtio::Chain chain) {
    virtio::Virtqueue& q = *queue(0);
    std::array<uint8_t, kRequestHeader> header{};
    Request r{.chain = std::move(chain)};
    if (!q.read(r.chain, 0, header) || r.chain.writable_bytes == 0) return answer(r, kIoError);
    r.type = static_cast<uint32_t>(net::get_le(header, 0, 4));
    const uint64_t sector = net::get_le(header, 8, 8), room = r.chain.writable_bytes - 1;
    const uint64_t bytes = r.type == kWrite ? r.chain.readable_bytes - kRequestHeader : r.type == kRead ? room : 0;
    if (r.type == kGetId) {
        std::array<uint8_t, kIdBytes> id{};
        std::copy_n(serial_.begin(), std::min(serial_.size(), id.size()), id.begin());
        q.write(r.chain, 0, std::span(id).first(std::min<uint64_t>(room, id.size())));
        return answer(r, kOk);
    }
    if (r.type != kRead && r.type != kWrite && r.type != kFlush) return answer(r, kUnsupported);
    if (bytes > kMostBytes || (r.type != kFlush && !inside(sector, bytes)) || (r.type == kFlush && !medium_.medium()))
        return answer(r, kIoError);
    r.data.resize(bytes);
    if (r.type == kWrite && !q.read(r.chain, kRequestHeader, r.data)) return answer(r, kIoError);
    bytes_under_way_ += bytes;
    under_way_.push_back(std::move(r));
    const auto end = [this](bool ok) { done(ok); };
    std::vector<uint8_t>& data = under_way_.back().data;
    const uint64_t offset = sector * kSectorBytes;
    switch (under_way_.back().type) {
        case kRead:
            return medium_.read(offset, data, end);
        case kWrite:
            return medium_.write(offset, data, end);
        default:
            return medium_.flush(end);
    }
}

// The drive does requests in order, so it is the oldest.
void VirtioBlock::done(bool ok) {
    Request r = std::move(under_way_.front());
    under_way_.pop_front();
    bytes_under_way_ -= r.data.size();
    virtio::Virtqueue* q = queue(0);
    if (q && ok && r.type == kRead) ok = q->write(r.chain, 0, r.data);
    answer(r, ok ? kOk : kIoError);
    take_requests();
}

void VirtioBlock::answer(const Request& r, uint8_t status) {
    virtio::Virtqueue* q = queue(0);
    if (!q) return;
    const std::array<uint8_t, 1> byte{status};
    if (r.chain.writable_bytes) q->write(r.chain, r.chain.writable_bytes - 1, byte);
    const uint64_t written = status == kOk && r.type != kWrite ? r.chain.writable_bytes : 1;
    q->give_back(r.chain.head, static_cast<uint32_t>(written));
    tell_driver(*q);
}

VirtioBlock::State VirtioBlock::state() const {
    State s{.transport = transport_state()};
    for (const Request& r : under_way_) s.under_way.push_back(r.chain.head);
    return s;
}

void VirtioBlock::restore(const State& s) {
    device_reset();
    restore_transport(s.transport);
    for (const uint16_t head : s.under_way)
        if (virtio::Virtqueue* q = queue(0))
            if (auto chain = q->chain(head)) begin(std::move(*chain));
}

}  // namespace ringfold
