// The window: pictures on its surface, keys by their places, and a mouse that is the guest's while it is grabbed.
#include "vmm/display/sdl_window.h"

#include <SDL.h>

#include <array>
#include <cstring>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "vmm/base/result.h"
#include "vmm/host/block_signals.h"

namespace ringfold {

namespace {

constexpr int kWidth = 720, kHeight = 400;  // until the guest has shown something
constexpr int kWaitMilliseconds = 10;
constexpr const char* kReleaseHint = "Press Ctrl+Alt+G to release grab";

}  // namespace

// What lives on the window's thread.
struct SdlWindow::Sdl {
    explicit Sdl(SdlWindow& w) : owner(w) {}
    ~Sdl() {
        if (picture) SDL_FreeSurface(picture);
        if (window) SDL_DestroyWindow(window);
        SDL_QuitSubSystem(SDL_INIT_VIDEO);
    }

    // What is wrong; empty: the window is open.
    std::string open() {
        SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");  // SIGTERM is for the machine
        SDL_SetHint(SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "1");
        if (SDL_InitSubSystem(SDL_INIT_VIDEO) != 0) return SDL_GetError();
        window = SDL_CreateWindow("", SDL_WINDOWPOS_UNDEFINED, SDL_WINDOWPOS_UNDEFINED, kWidth, kHeight, 0);
        if (!window) return SDL_GetError();
        set_title();
        return {};
    }

    void set_title() {
        const std::string name = owner.name_.empty() ? "" : fmt::format(" ({})", owner.name_);
        const std::string hint = grabbed ? fmt::format(" - {}", kReleaseHint) : "";
        SDL_SetWindowTitle(window, fmt::format("Ringfold{}{}", name, hint).c_str());
    }

    void grab(bool on) {
        if (grabbed == on) return;
        grabbed = on;
        SDL_SetRelativeMouseMode(on ? SDL_TRUE : SDL_FALSE);
        SDL_SetWindowGrab(window, on ? SDL_TRUE : SDL_FALSE);
        set_title();
        // Where they go up after this is not the guest's to see.
        if (std::exchange(buttons, 0)) owner.events_.pointer(0, 0, 0, 0);
    }

    void take(const Picture& p) {
        if (p.width == 0 || p.height == 0) return;
        const int width = static_cast<int>(p.width), height = static_cast<int>(p.height);
        if (!picture || picture->w != width || picture->h != height) {
            if (picture) SDL_FreeSurface(picture);
            picture = SDL_CreateRGBSurfaceWithFormat(0, width, height, 24, SDL_PIXELFORMAT_RGB24);
            SDL_SetWindowSize(window, width, height);
        }
        if (!picture) return;
        auto* to = static_cast<uint8_t*>(picture->pixels);
        for (size_t y = 0; y < p.height; ++y)
            memcpy(to + y * static_cast<size_t>(picture->pitch), &p.rgb[y * p.width * 3], size_t{p.width} * 3);
        show();
    }

    void show() {
        SDL_Surface* const screen = SDL_GetWindowSurface(window);
        if (!screen || !picture) return;
        SDL_BlitSurface(picture, nullptr, screen, nullptr);
        SDL_UpdateWindowSurface(window);
    }

    void release_keys() {
        for (const uint8_t key : std::exchange(held, {})) owner.events_.key(key, false);
    }

    void key(const SDL_KeyboardEvent& e) {
        const bool down = e.type == SDL_KEYDOWN;
        if (down && e.keysym.scancode == SDL_SCANCODE_G && (e.keysym.mod & KMOD_CTRL) && (e.keysym.mod & KMOD_ALT)) {
            if (e.repeat == 0) grab(!grabbed);
            return release_keys();
        }
        const auto key = key_at(static_cast<unsigned>(e.keysym.scancode));
        if (!key || (!down && !held.contains(*key))) return;
        if (down)
            held.insert(*key);
        else
            held.erase(*key);
        owner.events_.key(*key, down);
    }

    // SDL's bits are left, middle, right; a PS/2 mouse's left, right, middle. Then both have the two at the side.
    static uint8_t buttons_of(uint32_t mask) {
        return static_cast<uint8_t>((mask & 0x19) | (mask & 4) >> 1 | (mask & 2) << 1);
    }
    void button(const SDL_MouseButtonEvent& e) {
        if (!grabbed) {
            if (e.type == SDL_MOUSEBUTTONDOWN) grab(true);
            return;
        }
        buttons = e.type == SDL_MOUSEBUTTONDOWN ? buttons | SDL_BUTTON(e.button) : buttons & ~SDL_BUTTON(e.button);
        owner.events_.pointer(0, 0, 0, buttons_of(buttons));
    }

    void heed(const SDL_Event& e) {
        switch (e.type) {
            case SDL_KEYDOWN:
            case SDL_KEYUP:
                return key(e.key);
            case SDL_MOUSEBUTTONDOWN:
            case SDL_MOUSEBUTTONUP:
                return button(e.button);
            case SDL_MOUSEMOTION:
                if (grabbed) owner.events_.pointer(e.motion.xrel, e.motion.yrel, 0, buttons_of(buttons));
                return;
            case SDL_MOUSEWHEEL:
                if (grabbed) owner.events_.pointer(0, 0, -e.wheel.y, buttons_of(buttons));
                return;
            case SDL_WINDOWEVENT:
                if (e.window.event == SDL_WINDOWEVENT_FOCUS_LOST) {
                    grab(false);
                    release_keys();
                } else if (e.window.event == SDL_WINDOWEVENT_EXPOSED) {
                    show();
                } else if (e.window.event == SDL_WINDOWEVENT_CLOSE) {
                    owner.events_.close();
                }
                return;
            case SDL_QUIT:
                return owner.events_.close();
        }
    }

    SdlWindow& owner;
    SDL_Window* window = nullptr;
    SDL_Surface* picture = nullptr;
    std::set<uint8_t> held;
    uint32_t buttons = 0;
    bool grabbed = false;
};

SdlWindow::SdlWindow(const std::string& name, Events events) : name_(name), events_(std::move(events)) {
    std::promise<std::string> opened;
    auto why_not = opened.get_future();
    {
        const host::BlockSignals block;
        thread_ = std::thread([this, promise = std::move(opened)]() mutable { run(std::move(promise)); });
    }
    const std::string why = why_not.get();
    if (why.empty()) return;
    thread_.join();
    throw HostError(fmt::format("-display sdl: SDL finds no screen ({}); set DISPLAY, or write -vnc :N or "
                                "-display curses|none",
                                why));
}

SdlWindow::~SdlWindow() {
    quit_ = true;
    if (thread_.joinable()) thread_.join();
}

void SdlWindow::run(std::promise<std::string> opened) {
    Sdl sdl(*this);
    const std::string why = sdl.open();
    opened.set_value(why);
    if (!why.empty()) return;
    while (!quit_) {
        SDL_Event event;
        if (SDL_WaitEventTimeout(&event, kWaitMilliseconds)) {
            do sdl.heed(event);
            while (SDL_PollEvent(&event));
        }
        if (const auto picture = events_.draw()) sdl.take(*picture);
    }
}

}  // namespace ringfold
