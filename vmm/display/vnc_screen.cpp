// -vnc, the vCPU's side.
#include "vmm/display/vnc_screen.h"

#include <algorithm>

namespace ringfold {

namespace {

constexpr Nanoseconds kInterval = kSecond / 30;
constexpr Nanoseconds kShare = 10;  // drawing takes at most this part of the vCPU's time
constexpr size_t kTypedAhead = 1024;

}  // namespace

VncScreen::VncScreen(const VncOptions& options, const std::string& layout, const Clock& clock, host::Mailbox& mailbox)
    : clock_(clock), keymap_(layout) {
    const auto on_key = [this, &mailbox](uint32_t keysym, bool down) {
        if (const auto found = keymap_.key(keysym)) mailbox.post([this, found, down] { key(*found, down); });
    };
    const auto on_pointer = [this, &mailbox](int dx, int dy, int dz, uint8_t buttons) {
        mailbox.post([=, this] {
            if (keyboard_) keyboard_->move_mouse(dx, dy, dz, buttons);
        });
    };
    const auto on_watched = [this, &mailbox](bool watched) {
        mailbox.post([this, watched] {
            watched_ = watched;
            next_ = clock_.now();
        });
    };
    server_ = std::make_unique<VncServer>(options, VncServer::Events{on_key, on_pointer, on_watched});
}

void VncScreen::connect(const Vga& vga, I8042& keyboard) {
    vga_ = &vga;
    keyboard_ = &keyboard;
    events_.clear();
    down_.reset();
    shown_ = 0;
    next_ = clock_.now();
}

// A key that has no room is not pressed, and what was not pressed is not released.
void VncScreen::key(uint8_t key, bool down) {
    if (down ? events_.size() >= kTypedAhead : !down_[key]) return;
    down_[key] = down;
    events_.push_back({key, down});
    press_keys();
}

void VncScreen::press_keys() {
    while (!events_.empty() && keyboard_->key(events_.front().key, events_.front().down)) events_.pop_front();
}

std::optional<Nanoseconds> VncScreen::next_deadline() const {
    return watched_ ? std::optional(next_) : std::nullopt;
}

void VncScreen::advance(Nanoseconds now) {
    if (!watched_ || now < next_) return;
    press_keys();
    next_ = now + kInterval;
    if (vga_->changes() == shown_) return;
    shown_ = vga_->changes();
    server_->show(vga_->picture());
    next_ = now + std::max(kInterval, (clock_.now() - now) * kShare);
}

}  // namespace ringfold
