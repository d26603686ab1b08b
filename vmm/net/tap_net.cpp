// Frames to and from /dev/net/tun.
#include "vmm/net/tap_net.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fmt/format.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>

#include "vmm/base/result.h"
#include "vmm/host/block_signals.h"

namespace ringfold::net {

namespace {

constexpr size_t kLargestRead = 65536;

host::Fd open_tap(const TapOptions& o) {
    const auto fail = [&](const char* what) {
        throw HostError(
            fmt::format("{}: {}: {}; it takes root or an interface that is yours (ip tuntap add mode tap "
                        "user $USER); -nic user needs neither",
                        o.shown, what, strerror(errno)));
    };
    host::Fd tap(open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK));
    if (!tap) fail("cannot open /dev/net/tun");
    ifreq request{};
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    if (o.interface.size() >= IFNAMSIZ)
        throw HostError(fmt::format("{}: the name of an interface has at most {} letters", o.shown, IFNAMSIZ - 1));
    memcpy(request.ifr_name, o.interface.data(), o.interface.size());
    if (ioctl(tap.get(), TUNSETIFF, &request) < 0) fail("cannot have the interface");
    return tap;
}

}  // namespace

TapNet::TapNet(const TapOptions& options, host::Mailbox& mailbox)
    : HostNet(mailbox), shown_(options.shown), tap_(open_tap(options)) {
    const host::BlockSignals blocked;
    thread_ = std::thread([this] { run(); });
}

TapNet::~TapNet() {
    quit_ = true;
    wake();
    thread_.join();
}

void TapNet::run() {
    while (!quit_) {
        // What the guest cannot take stays in the interface's own queue.
        pollfd fds[] = {{wake_fd(), POLLIN, 0}, {tap_ && !guest_is_behind() ? tap_.get() : -1, POLLIN, 0}};
        if (poll(fds, std::size(fds), -1) < 0) continue;
        if (fds[0].revents) clear_wake();
        for (const Frame& frame : take_sent())
            if (!tap_ || ::write(tap_.get(), frame.data(), frame.size()) < 0) continue;  // the interface is down: lost
        if (fds[1].revents) read_frames();
    }
}

void TapNet::read_frames() {
    std::array<uint8_t, kLargestRead> buffer;
    while (!guest_is_behind()) {
        const ssize_t n = ::read(tap_.get(), buffer.data(), buffer.size());
        if (n > 0) {
            deliver({buffer.data(), static_cast<size_t>(n)});
            continue;
        }
        if (n == 0 || errno == EAGAIN || errno == EINTR || errno == EIO) return;  // EIO: it is down
        fmt::print(stderr, "ringfold: {}: the interface is gone: {}; the guest's cable leads nowhere\n", shown_, strerror(errno));
        tap_ = host::Fd();
        return;
    }
}

}  // namespace ringfold::net
