// -display sdl, with SDL's driver that has no screen: what happens in the window reaches the guest, and the picture its
// surface.
#include <SDL.h>

#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <string>

#include <catch2/catch.hpp>

#include "vmm/base/result.h"
#include "vmm/display/sdl_window.h"

using namespace ringfold;

namespace {

// What the window told, as text, with waiting.
struct Heard {
    std::mutex mutex;
    std::condition_variable changed;
    std::string text;
    std::optional<Picture> next;

    void add(const std::string& what) {
        const std::lock_guard lock(mutex);
        text += what + ' ';
        changed.notify_all();
    }
    bool wait(const std::string& wanted) {
        std::unique_lock lock(mutex);
        if (changed.wait_for(lock, std::chrono::seconds(5), [&] { return text == wanted; })) return true;
        UNSCOPED_INFO("heard: " << text);
        return false;
    }
    void clear() {
        const std::lock_guard lock(mutex);
        text.clear();
    }
    SdlWindow::Events events() {
        return {.draw =
                    [this] {
                        const std::lock_guard lock(mutex);
                        return std::exchange(next, std::nullopt);
                    },
                .key = [this](uint8_t key, bool down) { add((down ? "+" : "-") + std::to_string(key)); },
                .pointer =
                    [this](int dx, int dy, int dz, uint8_t buttons) {
                        add(std::to_string(dx) + ',' + std::to_string(dy) + ',' + std::to_string(dz) + ':' +
                            std::to_string(buttons));
                    },
                .close = [this] { add("close"); }};
    }
};

void push_key(bool down, SDL_Scancode place, int modifiers = 0) {
    SDL_Event e{};
    e.type = down ? SDL_KEYDOWN : SDL_KEYUP;
    e.key.keysym.scancode = place;
    e.key.keysym.mod = static_cast<Uint16>(modifiers);
    SDL_PushEvent(&e);
}
void push_button(bool down, uint8_t button) {
    SDL_Event e{};
    e.type = down ? SDL_MOUSEBUTTONDOWN : SDL_MOUSEBUTTONUP;
    e.button.button = button;
    SDL_PushEvent(&e);
}
void push_motion(int dx, int dy) {
    SDL_Event e{};
    e.type = SDL_MOUSEMOTION;
    e.motion.xrel = dx;
    e.motion.yrel = dy;
    SDL_PushEvent(&e);
}
void push_wheel(int up) {
    SDL_Event e{};
    e.type = SDL_MOUSEWHEEL;
    e.wheel.y = up;
    SDL_PushEvent(&e);
}
void push_window(uint8_t what) {
    SDL_Event e{};
    e.type = SDL_WINDOWEVENT;
    e.window.event = what;
    SDL_PushEvent(&e);
}

}  // namespace

TEST_CASE("a window's keys, mouse and end") {
    setenv("SDL_VIDEODRIVER", "dummy", 1);
    Heard heard;
    SdlWindow window("test", heard.events());
    push_key(true, SDL_SCANCODE_A);
    push_key(false, SDL_SCANCODE_A);
    push_key(false, SDL_SCANCODE_B);  // was not pressed
    push_key(true, SDL_SCANCODE_PAUSE);
    push_key(false, SDL_SCANCODE_PAUSE);
    CHECK(heard.wait("+30 -30 +197 -197 "));
    heard.clear();

    push_motion(5, 5);  // is the host's
    push_button(true, SDL_BUTTON_LEFT);
    push_button(false, SDL_BUTTON_RIGHT);
    CHECK(heard.wait("0,0,0:0 "));  // SDL forgets movements that are waiting when it grabs
    push_button(true, SDL_BUTTON_MIDDLE);
    push_motion(3, -2);
    push_wheel(1);
    push_button(false, SDL_BUTTON_MIDDLE);
    CHECK(heard.wait("0,0,0:0 0,0,0:4 3,-2,0:4 0,0,-1:4 0,0,0:0 "));
    heard.clear();

    push_key(true, SDL_SCANCODE_LCTRL);
    push_key(true, SDL_SCANCODE_LALT, KMOD_LCTRL);
    push_key(true, SDL_SCANCODE_G, KMOD_LCTRL | KMOD_LALT);
    push_motion(1, 1);  // is the host's again
    push_key(false, SDL_SCANCODE_G, KMOD_LCTRL | KMOD_LALT);
    push_key(false, SDL_SCANCODE_LALT);
    push_key(false, SDL_SCANCODE_LCTRL);
    CHECK(heard.wait("+29 +56 -29 -56 "));
    heard.clear();

    push_button(true, SDL_BUTTON_LEFT);
    push_button(false, SDL_BUTTON_LEFT);
    CHECK(heard.wait("0,0,0:0 "));
    push_button(true, SDL_BUTTON_X1);
    push_button(true, SDL_BUTTON_RIGHT);
    push_key(true, SDL_SCANCODE_LSHIFT);
    push_window(SDL_WINDOWEVENT_FOCUS_LOST);  // lets go of all that is held
    push_button(false, SDL_BUTTON_RIGHT);
    push_window(SDL_WINDOWEVENT_CLOSE);
    CHECK(heard.wait("0,0,0:0 0,0,0:8 0,0,0:10 +42 0,0,0:0 -42 close "));
}

TEST_CASE("a host without a screen is said in one line") {
    setenv("SDL_VIDEODRIVER", "no-such-driver", 1);
    Heard heard;
    CHECK_THROWS_WITH(SdlWindow("", heard.events()), Catch::Matchers::Contains("-display sdl: SDL finds no screen"));
    setenv("SDL_VIDEODRIVER", "dummy", 1);
}
