// A VNC server on a thread of its own: pictures in, keys and movements out.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "devices/picture.h"
#include "vmm/display/vnc_options.h"

struct _rfbScreenInfo;
struct _rfbClientRec;

namespace ringfold {

class VncServer {
public:
    // Called on the server's thread.
    struct Events {
        std::function<std::optional<Picture>()> draw;  // the picture, if it is another than the last
        std::function<void(uint32_t keysym, bool down)> key;
        std::function<void(int dx, int dy, int dz, uint8_t buttons)> pointer;  // as Ps2Mouse::move() takes them
        std::function<void(bool)> watched;                                     // the first came, or the last left
    };

    // Throws HostError if the port cannot be had.
    VncServer(const VncOptions&, Events);
    ~VncServer();
    VncServer(const VncServer&) = delete;
    VncServer& operator=(const VncServer&) = delete;

private:
    struct Hooks;
    void run();
    void take_picture();
    void correct_sizes();
    void mark_changes(const std::vector<uint8_t>& before);

    Events events_;
    std::string password_;
    char* passwords_[2] = {};  // libvncserver's form of a list
    _rfbScreenInfo* screen_;
    std::vector<uint8_t> pixels_;  // four bytes each: red, green, blue, nothing
    unsigned width_, height_;
    int viewers_ = 0;

    std::atomic<bool> quit_{false};
    std::thread thread_;
};

}  // namespace ringfold
