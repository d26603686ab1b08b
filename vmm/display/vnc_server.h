// A VNC server on a thread of its own: pictures in, keys and movements out.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
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

    // What a viewer has to know from now on; on any thread. Empty: nobody gets in. Means something only if the options
    // ask for a password.
    void set_password(const std::string&);

private:
    struct Hooks;
    void run();
    void take_picture();
    void correct_sizes();
    void mark_changes(const std::vector<uint8_t>& before);

    Events events_;
    std::mutex password_mutex_;
    std::string password_;
    _rfbScreenInfo* screen_;
    std::vector<uint8_t> pixels_;  // four bytes each: red, green, blue, nothing
    unsigned width_, height_;
    int viewers_ = 0;

    std::atomic<bool> quit_{false};
    std::thread thread_;
};

}  // namespace ringfold
