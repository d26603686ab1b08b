// The VNC server, by libvncserver. All calls to the library after its start are on the server's thread.
#include "vmm/display/vnc_server.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <set>
#include <utility>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <rfb/rfb.h>

#include "vmm/base/result.h"
#include "vmm/host/block_signals.h"

namespace ringfold {

namespace {

constexpr unsigned kWidth = 720, kHeight = 400;  // until the guest has shown something
constexpr size_t kPixelBytes = 4;
constexpr int kMostViewers = 16;
// How long the thread may sleep in the library: with viewers, a picture's delay; without, that of our end.
constexpr long kWatchedMicroseconds = 10'000, kAloneMicroseconds = 100'000;

// What must be undone when a viewer leaves, and where its pointer was.
struct Viewer {
    std::set<uint32_t> held;
    int x = 0, y = 0, buttons = 0;
    bool placed = false;
    bool misled = false;  // knows an old size of the screen
};

}  // namespace

struct VncServer::Hooks {
    static VncServer& server(rfbClientPtr client) { return *static_cast<VncServer*>(client->screen->screenData); }
    static Viewer& viewer(rfbClientPtr client) { return *static_cast<Viewer*>(client->clientData); }

    static rfbNewClientAction came(rfbClientPtr client) {
        VncServer& s = server(client);
        if (s.viewers_ >= kMostViewers) return RFB_CLIENT_REFUSE;
        client->clientData = new Viewer;
        client->clientGoneHook = gone;
        if (s.viewers_++ == 0) s.events_.watched(true);
        return RFB_CLIENT_ACCEPT;
    }

    static void gone(rfbClientPtr client) {
        VncServer& s = server(client);
        const std::unique_ptr<Viewer> left(&viewer(client));
        client->clientData = nullptr;
        for (const uint32_t keysym : left->held) s.events_.key(keysym, false);
        if (left->buttons) s.events_.pointer(0, 0, 0, 0);
        if (--s.viewers_ == 0) s.events_.watched(false);
    }

    static void key(rfbBool down, rfbKeySym keysym, rfbClientPtr client) {
        constexpr size_t kMostHeld = 64;
        Viewer& v = viewer(client);
        if (!down)
            v.held.erase(keysym);
        else if (v.held.size() < kMostHeld)
            v.held.insert(keysym);
        server(client).events_.key(keysym, down);
    }

    // VNC says where the pointer is, a PS/2 mouse how far it moved; the wheel is two buttons there.
    static void pointer(int mask, int x, int y, rfbClientPtr client) {
        constexpr int kWheelUp = 8, kWheelDown = 16;
        Viewer& v = viewer(client);
        const int pressed = mask & ~v.buttons;
        const int dz = (pressed & kWheelDown ? 1 : 0) - (pressed & kWheelUp ? 1 : 0);
        const auto buttons = static_cast<uint8_t>((mask & 1) | (mask & 4) >> 1 | (mask & 2) << 1);
        server(client).events_.pointer(v.placed ? x - v.x : 0, v.placed ? y - v.y : 0, dz, buttons);
        v.x = x;
        v.y = y;
        v.buttons = mask;
        v.placed = true;
    }

    template <class Visit>
    static void each(rfbScreenInfoPtr screen, Visit visit) {
        const rfbClientIteratorPtr viewers = rfbGetClientIterator(screen);
        while (const rfbClientPtr client = rfbClientIteratorNext(viewers)) visit(*client);
        rfbReleaseClientIterator(viewers);
    }

    // The viewer has encrypted the challenge with the password as its key.
    static rfbBool knows_password(rfbClientPtr client, const char* answer, int length) {
        VncServer& s = server(client);
        const std::lock_guard lock(s.password_mutex_);
        if (s.password_.empty() || length != CHALLENGESIZE) return FALSE;
        std::array<unsigned char, CHALLENGESIZE> wanted;
        memcpy(wanted.data(), client->authChallenge, CHALLENGESIZE);
        rfbEncryptBytes(wanted.data(), s.password_.data());
        return memcmp(wanted.data(), answer, CHALLENGESIZE) == 0;
    }

    static void be_quiet(const char*, ...) {}
};

VncServer::VncServer(const VncOptions& options, Events events)
    : events_(std::move(events)), pixels_(kWidth * kHeight * kPixelBytes), width_(kWidth), height_(kHeight) {
    if (!options.password_file.empty()) password_ = read_vnc_password(options.password_file);
    rfbLog = Hooks::be_quiet;
    rfbErr = Hooks::be_quiet;
    screen_ = rfbGetScreen(nullptr, nullptr, static_cast<int>(width_), static_cast<int>(height_), 8, 3, kPixelBytes);
    if (!screen_) throw HostError("-vnc: out of memory");
    screen_->frameBuffer = reinterpret_cast<char*>(pixels_.data());
    screen_->screenData = this;
    screen_->desktopName = "Ringfold";
    screen_->alwaysShared = TRUE;
    screen_->cursor = nullptr;  // the guest draws its own
    screen_->port = options.port;
    screen_->listenInterface = htonl(options.address);
    screen_->ipv6port = -1;
    screen_->newClientHook = Hooks::came;
    screen_->kbdAddEvent = Hooks::key;
    screen_->ptrAddEvent = Hooks::pointer;
    if (options.password || !password_.empty()) {
        screen_->authPasswdData = this;  // not null: viewers are asked
        screen_->passwordCheck = Hooks::knows_password;
    }
    rfbInitServer(screen_);
    if (screen_->listenSock < 0) {
        rfbScreenCleanup(screen_);
        throw HostError(
            fmt::format("-vnc: cannot listen on port {}: another program has it, or the address is not this "
                        "host's; give another number",
                        options.port));
    }
    const host::BlockSignals block;
    thread_ = std::thread([this] { run(); });
}

VncServer::~VncServer() {
    quit_ = true;
    thread_.join();
    rfbShutdownServer(screen_, TRUE);
    rfbScreenCleanup(screen_);
}

void VncServer::set_password(const std::string& password) {
    const std::lock_guard lock(password_mutex_);
    password_ = password;
}

void VncServer::run() {
    while (!quit_) {
        rfbProcessEvents(screen_, viewers_ ? kWatchedMicroseconds : kAloneMicroseconds);
        take_picture();
        correct_sizes();
    }
}

void VncServer::take_picture() {
    const std::optional<Picture> picture = events_.draw();
    if (!picture || picture->width == 0 || picture->height == 0) return;
    std::vector<uint8_t> before(size_t{picture->width} * picture->height * kPixelBytes);
    before.swap(pixels_);
    for (size_t n = 0; n < pixels_.size() / kPixelBytes; ++n)
        memcpy(&pixels_[n * kPixelBytes], &picture->rgb[n * 3], 3);
    auto* const frame = reinterpret_cast<char*>(pixels_.data());
    if (picture->width == width_ && picture->height == height_) {
        screen_->frameBuffer = frame;
        return mark_changes(before);
    }
    Hooks::each(screen_, [](rfbClientRec& client) { Hooks::viewer(&client).misled = !client.useNewFBSize; });
    width_ = picture->width;
    height_ = picture->height;
    rfbNewFramebuffer(screen_, frame, static_cast<int>(width_), static_cast<int>(height_), 8, 3, kPixelBytes);
}

// The library tells a new size only to viewers that have said before that they understand it: the others now.
void VncServer::correct_sizes() {
    Hooks::each(screen_, [this](rfbClientRec& client) {
        Viewer& viewer = Hooks::viewer(&client);
        if (!viewer.misled || !client.useNewFBSize) return;
        viewer.misled = false;
        client.newFBSizePending = TRUE;
        rfbMarkRectAsModified(screen_, 0, 0, static_cast<int>(width_), static_cast<int>(height_));
    });
}

// Runs of rows that differ, as wide as their widest difference.
void VncServer::mark_changes(const std::vector<uint8_t>& before) {
    const size_t row_bytes = width_ * kPixelBytes;
    size_t left = row_bytes, right = 0;
    unsigned top = 0;
    const auto flush = [&](unsigned bottom) {
        if (right > left)
            rfbMarkRectAsModified(screen_, static_cast<int>(left / kPixelBytes), static_cast<int>(top),
                                  static_cast<int>((right - 1) / kPixelBytes + 1), static_cast<int>(bottom));
        left = row_bytes;
        right = 0;
    };
    for (unsigned y = 0; y < height_; ++y) {
        const auto *was = &before[y * row_bytes], *is = &pixels_[y * row_bytes];
        if (memcmp(was, is, row_bytes) == 0) {
            flush(y);
            continue;
        }
        if (right == 0) top = y;
        const auto first = static_cast<size_t>(std::mismatch(was, was + row_bytes, is).first - was);
        size_t end = row_bytes;
        while (was[end - 1] == is[end - 1]) --end;
        left = std::min(left, first);
        right = std::max(right, end);
    }
    flush(height_);
}

}  // namespace ringfold
