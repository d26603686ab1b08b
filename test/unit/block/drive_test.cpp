// Drives: requests in order on their thread, their ends on ours; cancelling; failures told once.
#include "vmm/block/drive.h"

#include <poll.h>

#include <condition_variable>

#include "test/unit/block/support.h"

using namespace ringfold;
using namespace ringfold::block;

namespace {

// An image in memory that waits while it is held, and fails when told.
class FakeImage final : public BlockBackend {
public:
    uint64_t size() const override { return bytes.size(); }
    const char* format() const override { return "fake"; }
    bool read_only() const override { return false; }
    void read(uint64_t offset, std::span<uint8_t> to) override {
        begin();
        std::copy_n(bytes.begin() + static_cast<long>(offset), to.size(), to.begin());
    }
    void write(uint64_t offset, std::span<const uint8_t> from) override {
        begin();
        std::copy(from.begin(), from.end(), bytes.begin() + static_cast<long>(offset));
    }
    void flush() override { begin(); }

    void begin() {
        std::unique_lock lock(mutex);
        changed.wait(lock, [this] { return !held; });
        if (failing) throw IoFailure(ENOSPC, "writing failed: No space left on device");
    }
    void hold(bool h) {
        const std::lock_guard lock(mutex);
        held = h;
        changed.notify_all();
    }

    Bytes bytes = Bytes(8192);
    std::mutex mutex;
    std::condition_variable changed;
    bool held = false;
    std::atomic<bool> failing{false};
};

struct Fixture {
    host::Mailbox mailbox;
    Drive drive{"-hda x", mailbox};
    FakeImage* image = nullptr;

    Fixture() {
        auto owned = std::make_unique<FakeImage>();
        image = owned.get();
        drive.insert(std::move(owned));
    }
    ~Fixture() { image->hold(false); }
    // Delivers until the condition holds, a few seconds at most.
    template <class F>
    bool until(F condition) {
        for (int i = 0; i < 500 && !condition(); i++) {
            pollfd fd{mailbox.fd(), POLLIN, 0};
            poll(&fd, 1, 10);
            mailbox.deliver();
        }
        return condition();
    }
};

}  // namespace

TEST_CASE("a drive answers in order, and only when letters are opened") {
    Fixture f;
    CHECK(f.drive.medium()->bytes == 8192);
    Bytes out(512, 9), in(512);
    std::string log;
    f.drive.write(1024, out, [&](bool ok) { log += ok ? "w" : "!"; });
    f.drive.read(1024, in, [&](bool ok) { log += ok ? "r" : "!"; });
    f.drive.flush([&](bool ok) { log += ok ? "f" : "!"; });
    CHECK(log.empty());
    REQUIRE(f.until([&] { return log.size() == 3; }));
    CHECK(log == "wrf");
    CHECK(in == out);
}

TEST_CASE("a drive whose requests are cancelled touches nothing more") {
    Fixture f;
    f.image->hold(true);
    int done = 0;
    {
        Bytes in(512);
        for (int i = 0; i < 10; i++) f.drive.read(0, in, [&](bool) { done++; });
        std::thread release([&] {
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
            f.image->hold(false);
        });
        f.drive.cancel();
        release.join();
    }
    f.drive.flush([&](bool) { done += 100; });
    REQUIRE(f.until([&] { return done >= 100; }));
    CHECK(done == 100);
}

TEST_CASE("a drive tells its device of failures and of changed media") {
    Fixture f;
    int failed = 0, changes = 0;
    f.image->failing = true;
    Bytes out(512);
    for (int i = 0; i < 3; i++) f.drive.write(0, out, [&](bool ok) { failed += !ok; });
    REQUIRE(f.until([&] { return failed == 3; }));
    f.image->failing = false;
    f.drive.on_medium_changed([&] { changes++; });
    auto second = std::make_unique<FakeImage>();
    second->bytes.resize(512);
    f.image = second.get();
    f.drive.insert(std::move(second));
    CHECK(f.drive.medium()->sectors() == 1);
    CHECK(changes == 1);
}
