// Layout, numbers little-endian: magic, version, RAM's size; how many parts, and for each its name's length and name,
// its shape, its state's length and state; the length of the packed RAM and that; CRC-32 of all before. Unpacked, RAM
// and behind it the display's memory is pages with their numbers before them and kNoPage at the end, as one zlib stream.
#include "vmm/snapshot/snapshot.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <new>

#include <fmt/format.h>

#include "vmm/base/result.h"

namespace ringfold {

namespace {

constexpr uint8_t kMagic[8] = {'R', 'i', 'n', 'g', 'f', 'o', 'l', 'd'};
constexpr uint32_t kVersion = 2, kNoPage = UINT32_MAX;
constexpr size_t kMostParts = 1000, kChecksumBytes = 4;

template <class T>
void put(std::vector<uint8_t>& to, T n) {
    for (size_t i = 0; i < sizeof n; ++i) to.push_back(static_cast<uint8_t>(uint64_t{n} >> 8 * i));
}

// The checksum of any length; zlib's takes 32 bits of it.
uint32_t checksum(std::span<const uint8_t> bytes) {
    uLong crc = crc32_z(0, nullptr, 0);
    return static_cast<uint32_t>(crc32_z(crc, bytes.data(), bytes.size()));
}

class Packer {
public:
    explicit Packer(std::vector<uint8_t>& to) : to_(to) {
        if (deflateInit(&stream_, Z_BEST_SPEED) != Z_OK) throw std::bad_alloc();
    }
    ~Packer() { deflateEnd(&stream_); }
    Packer(const Packer&) = delete;
    Packer& operator=(const Packer&) = delete;

    void add(std::span<const uint8_t> bytes, int flush = Z_NO_FLUSH) {
        stream_.next_in = const_cast<uint8_t*>(bytes.data());
        stream_.avail_in = static_cast<uInt>(bytes.size());
        do {
            std::array<uint8_t, 65536> out;
            stream_.next_out = out.data();
            stream_.avail_out = out.size();
            deflate(&stream_, flush);
            to_.insert(to_.end(), out.begin(), out.end() - stream_.avail_out);
        } while (stream_.avail_out == 0);
    }

private:
    std::vector<uint8_t>& to_;
    z_stream stream_{};
};

class Unpacker {
public:
    explicit Unpacker(std::span<const uint8_t> from) {
        if (inflateInit(&stream_) != Z_OK) throw std::bad_alloc();
        stream_.next_in = const_cast<uint8_t*>(from.data());
        rest_ = from.size();
    }
    ~Unpacker() { inflateEnd(&stream_); }
    Unpacker(const Unpacker&) = delete;
    Unpacker& operator=(const Unpacker&) = delete;

    bool take(std::span<uint8_t> to) {
        stream_.next_out = to.data();
        stream_.avail_out = static_cast<uInt>(to.size());
        while (stream_.avail_out) {
            if (!stream_.avail_in) {
                stream_.avail_in = static_cast<uInt>(std::min<size_t>(rest_, 1 << 30));
                rest_ -= stream_.avail_in;
            }
            const int result = inflate(&stream_, Z_NO_FLUSH);
            if (result != Z_OK && stream_.avail_out) return false;
        }
        return true;
    }

private:
    z_stream stream_{};
    size_t rest_ = 0;
};

bool is_zero(const uint8_t* page) {
    return page[0] == 0 && memcmp(page, page + 1, kPageSize - 1) == 0;
}

// Pages that nobody has touched are holes in the RAM file: to look at them would make them real.
void for_each_touched(const Ram& ram, const std::function<void(uint64_t page)>& f) {
    const auto size = static_cast<off_t>(ram.file_bytes());
    for (off_t at = 0; at < size;) {
        const off_t data = lseek(ram.fd(), at, SEEK_DATA);
        if (data < 0 || data >= size) return;
        off_t end = lseek(ram.fd(), data, SEEK_HOLE);
        if (end < 0 || end > size) end = size;
        for (off_t p = data / kPageSize; p * kPageSize < end; ++p) f(static_cast<uint64_t>(p));
        at = end;
    }
}

struct Cursor {
    std::span<const uint8_t> rest;
    bool ok = true;

    std::span<const uint8_t> bytes(uint64_t n) {
        if (n > rest.size()) {
            ok = false;
            return {};
        }
        const auto taken = rest.first(n);
        rest = rest.subspan(n);
        return taken;
    }
    template <class T>
    T number() {
        uint64_t n = 0;
        const auto from = bytes(sizeof(T));
        for (size_t i = from.size(); i-- > 0;) n = n << 8 | from[i];
        return static_cast<T>(n);
    }
};

}  // namespace

std::vector<uint8_t> Snapshot::save(const StateParts& parts, const Ram& ram) {
    std::vector<uint8_t> out(std::begin(kMagic), std::end(kMagic));
    put(out, kVersion);
    put(out, ram.size());
    put(out, static_cast<uint32_t>(parts.all().size()));
    for (const StatePart& part : parts.all()) {
        put(out, static_cast<uint8_t>(part.name.size()));
        out.insert(out.end(), part.name.begin(), part.name.end());
        put(out, part.shape);
        std::vector<uint8_t> state;
        part.save(state);
        put(out, static_cast<uint32_t>(state.size()));
        out.insert(out.end(), state.begin(), state.end());
    }
    const size_t length_at = out.size();
    put(out, uint64_t{0});
    const auto add_number = [](Packer& packer, uint32_t n, int flush) {
        std::vector<uint8_t> bytes;
        put(bytes, n);
        packer.add(bytes, flush);
    };
    {
        Packer packer(out);
        for_each_touched(ram, [&](uint64_t page) {
            const GuestPhys at(page * kPageSize);
            if (!ram.contains(at) || is_zero(ram.host(at))) return;
            add_number(packer, static_cast<uint32_t>(page), Z_NO_FLUSH);
            packer.add({ram.host(at), kPageSize});
        });
        add_number(packer, kNoPage, Z_FINISH);
    }
    std::vector<uint8_t> length;
    put(length, uint64_t{out.size() - length_at - 8});
    std::ranges::copy(length, out.begin() + static_cast<long>(length_at));
    put(out, checksum(out));
    return out;
}

void Snapshot::refuse(const std::string& why) const {
    throw HostError(fmt::format("snapshot {}: {}", name_, why));
}

Snapshot::Snapshot(std::vector<uint8_t> bytes, std::string name) : bytes_(std::move(bytes)), name_(std::move(name)) {
    Cursor c{bytes_};
    const auto magic = c.bytes(sizeof kMagic);
    if (!c.ok || !std::ranges::equal(magic, kMagic)) refuse("not a snapshot of Ringfold");
    const auto version = c.number<uint32_t>();
    if (!c.ok || bytes_.size() < sizeof kMagic + 4 + kChecksumBytes) refuse("cut off");
    if (version != kVersion)
        refuse(fmt::format("of format version {}; this program reads version {} only", version, kVersion));
    const auto all = std::span<const uint8_t>(bytes_);
    Cursor tail{all.last(kChecksumBytes)};
    if (tail.number<uint32_t>() != checksum(all.first(all.size() - kChecksumBytes)))
        refuse("damaged or cut off: its checksum is wrong");
    c.rest = c.rest.first(c.rest.size() - kChecksumBytes);

    ram_bytes_ = c.number<uint64_t>();
    const auto parts = c.number<uint32_t>();
    for (uint32_t i = 0; i < parts && i < kMostParts && c.ok; ++i) {
        const auto part_name = c.bytes(c.number<uint8_t>());
        const auto shape = c.number<uint64_t>();
        const auto state = c.bytes(c.number<uint32_t>());
        saved_.push_back({std::string(part_name.begin(), part_name.end()), shape, state});
    }
    packed_ram_ = c.bytes(c.number<uint64_t>());
    if (!c.ok || !c.rest.empty() || parts > kMostParts) refuse("damaged");
}

// Calls page(number, bytes); refuses what is not pages.
template <class Page>
void Snapshot::each_page(Page page) const {
    Unpacker unpacker(packed_ram_);
    std::array<uint8_t, kPageSize> bytes;
    for (;;) {
        std::array<uint8_t, 4> head;
        if (!unpacker.take(head)) refuse("damaged: its memory cannot be unpacked");
        const auto number = Cursor{head}.number<uint32_t>();
        if (number == kNoPage) return;
        if (!unpacker.take(bytes)) refuse("damaged: its memory cannot be unpacked");
        page(GuestPhys(uint64_t{number} * kPageSize), bytes);
    }
}

void Snapshot::check(const StateParts& parts, const Ram& ram) const {
    if (ram_bytes_ != ram.size())
        refuse(
            fmt::format("of a machine with {} KiB of memory; start with -m {}K", ram_bytes_ >> 10, ram_bytes_ >> 10));
    const auto& all = parts.all();
    for (size_t i = 0; i < std::max(all.size(), saved_.size()); ++i) {
        if (i >= all.size() || i >= saved_.size() || all[i].name != saved_[i].name)
            refuse(fmt::format("of another machine: it {} {}; start with the options that it was started with",
                               i < saved_.size() ? "has" : "has no", i < saved_.size() ? saved_[i].name : all[i].name));
        if (all[i].shape != saved_[i].shape)
            refuse(fmt::format("of another version of Ringfold: its {} is made otherwise", saved_[i].name));
        try {
            all[i].check(saved_[i].state);
        } catch (const HostError& e) {
            refuse(fmt::format("damaged: {}", e.what()));
        }
    }
    each_page([&](GuestPhys at, const auto&) {
        if (!ram.contains(at)) refuse("damaged: it has memory where there is none");
    });
}

void Snapshot::load(const StateParts& parts, Ram& ram) const {
    // What the loader has placed goes, and so does the host's memory for it.
    if (fallocate(ram.fd(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(ram.file_bytes())) < 0)
        refuse("the host cannot empty the guest's memory");
    each_page([&](GuestPhys at, const auto& bytes) {
        if (ram.contains(at)) memcpy(ram.host(at), bytes.data(), bytes.size());
    });
    for (size_t i = 0; i < saved_.size() && i < parts.all().size(); ++i) parts.all()[i].load(saved_[i].state);
}

}  // namespace ringfold
