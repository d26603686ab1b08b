// libslirp's callbacks, and the poll(2) loop that it wants to be called from.
#include "vmm/net/user_net.h"

#include <poll.h>

#include <algorithm>
#include <list>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <slirp/libslirp.h>

#include "vmm/base/log.h"
#include "vmm/base/result.h"
#include "vmm/host/block_signals.h"
#include "vmm/host/clock.h"

namespace ringfold::net {

namespace {

const char* or_null(const std::string& text) {
    return text.empty() ? nullptr : text.c_str();
}

short to_poll(int slirp) {
    short events = 0;
    if (slirp & SLIRP_POLL_IN) events |= POLLIN;
    if (slirp & SLIRP_POLL_OUT) events |= POLLOUT;
    if (slirp & SLIRP_POLL_PRI) events |= POLLPRI;
    return events;
}

int to_slirp(short events) {
    int slirp = 0;
    if (events & POLLIN) slirp |= SLIRP_POLL_IN;
    if (events & POLLOUT) slirp |= SLIRP_POLL_OUT;
    if (events & POLLPRI) slirp |= SLIRP_POLL_PRI;
    if (events & POLLERR) slirp |= SLIRP_POLL_ERR;
    if (events & POLLHUP) slirp |= SLIRP_POLL_HUP;
    return slirp;
}

struct Timer {
    SlirpTimerCb call;
    void* with;
    int64_t due_ms = -1;  // -1: not set
};

}  // namespace

class UserNet::Stack {
public:
    Stack(UserNet& owner, const UserNetOptions& options);
    ~Stack() { slirp_cleanup(slirp_); }
    void turn();  // sleeps until there is something to do, and does it

private:
    static const SlirpCb kCallbacks;
    static Stack& self(void* opaque) { return *static_cast<Stack*>(opaque); }
    int64_t now() const { return clock_.now(); }
    uint32_t wait_ms(uint32_t most) const;
    void run_timers();
    void forward(const UserNetOptions::Forward&, const std::string& shown);

    UserNet& owner_;
    HostClock clock_;
    std::list<Timer> timers_;
    std::vector<pollfd> polls_;
    Slirp* slirp_ = nullptr;
};

const SlirpCb UserNet::Stack::kCallbacks = {
    .send_packet = [](const void* bytes, size_t size, void* opaque) -> ssize_t {
        self(opaque).owner_.deliver({static_cast<const uint8_t*>(bytes), size});
        return static_cast<ssize_t>(size);
    },
    .guest_error = [](const char* what, void*) { log::print(log::GuestErrors, "network: {}\n", what); },
    .clock_get_ns = [](void* opaque) -> int64_t { return self(opaque).now(); },
    .timer_new = [](SlirpTimerCb call, void* with, void* opaque) -> void* {
        return &self(opaque).timers_.emplace_back(Timer{call, with});
    },
    .timer_free = [](void* timer,
                     void* opaque) { self(opaque).timers_.remove_if([&](Timer& t) { return &t == timer; }); },
    .timer_mod = [](void* timer, int64_t due_ms, void*) { static_cast<Timer*>(timer)->due_ms = due_ms; },
    .register_poll_fd = [](int, void*) {},
    .unregister_poll_fd = [](int, void*) {},
    .notify = [](void* opaque) { self(opaque).owner_.wake(); },
};

UserNet::Stack::Stack(UserNet& owner, const UserNetOptions& o) : owner_(owner) {
    SlirpConfig config{};
    config.version = 4;
    config.restricted = o.restricted;
    config.in_enabled = o.ipv4;
    config.vnetwork = o.network;
    config.vnetmask = o.mask;
    config.vhost = o.host;
    config.in6_enabled = o.ipv6;
    inet_pton(AF_INET6, "fec0::", &config.vprefix_addr6);
    config.vprefix_len = 64;
    inet_pton(AF_INET6, "fec0::2", &config.vhost6);
    config.vhostname = or_null(o.host_name);
    config.tftp_path = or_null(o.tftp_folder);
    config.bootfile = or_null(o.boot_file);
    config.vdhcp_start = o.dhcp_start;
    config.vnameserver = o.name_server;
    inet_pton(AF_INET6, "fec0::3", &config.vnameserver6);
    config.vdomainname = or_null(o.domain);
    slirp_ = slirp_new(&config, &kCallbacks, this);
    if (!slirp_) throw HostError(fmt::format("{}: libslirp cannot make this network", o.shown));
    try {
        for (const auto& f : o.forwards) forward(f, o.shown);
    } catch (...) {
        slirp_cleanup(slirp_);
        throw;
    }
}

void UserNet::Stack::forward(const UserNetOptions::Forward& f, const std::string& shown) {
    if (slirp_add_hostfwd(slirp_, f.udp, f.host, f.host_port, f.guest, f.guest_port) == 0) return;
    throw HostError(fmt::format("{}: cannot listen on {} port {} of the host; is it taken? Choose another port", shown,
                                f.udp ? "UDP" : "TCP", f.host_port));
}

uint32_t UserNet::Stack::wait_ms(uint32_t most) const {
    const int64_t now_ms = now() / kMillisecond;
    for (const Timer& t : timers_)
        if (t.due_ms >= 0) most = static_cast<uint32_t>(std::clamp<int64_t>(t.due_ms - now_ms, 0, most));
    return most;
}

void UserNet::Stack::run_timers() {
    const int64_t now_ms = now() / kMillisecond;
    for (Timer& t : timers_) {
        if (t.due_ms < 0 || t.due_ms > now_ms) continue;
        t.due_ms = -1;
        t.call(t.with);
    }
}

void UserNet::Stack::turn() {
    constexpr uint32_t kLongest = 60'000;
    // While the guest is behind, nothing is read from the sockets: their senders wait, and no frame is lost.
    const bool behind = owner_.guest_is_behind();
    polls_.assign(1, {owner_.wake_fd(), POLLIN, 0});
    uint32_t timeout = kLongest;
    if (!behind)
        slirp_pollfds_fill(
            slirp_, &timeout,
            [](int fd, int events, void* opaque) -> int {
                auto& polls = self(opaque).polls_;
                polls.push_back({fd, to_poll(events), 0});
                return static_cast<int>(polls.size()) - 1;
            },
            this);
    const int ready = poll(polls_.data(), polls_.size(), static_cast<int>(wait_ms(timeout)));
    if (polls_[0].revents) owner_.clear_wake();
    for (const Frame& frame : owner_.take_sent()) slirp_input(slirp_, frame.data(), static_cast<int>(frame.size()));
    if (!behind)
        slirp_pollfds_poll(
            slirp_, ready < 0,
            [](int index, void* opaque) -> int {
                return to_slirp(self(opaque).polls_[static_cast<size_t>(index)].revents);
            },
            this);
    run_timers();
}

UserNet::UserNet(const UserNetOptions& options, host::Mailbox& mailbox) : HostNet(mailbox) {
    stack_ = std::make_unique<Stack>(*this, options);
    const host::BlockSignals blocked;
    thread_ = std::thread([this] { run(); });
}

UserNet::~UserNet() {
    quit_ = true;
    wake();
    thread_.join();
}

void UserNet::run() {
    while (!quit_) stack_->turn();
}

}  // namespace ringfold::net
