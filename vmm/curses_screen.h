// -display curses: the guest's text screen on the terminal, and the terminal's keys on the guest's keyboard.
#pragma once

#include <deque>

#include "devices/byte_stream.h"
#include "devices/i8042.h"
#include "devices/timed_device.h"
#include "devices/vga.h"

namespace ringfold {

// Raw mode, and the way back from it, are Terminal's: make one first. On the vCPU's thread.
class CursesScreen final : public TimedDevice {
public:
    // Throws HostError if curses does not know the terminal.
    explicit CursesScreen(const Clock& clock);
    ~CursesScreen() override;
    CursesScreen(const CursesScreen&) = delete;
    CursesScreen& operator=(const CursesScreen&) = delete;

    // To each machine that is built, after a reset too.
    void connect(const Vga& vga, I8042& keyboard);
    // Types all that the source has.
    void type(ByteSource& typed);

    std::optional<Nanoseconds> next_deadline() const override { return next_; }
    // Draws the screen when it is time to, and goes on typing what the keyboard had no room for.
    void advance(Nanoseconds now) override;

private:
    struct KeyEvent {
        uint8_t key;
        bool down;
    };
    void press_keys();
    void draw();

    const Vga* vga_ = nullptr;
    I8042* keyboard_ = nullptr;
    std::deque<KeyEvent> events_;
    Nanoseconds next_;
};

}  // namespace ringfold
