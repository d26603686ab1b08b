// The packet commands of the CD-ROM drive (MMC-3, SPC-2; SFF-8020i for mode page 2A).
#include <algorithm>
#include <array>
#include <string_view>

#include "devices/ide/atapi_cdrom.h"

namespace ringfold {

namespace {

constexpr AtapiCdrom::Sense kNoMedium{0x02, 0x3a, 0x01}, kTrayOpen{0x02, 0x3a, 0x02}, kInvalidCommand{0x05, 0x20, 0x00},
    kInvalidField{0x05, 0x24, 0x00}, kNotSaved{0x05, 0x39, 0x00}, kDoorLocked{0x05, 0x53, 0x02},
    kMediumChanged{0x06, 0x28, 0x00};

constexpr uint32_t kBlock = 2048;
constexpr uint32_t kMostCdBlocks = 80 * 60 * 75;       // what is longer is shown as a DVD
constexpr uint16_t kCdRom = 0x0008, kDvdRom = 0x0010;  // profiles
constexpr uint8_t kLeadOut = 0xaa;

// No answer is longer than its room.
class Reply {
public:
    explicit Reply(size_t bytes = 0) : size_(bytes) {}
    Reply& u8(unsigned v) {
        bytes_[size_++] = static_cast<uint8_t>(v);
        return *this;
    }
    Reply& u16(uint32_t v) { return u8(v >> 8).u8(v); }
    Reply& u32(uint32_t v) { return u16(v >> 16).u16(v); }
    Reply& text(std::string_view text, size_t width) {
        for (size_t i = 0; i < width; i++) u8(i < text.size() ? static_cast<uint8_t>(text[i]) : ' ');
        return *this;
    }
    // The number of bytes behind the field itself, which is at `at`.
    Reply& length16(size_t at) {
        const size_t n = size_ - at - 2;
        bytes_[at] = static_cast<uint8_t>(n >> 8);
        bytes_[at + 1] = static_cast<uint8_t>(n);
        return *this;
    }
    size_t size() const { return size_; }
    std::vector<uint8_t> take() const { return {bytes_.begin(), bytes_.begin() + static_cast<long>(size_)}; }

private:
    std::array<uint8_t, 128> bytes_{};
    size_t size_;
};

// Minutes, seconds, frames, with the two seconds before the first block.
uint32_t msf(uint32_t lba) {
    const uint32_t frames = lba + 150;
    return frames / 75 / 60 << 16 | frames / 75 % 60 << 8 | frames % 75;
}

// Those that do not care whether there is a medium, and do not tell that it changed.
bool works_always(uint8_t code) {
    constexpr uint8_t kCodes[] = {0x03, 0x12, 0x46, 0x4a};
    return std::ranges::find(kCodes, code) != std::end(kCodes);
}

bool needs_medium(uint8_t code) {
    constexpr uint8_t kCodes[] = {0x00, 0x25, 0x28, 0x2b, 0x42, 0x43, 0x51, 0xa8, 0xbe};
    return std::ranges::find(kCodes, code) != std::end(kCodes);
}

}  // namespace

void AtapiCdrom::run_packet() {
    const uint8_t code = packet(0);
    if (state_.attention && !works_always(code)) {
        state_.attention = false;
        return check(kMediumChanged);
    }
    if (needs_medium(code)) {
        if (!ready()) return check(state_.tray_open ? kTrayOpen : kNoMedium);
        return run_media_packet(code);
    }
    switch (code) {
        case 0x03:
            return request_sense();
        case 0x12:
            return inquiry();
        case 0x1a:
            return mode_sense(false);
        case 0x1b:
            return start_stop();
        case 0x1e:  // PREVENT ALLOW MEDIUM REMOVAL
            state_.locked = packet(4) & 1;
            return good();
        case 0x35:  // SYNCHRONIZE CACHE: nothing is ever written
            return good();
        case 0x46:
            return get_configuration();
        case 0x4a:
            return event_status();
        case 0x5a:
            return mode_sense(true);
        case 0xbb:  // SET CD SPEED
            return good();
        case 0xbd:
            return mechanism_status();
    }
    check(kInvalidCommand);
}

void AtapiCdrom::run_media_packet(uint8_t code) {
    switch (code) {
        case 0x00:  // TEST UNIT READY
            return good();
        case 0x25:  // READ CAPACITY
            return reply(Reply().u32(blocks() - 1).u32(kBlock).take(), 8);
        case 0x28:
            return read_blocks(packet32(2), packet16(7));
        case 0xa8:
            return read_blocks(packet32(2), packet32(6));
        case 0x2b:  // SEEK
            return packet32(2) < blocks() ? good() : check({0x05, 0x21, 0x00});
        case 0x42:  // READ SUB-CHANNEL: no audio is playing
            if (packet(2) & 0x40 && packet(3) != 1) return check(kInvalidField);
            return reply(Reply().u16(0x0015).u16(0).take(), packet16(7));
        case 0x43:
            return read_toc();
        case 0x51:
            return disc_information();
        case 0xbe:
            return read_cd();
    }
    check(kInvalidCommand);
}

void AtapiCdrom::request_sense() {
    const Sense s = state_.sense;
    state_.sense = {};
    reply(Reply().u8(0x70).u8(0).u8(s.key).u32(0).u8(10).u32(0).u8(s.code).u8(s.qualifier).u32(0).take(), packet(4));
}

void AtapiCdrom::inquiry() {
    if (packet(1) & 3 || packet(2)) return check(kInvalidField);
    reply(Reply()
              .u8(0x05)
              .u8(0x80)  // removable
              .u8(0x00)
              .u8(0x21)  // ATAPI
              .u8(31)
              .u8(0)
              .u16(0)
              .text("RINGFOLD", 8)
              .text("CD-ROM", 16)
              .text("1.0", 4)
              .take(),
          packet16(3));
}

// START STOP UNIT. The medium stays in the open tray: it is the user who takes it out.
void AtapiCdrom::start_stop() {
    const bool load_or_eject = packet(4) & 2, start = packet(4) & 1;
    if (!load_or_eject) return good();
    const bool was_open = state_.tray_open;
    if (!start) {
        if (state_.locked) return check(kDoorLocked);
        state_.tray_open = true;
    } else if (state_.tray_open) {
        state_.tray_open = false;
        if (medium_.medium()) {
            state_.attention = true;
            state_.event = MediaEvent::NewMedia;
        }
    }
    if (tray_moved_ && state_.tray_open != was_open) tray_moved_(state_.tray_open);
    good();
}

// One data track.
void AtapiCdrom::read_toc() {
    const bool in_msf = packet(1) & 2;
    // In MMC it is byte 2; SFF-8020i has it in the last byte.
    const unsigned format = packet(2) & 0xf ? packet(2) & 0xfu : packet(9) >> 6, first = packet(6);
    const auto address = [in_msf](uint32_t lba) { return in_msf ? msf(lba) : lba; };
    if (format == 1)
        return reply(Reply().u16(10).u16(0x0101).u16(0x0014).u16(0x0100).u32(address(0)).take(), packet16(7));
    if (format != 0 || (first > 1 && first != kLeadOut)) return check(kInvalidField);
    Reply toc(2);
    toc.u16(0x0101);
    if (first <= 1) toc.u16(0x0014).u16(0x0100).u32(address(0));
    toc.u16(0x0014).u16(kLeadOut << 8).u32(address(blocks()));
    reply(toc.length16(0).take(), packet16(7));
}

// READ CD: the user data of data blocks is all that an image has.
void AtapiCdrom::read_cd() {
    const unsigned wanted = packet(9) & 0xf8, type = packet(1) >> 2 & 7;
    if (wanted == 0) return good();
    if (wanted != 0x10 || packet(10) & 7 || type == 1 || type > 2) return check(kInvalidField);
    read_blocks(packet32(2), packet32(5) & 0xffffff);
}

void AtapiCdrom::mode_sense(bool ten) {
    const unsigned page = packet(2) & 0x3f, control = packet(2) >> 6;
    if (control == 3) return check(kNotSaved);
    if (page != 0x01 && page != 0x2a && page != 0x3f) return check(kInvalidField);
    Reply r(ten ? 8 : 4);
    // Which bits of a page can be changed: none.
    const auto value = [control](unsigned v) { return control == 1 ? 0 : v; };
    if (page != 0x2a) r.u16(0x0106).u8(0).u8(value(5)).u32(0);  // error recovery: five retries
    if (page != 0x01) {
        r.u8(0x2a).u8(18);
        r.u16(0);                                            // reads no recordable media, writes none
        r.u16(0).u8(value(0x29 | (state_.locked ? 2 : 0)));  // a tray, eject, lock
        r.u8(0).u16(value(706)).u16(0).u16(value(512)).u16(value(706)).u32(0);
    }
    std::vector<uint8_t> bytes = r.take();
    const uint8_t medium_type = !ready() ? (state_.tray_open ? 0x71 : 0x70) : 0x01;
    if (ten) {
        bytes[1] = static_cast<uint8_t>(bytes.size() - 2);
        bytes[2] = medium_type;
    } else {
        bytes[0] = static_cast<uint8_t>(bytes.size() - 1);
        bytes[1] = medium_type;
    }
    reply(std::move(bytes), ten ? packet16(7) : packet(4));
}

void AtapiCdrom::get_configuration() {
    const unsigned which = packet(1) & 3, from = packet16(2);
    if (which == 3) return check(kInvalidField);
    const uint16_t profile = !ready() ? 0 : blocks() > kMostCdBlocks ? kDvdRom : kCdRom;
    Reply r(4);
    r.u16(0).u16(profile);
    // Feature, its flags (persistent, current), its data.
    const auto feature = [&](uint16_t number, unsigned flags, auto data) {
        const bool wanted = which == 2 ? number == from : number >= from && (which == 0 || flags & 1);
        if (!wanted) return;
        r.u16(number).u8(flags);
        data();
    };
    feature(0x0000, 3, [&] {  // the profiles
        r.u8(8).u16(kDvdRom).u8(profile == kDvdRom).u8(0).u16(kCdRom).u8(profile == kCdRom).u8(0);
    });
    feature(0x0001, 0x0b, [&] { r.u8(8).u32(2).u32(1u << 24); });  // core: ATAPI
    feature(0x0003, 3, [&] { r.u8(4).u32(0x29000000); });          // removable medium: tray, eject, lock
    feature(0x0010, profile ? 1 : 0, [&] { r.u8(8).u32(kBlock).u16(1).u16(0); });  // random readable
    feature(0x001e, profile == kCdRom, [&] { r.u8(4).u32(0); });                   // CD read
    feature(0x001f, profile == kDvdRom, [&] { r.u8(4).u32(0); });                  // DVD read
    std::vector<uint8_t> bytes = r.take();
    const auto length = static_cast<uint32_t>(bytes.size() - 4);
    for (size_t i = 0; i < 4; i++) bytes[i] = static_cast<uint8_t>(length >> (24 - 8 * i));
    reply(std::move(bytes), packet16(7));
}

// GET EVENT STATUS NOTIFICATION, polled only; of the classes there is "media".
void AtapiCdrom::event_status() {
    constexpr unsigned kMedia = 4;
    if (!(packet(1) & 1)) return check(kInvalidField);
    if (!(packet(4) & 1u << kMedia)) return reply(Reply().u16(0).u8(0x80).u8(1u << kMedia).take(), packet16(7));
    const unsigned there = medium_.medium() ? 2 : 0, open = state_.tray_open ? 1 : 0;
    const auto event = static_cast<unsigned>(state_.event);
    state_.event = MediaEvent::None;
    reply(Reply().u16(4).u8(kMedia).u8(1u << kMedia).u8(event).u8(there | open).u16(0).take(), packet16(7));
}

// READ DISC INFORMATION: complete, one session with one track.
void AtapiCdrom::disc_information() {
    if (packet(1) & 7) return check(kInvalidField);
    Reply r;
    r.u16(32).u8(0x0e).u8(1).u8(1).u8(1).u8(1).u8(0x20).u8(0).u8(0).u16(0);
    while (r.size() < 34) r.u8(0);
    reply(r.take(), packet16(7));
}

void AtapiCdrom::mechanism_status() {
    reply(Reply().u8(0).u8(state_.tray_open ? 0x10 : 0).u16(0).u8(0).u8(1).u16(0).take(), packet16(8));
}

}  // namespace ringfold
