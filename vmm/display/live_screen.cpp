// What goes between the vCPU's thread and a display's.
#include "vmm/display/live_screen.h"

namespace ringfold {

namespace {

constexpr Nanoseconds kInterval = kSecond / 30;
constexpr size_t kTypedAhead = 1024;

}  // namespace

void LiveScreen::connect(const Vga& vga, I8042& keyboard) {
    keyboard_ = &keyboard;
    events_.clear();
    down_.reset();
    next_ = clock_.now();
    const std::lock_guard lock(mutex_);
    copy_.connect(vga);
    fresh_ = false;
}

std::optional<Nanoseconds> LiveScreen::next_deadline() const {
    return watched_ ? std::optional(next_) : std::nullopt;
}

void LiveScreen::advance(Nanoseconds now) {
    if (!watched_ || now < next_) return;
    press_keys();
    next_ = now + kInterval;
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (lock && copy_.update()) fresh_ = true;
}

void LiveScreen::queue_key(KeyEvent event) {
    if (event.down ? events_.size() >= kTypedAhead : !down_[event.key]) return;
    down_[event.key] = event.down;
    events_.push_back(event);
    press_keys();
}

void LiveScreen::press_keys() {
    while (!events_.empty() && keyboard_->key(events_.front().key, events_.front().down)) events_.pop_front();
}

// --- on the display's thread -----------------------------------------------------------------------------------

void LiveScreen::watched(bool is) {
    mailbox_.post([this, is] {
        watched_ = is;
        next_ = clock_.now();
    });
}

std::optional<Picture> LiveScreen::draw() {
    const std::lock_guard lock(mutex_);
    if (!fresh_) return std::nullopt;
    fresh_ = false;
    return copy_.picture();
}

void LiveScreen::key(uint8_t key, bool down) {
    mailbox_.post([this, key, down] { queue_key({key, down}); });
}

void LiveScreen::pointer(int dx, int dy, int dz, uint8_t buttons) {
    mailbox_.post([=, this] {
        if (keyboard_) keyboard_->move_mouse(dx, dy, dz, buttons);
    });
}

}  // namespace ringfold
