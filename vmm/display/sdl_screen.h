// -display sdl: the guest's screen in a window, and that window's keyboard and mouse for the guest.
#pragma once

#include <functional>
#include <string>

#include "vmm/display/live_screen.h"
#include "vmm/display/sdl_window.h"

namespace ringfold {

class SdlScreen {
public:
    // `close` is called on the vCPU's thread when the user closes the window. Throws HostError.
    SdlScreen(const std::string& name, const Clock& clock, host::Mailbox& mailbox, std::function<void()> close)
        : screen_(clock, mailbox),
          window_(name, {.draw = [this] { return screen_.draw(); },
                         .key = [this](uint8_t key, bool down) { screen_.key(key, down); },
                         .pointer = [this](int dx, int dy, int dz,
                                           uint8_t buttons) { screen_.pointer(dx, dy, dz, buttons); },
                         .close = [&mailbox, close = std::move(close)] { mailbox.post(close); }}) {
        screen_.watched(true);
    }

    LiveScreen& screen() { return screen_; }

private:
    LiveScreen screen_;
    SdlWindow window_;
};

}  // namespace ringfold
