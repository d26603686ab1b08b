// A PS/2 mouse with wheel (IntelliMouse and IntelliMouse Explorer protocols) at the controller's second port.
#include "devices/ps2_mouse.h"

#include <algorithm>
#include <utility>

namespace ringfold {

namespace {

constexpr uint8_t kAck = 0xfa, kNak = 0xfe, kSelfTestPassed = 0xaa;

enum Command : uint8_t {
    kScale1 = 0xe6,
    kScale2 = 0xe7,
    kResolution = 0xe8,
    kStatus = 0xe9,
    kStream = 0xea,
    kReadData = 0xeb,
    kEndWrap = 0xec,
    kWrap = 0xee,
    kRemote = 0xf0,
    kIdentify = 0xf2,
    kSampleRate = 0xf3,
    kEnable = 0xf4,
    kDisable = 0xf5,
    kDefaults = 0xf6,
    kResendLast = 0xfe,
    kReset = 0xff,
};

int take(int& total, int least, int most) {
    const int part = std::clamp(total, least, most);
    total -= part;
    return part;
}

}  // namespace

void Ps2Mouse::move(int dx, int dy, int dz, uint8_t buttons) {
    const auto add = [](int& total, int by) {
        total = std::clamp(total + std::clamp(by, -kFarthest, kFarthest), -kFarthest, kFarthest);
    };
    add(state_.dx, dx);
    add(state_.dy, -std::clamp(dy, -kFarthest, kFarthest));
    add(state_.dz, dz);
    buttons &= 0x1f;
    if (buttons != state_.buttons) state_.buttons_changed = true;
    state_.buttons = buttons;
    report_if_due();
}

// Movement gathers while packets wait to be read, so that a slow guest gets few packets with large steps.
void Ps2Mouse::report_if_due() {
    if (state_.reporting && !state_.remote && !state_.wrap && !has_output() &&
        (state_.dx || state_.dy || state_.dz || state_.buttons_changed))
        push_packet();
}

void Ps2Mouse::push_packet() {
    const int dx = take(state_.dx, -255, 255), dy = take(state_.dy, -255, 255), dz = take(state_.dz, -8, 7);
    state_.buttons_changed = false;
    const auto first = static_cast<uint8_t>(0x08 | (state_.buttons & 7) | (dx < 0 ? 0x10 : 0) | (dy < 0 ? 0x20 : 0));
    state_.output.push({first, static_cast<uint8_t>(dx), static_cast<uint8_t>(dy)});
    if (state_.id == 3) state_.output.push({static_cast<uint8_t>(dz)});
    if (state_.id == 4) state_.output.push({static_cast<uint8_t>((dz & 0x0f) | (state_.buttons & 0x18) << 1)});
}

void Ps2Mouse::set_defaults() {
    state_.sample_rate = 100;
    state_.resolution = 2;
    state_.scaling = state_.reporting = state_.remote = false;
    state_.command = 0;
    state_.dx = state_.dy = state_.dz = 0;
}

// Rates 200, 100, 80 in a row ask for the wheel; 200, 200, 80 for the five buttons as well.
void Ps2Mouse::set_sample_rate(uint8_t rate) {
    const auto [first, second] = state_.earlier_rates;
    if (rate == 80 && first == 200 && second == 100) state_.id = 3;
    if (rate == 80 && first == 200 && second == 200) state_.id = 4;
    state_.earlier_rates = {second, rate};
    state_.sample_rate = rate;
}

void Ps2Mouse::parameter(uint8_t command, uint8_t byte) {
    if (command == kSampleRate) {
        set_sample_rate(byte);
    } else if (byte <= 3) {
        state_.resolution = byte;
    } else {
        return state_.output.push({kNak});
    }
    state_.output.push({kAck});
}

void Ps2Mouse::receive(uint8_t byte) {
    if (state_.wrap && byte != kEndWrap && byte != kReset) return state_.output.push({byte});
    if (const uint8_t command = std::exchange(state_.command, 0)) return parameter(command, byte);
    if (byte != kResendLast) state_.output.clear();  // a command from the host ends what was being sent
    switch (byte) {
        case kResolution:
        case kSampleRate:
            state_.command = byte;
            break;
        case kScale1:
            state_.scaling = false;
            break;
        case kScale2:
            state_.scaling = true;
            break;
        case kStream:
            state_.remote = false;
            break;
        case kRemote:
            state_.remote = true;
            break;
        case kWrap:
            state_.wrap = true;
            break;
        case kEndWrap:
            state_.wrap = false;
            break;
        case kEnable:
            state_.dx = state_.dy = state_.dz = 0;
            state_.buttons_changed = false;
            state_.reporting = true;
            break;
        case kDisable:
            state_.reporting = false;
            break;
        case kDefaults:
            set_defaults();
            break;
        case kStatus: {
            // Left, right and middle are in another order here than in the packets.
            const uint8_t b = state_.buttons;
            const auto status =
                static_cast<uint8_t>((state_.remote ? 0x40 : 0) | (state_.reporting ? 0x20 : 0) |
                                     (state_.scaling ? 0x10 : 0) | (b & 1) << 2 | (b & 4) >> 1 | (b & 2) >> 1);
            return state_.output.push({kAck, status, state_.resolution, state_.sample_rate});
        }
        case kReadData:
            state_.output.push({kAck});
            return push_packet();
        case kIdentify:
            return state_.output.push({kAck, state_.id});
        case kResendLast:
            return state_.output.push({state_.last_sent});
        case kReset:
            set_defaults();
            state_.wrap = false;
            state_.id = 0;
            state_.earlier_rates = {};
            return state_.output.push({kAck, kSelfTestPassed, 0x00});
        default:
            return state_.output.push({kNak});
    }
    state_.output.push({kAck});
}

std::optional<uint8_t> Ps2Mouse::send() {
    const auto byte = state_.output.pop();
    if (byte) state_.last_sent = *byte;
    report_if_due();
    return byte;
}

}  // namespace ringfold
