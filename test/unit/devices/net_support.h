// A cable whose other end the test holds.
#pragma once

#include <deque>
#include <vector>

#include "vmm/net/net_port.h"

namespace ringfold {

class FakePort final : public net::NetPort {
public:
    void send(std::span<const uint8_t> frame) override { sent.emplace_back(frame.begin(), frame.end()); }
    std::optional<net::Frame> receive() override {
        if (waiting.empty()) return std::nullopt;
        net::Frame frame = std::move(waiting.front());
        waiting.pop_front();
        return frame;
    }
    void arrive(net::Frame frame) {
        waiting.push_back(std::move(frame));
        tell_arrival();
    }

    std::vector<net::Frame> sent;
    std::deque<net::Frame> waiting;
};

// Takes everything and keeps nothing.
class CountingPort final : public net::NetPort {
public:
    void send(std::span<const uint8_t> frame) override { bytes += frame.size(); }
    std::optional<net::Frame> receive() override { return std::nullopt; }
    uint64_t bytes = 0;
};

// `to`, an address of its own, a type, and bytes that count up.
inline net::Frame test_frame(const net::MacAddress& to, size_t size) {
    net::Frame frame(to.begin(), to.end());
    for (const uint8_t b : {2, 0, 0, 0, 0, 9, 0x08, 0x00}) frame.push_back(b);
    while (frame.size() < size) frame.push_back(static_cast<uint8_t>(frame.size()));
    return frame;
}

inline constexpr net::MacAddress kTestMac{0x52, 0x54, 0, 1, 2, 3}, kBroadcastMac{255, 255, 255, 255, 255, 255};

}  // namespace ringfold
