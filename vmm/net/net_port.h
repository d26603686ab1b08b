// The cable in a network card: Ethernet frames without their check sequence, out and in. Everything here is called, and
// calls back, on the vCPU's thread; a test implements it without any thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace ringfold::net {

using Frame = std::vector<uint8_t>;
using MacAddress = std::array<uint8_t, 6>;

// With header, a VLAN tag and without check sequence. Longer ones do not go over the cable.
inline constexpr size_t kLargestFrame = 1518, kHeaderBytes = 14, kSmallestFrame = 60;

class NetPort {
public:
    virtual ~NetPort() = default;
    // Never waits: what the host cannot take in time is lost, as on a busy network.
    virtual void send(std::span<const uint8_t> frame) = 0;
    // The next frame that has come, at least kSmallestFrame long; none if there is none. A card takes them when it has
    // room: until then they wait, and not for ever.
    virtual std::optional<Frame> receive() = 0;

    // `listener` hears when frames have come to where there were none.
    void on_arrival(std::function<void()> listener) { arrival_ = std::move(listener); }

protected:
    void tell_arrival() const {
        if (arrival_) arrival_();
    }

private:
    std::function<void()> arrival_;
};

}  // namespace ringfold::net
