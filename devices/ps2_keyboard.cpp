// A PS/2 keyboard as the controller sees it over its wire: commands in, scan codes and answers out.
#include "devices/ps2_keyboard.h"

#include "devices/scancodes.h"

namespace ringfold {

namespace {

constexpr uint8_t kAck = 0xfa, kResend = 0xfe, kSelfTestPassed = 0xaa;
constexpr uint8_t kPause = 0xc5;

enum Command : uint8_t {
    kSetLeds = 0xed,
    kEcho = 0xee,
    kScancodeSet = 0xf0,
    kIdentify = 0xf2,
    kTypematic = 0xf3,
    kEnable = 0xf4,
    kDisable = 0xf5,
    kDefaults = 0xf6,
    kAllTypematic = 0xf7,
    kKeyMakeOnly = 0xfd,
    kResendLast = 0xfe,
    kReset = 0xff,
};

}  // namespace

bool Ps2Keyboard::key(uint8_t key, bool down) {
    if (!state_.scanning || !state_.keys.room_for(8)) return false;
    const uint8_t set1 = key & 0x7f, set2 = set2_from_set1(set1);
    if (set2 == 0) return false;
    const bool first_set = state_.scancode_set == 1;
    if (key == kPause) {
        if (!down) return true;
        if (first_set)
            state_.keys.push({0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5});
        else
            state_.keys.push({0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77});
        return true;
    }
    if (key & 0x80) state_.keys.push({0xe0});
    if (first_set)
        state_.keys.push({static_cast<uint8_t>(set1 | (down ? 0 : 0x80))});
    else if (down)
        state_.keys.push({set2});
    else
        state_.keys.push({0xf0, set2});
    return true;
}

void Ps2Keyboard::set_defaults() {
    state_.scancode_set = 2;
    state_.leds = 0;
    state_.keys.clear();
}

void Ps2Keyboard::receive(uint8_t byte) {
    if (state_.command && byte < 0xed) {  // a command byte in a parameter's place is a new command
        const uint8_t command = state_.command;
        state_.command = 0;
        return parameter(command, byte);
    }
    state_.command = 0;
    if (byte != kResendLast) state_.answers.clear();  // a new command ends the answer to the last one
    switch (byte) {
        case kSetLeds:
        case kScancodeSet:
        case kTypematic:
            state_.command = byte;
            state_.answers.push({kAck});
            break;
        case kEcho:
            state_.answers.push({kEcho});
            break;
        case kIdentify:
            state_.answers.push({kAck, 0xab, 0x83});
            break;
        case kEnable:
            state_.scanning = true;
            state_.keys.clear();
            state_.answers.push({kAck});
            break;
        case kDisable:
            set_defaults();
            state_.scanning = false;
            state_.answers.push({kAck});
            break;
        case kDefaults:
            set_defaults();
            state_.answers.push({kAck});
            break;
        case kResendLast:
            state_.answers.push({state_.last_sent});
            break;
        case kReset:
            set_defaults();
            state_.scanning = true;
            state_.answers.push({kAck, kSelfTestPassed});
            break;
        default:
            // F7 to FD change what set 3 sends, and that set is not offered: taken and without effect.
            state_.answers.push({byte >= kAllTypematic && byte <= kKeyMakeOnly ? kAck : kResend});
    }
}

void Ps2Keyboard::parameter(uint8_t command, uint8_t byte) {
    if (command == kSetLeds) {
        state_.leds = byte & 7;
    } else if (command == kScancodeSet) {
        if (byte == 0) return state_.answers.push({kAck, state_.scancode_set});
        if (byte > 2) return state_.answers.push({kResend});
        state_.scancode_set = byte;
    }
    state_.answers.push({kAck});
}

std::optional<uint8_t> Ps2Keyboard::send() {
    const auto byte = (state_.answers.empty() ? state_.keys : state_.answers).pop();
    if (byte) state_.last_sent = *byte;
    return byte;
}

}  // namespace ringfold
