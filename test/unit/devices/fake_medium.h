// A medium in memory whose requests end when the test says so, and guest memory for DMA.
#pragma once

#include <algorithm>
#include <cstring>
#include <deque>
#include <utility>
#include <vector>

#include "vmm/base/io.h"
#include "vmm/block/block_device.h"

namespace ringfold {

class FakeMedium final : public block::BlockDevice {
public:
    explicit FakeMedium(size_t sectors, bool read_only = false) : bytes(sectors * 512), read_only_(read_only) {
        for (size_t i = 0; i < bytes.size(); i++) bytes[i] = static_cast<uint8_t>(i * 7 + i / 512);
    }

    std::optional<block::Medium> medium() const override {
        if (bytes.empty()) return std::nullopt;
        return block::Medium{bytes.size(), read_only_};
    }
    void read(uint64_t offset, std::span<uint8_t> to, Done done) override {
        ask(offset, to.size(), std::move(done), [=, this] { memcpy(to.data(), &bytes[offset], to.size()); });
    }
    void write(uint64_t offset, std::span<const uint8_t> from, Done done) override {
        ask(offset, from.size(), std::move(done), [=, this] { memcpy(&bytes[offset], from.data(), from.size()); });
    }
    void flush(Done done) override {
        ask(0, 0, std::move(done), [this] { flushes++; });
    }
    void cancel() override { requests_.clear(); }

    // Ends all requests, and those that follow from their ends.
    void serve() {
        while (!requests_.empty()) {
            const Request r = std::move(requests_.front());
            requests_.pop_front();
            const bool bad = bad_byte >= r.offset && bad_byte < r.offset + r.length;
            if (!bad) r.work();
            r.done(!bad);
        }
    }
    bool waiting() const { return !requests_.empty(); }
    void change(std::vector<uint8_t> to) {
        cancel();
        bytes = std::move(to);
        tell_medium_changed();
    }

    std::vector<uint8_t> bytes;
    uint64_t bad_byte = UINT64_MAX;
    unsigned flushes = 0;
    bool outside = false;  // a request reached outside the medium

private:
    struct Request {
        uint64_t offset;
        size_t length;
        Done done;
        std::function<void()> work;
    };
    void ask(uint64_t offset, size_t length, Done done, std::function<void()> work) {
        outside = outside || offset > bytes.size() || length > bytes.size() - offset;
        if (outside) work = [] {};
        requests_.push_back({offset, length, std::move(done), std::move(work)});
    }
    bool read_only_;
    std::deque<Request> requests_;
};

class FlatMemory final : public PhysicalMemory {
public:
    explicit FlatMemory(size_t size) : bytes(size) {}
    bool dma_read(GuestPhys from, std::span<uint8_t> to) override {
        const bool inside = from.value <= bytes.size() && to.size() <= bytes.size() - from.value;
        for (size_t i = 0; i < to.size(); i++) {
            const uint64_t at = from.value + i;
            to[i] = at < bytes.size() ? bytes[at] : 0xff;
        }
        return inside;
    }
    bool dma_write(GuestPhys to, std::span<const uint8_t> from) override {
        const bool inside = to.value <= bytes.size() && from.size() <= bytes.size() - to.value;
        for (size_t i = 0; i < from.size(); i++)
            if (to.value + i < bytes.size()) bytes[to.value + i] = from[i];
        return inside;
    }
    void put32(size_t at, uint32_t value) {
        for (size_t i = 0; i < 4; i++) bytes[at + i] = static_cast<uint8_t>(value >> (8 * i));
    }

    std::vector<uint8_t> bytes;
};

}  // namespace ringfold
