// Port 0x61, which holds the speaker's gate and the refresh toggle, and port 0x92 with fast A20 and fast reset.
#include "devices/system_control.h"

namespace ringfold {

namespace {

constexpr uint8_t kSpeakerGate = 1, kRefresh = 0x10, kSpeakerOut = 0x20;
constexpr uint8_t kFastReset = 1, kFastA20 = 2;
// The refresh bit turns over with each DRAM refresh request: old delay loops count it.
constexpr Nanoseconds kRefreshInterval = 15'085;

}  // namespace

uint32_t SystemControl::read(uint32_t offset, unsigned) {
    if (offset == 1) return static_cast<uint32_t>(state_.port_a | (a20_.enabled() ? kFastA20 : 0));
    const bool refresh = clock_.now() / kRefreshInterval & 1;
    return static_cast<uint32_t>(state_.port_b | (refresh ? kRefresh : 0) | (pit_.speaker_out() ? kSpeakerOut : 0));
}

void SystemControl::write(uint32_t offset, unsigned, uint32_t value) {
    if (offset == 1) return write_port_a(static_cast<uint8_t>(value));
    state_.port_b = value & 0x0f;
    pit_.set_speaker_gate(value & kSpeakerGate);
}

void SystemControl::write_port_a(uint8_t value) {
    const bool resets = value & ~state_.port_a & kFastReset;
    state_.port_a = value & static_cast<uint8_t>(~kFastA20);
    a20_.set(value & kFastA20);
    if (resets && request_reset_) request_reset_();
}

void SystemControl::reset() {
    state_ = State{};
    pit_.set_speaker_gate(false);
}

}  // namespace ringfold
