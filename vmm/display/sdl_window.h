// -display sdl: a window on a thread of its own, with SDL 2. All calls to SDL are on that thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <future>
#include <optional>
#include <string>
#include <thread>

#include "devices/picture.h"

namespace ringfold {

class SdlWindow {
public:
    // Called on the window's thread.
    struct Events {
        std::function<std::optional<Picture>()> draw;  // the picture, if it is another than the last
        std::function<void(uint8_t key, bool down)> key;
        std::function<void(int dx, int dy, int dz, uint8_t buttons)> pointer;  // as Ps2Mouse::move() takes them
        std::function<void()> close;                                          // the user has closed the window
    };

    // `name`: the machine's, for the title. Throws HostError if there is no screen to open a window on, or if this build
    // has no SDL.
    SdlWindow(const std::string& name, Events);
    ~SdlWindow();
    SdlWindow(const SdlWindow&) = delete;
    SdlWindow& operator=(const SdlWindow&) = delete;

    // A key by its number in scan code set 1 (bit 7: after 0xe0) from SDL's number of its place on a keyboard, which is
    // that of USB's table (HID Usage Tables 1.12, chapter 10); none for keys that a PC's keyboard lacks.
    static std::optional<uint8_t> key_at(unsigned place);

private:
    struct Sdl;
    void run(std::promise<std::string> opened);

    const std::string name_;
    Events events_;
    std::atomic<bool> quit_{false};
    std::thread thread_;
};

}  // namespace ringfold
