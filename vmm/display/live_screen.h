// The guest's screen, keyboard and mouse for a display that has a thread of its own.
#pragma once

#include <bitset>
#include <deque>
#include <mutex>
#include <optional>

#include "devices/i8042.h"
#include "devices/timed_device.h"
#include "vmm/display/screen_copy.h"
#include "vmm/host/mailbox.h"

namespace ringfold {

// On the vCPU's thread it copies what has changed on the screen, 30 times a second while somebody looks, and types what
// the display has posted. Drawing is the display's thread's. Once it is gone, the mailbox must deliver no more.
class LiveScreen final : public TimedDevice {
public:
    LiveScreen(const Clock& clock, host::Mailbox& mailbox) : clock_(clock), mailbox_(mailbox) {}

    // To each machine that is built, after a reset too.
    void connect(const Vga&, I8042&);
    std::optional<Nanoseconds> next_deadline() const override;
    void advance(Nanoseconds now) override;

    // --- on the display's thread ---------------------------------------------------------------------------
    // Does anybody look?
    void watched(bool);
    // The picture as it was a moment ago, if it is another than the one drawn last.
    std::optional<Picture> draw();
    // A key by its number in scan code set 1; bit 7: after 0xe0. What was not pressed is not released.
    void key(uint8_t key, bool down);
    void pointer(int dx, int dy, int dz, uint8_t buttons);  // as Ps2Mouse::move() takes them

private:
    struct KeyEvent {
        uint8_t key;
        bool down;
    };
    void queue_key(KeyEvent);
    void press_keys();

    const Clock& clock_;
    host::Mailbox& mailbox_;
    I8042* keyboard_ = nullptr;
    std::deque<KeyEvent> events_;
    std::bitset<256> down_;  // by events_
    bool watched_ = false;
    Nanoseconds next_ = 0;

    std::mutex mutex_;  // the vCPU's thread waits for it only when the machine is a new one
    ScreenCopy copy_;
    bool fresh_ = false;
};

}  // namespace ringfold
