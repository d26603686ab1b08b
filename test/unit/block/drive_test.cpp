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
    void flush() override {
        begin();
        ++flushes;
    }

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
    std::atomic<int> flushes{0};
};

struct Fixture {
    host::Mailbox mailbox;
    Drive drive;
    FakeImage* image = nullptr;

    explicit Fixture(DrivePolicy policy = {}) : drive("-hda x", mailbox, policy) {
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

TEST_CASE("a request that failed waits, before all others, until it is tried again") {
    const OnError action = GENERATE(OnError::Stop, OnError::StopIfFull);
    Fixture f({.write = action});
    std::string log;
    int errors = 0;
    f.drive.on_failure([&](const Drive::Failure& failure) {
        CHECK((failure.write && failure.error == ENOSPC && failure.action == OnError::Stop));
        ++errors;
    });
    f.image->failing = true;
    Bytes first(512, 1), second(512, 2), in(512);
    f.drive.write(0, first, [&](bool ok) { log += ok ? "1" : "!"; });
    f.drive.write(0, second, [&](bool ok) { log += ok ? "2" : "!"; });
    REQUIRE(f.until([&] { return errors == 1; }));
    CHECK(f.drive.held() == ENOSPC);
    f.drive.retry();
    REQUIRE(f.until([&] { return errors == 2; }));  // it fails again
    CHECK(log.empty());
    int used = 0;
    f.drive.with_image([&](BlockBackend&) { ++used; });  // does not wait for what is held
    CHECK(used == 1);
    f.image->failing = false;
    f.drive.retry();
    f.drive.read(0, in, [&](bool ok) { log += ok ? "r" : "!"; });
    REQUIRE(f.until([&] { return log.size() == 3; }));
    CHECK(log == "12r");
    CHECK(in == second);
    CHECK_FALSE(f.drive.held());
}

TEST_CASE("what is held is forgotten when it is cancelled, and does not keep a drive from ending") {
    Fixture f({.write = OnError::Stop});
    int errors = 0, done = 0;
    f.drive.on_failure([&](const Drive::Failure&) { ++errors; });
    f.image->failing = true;
    Bytes out(512);
    f.drive.write(0, out, [&](bool) { ++done; });
    REQUIRE(f.until([&] { return errors == 1; }));
    f.drive.cancel();
    CHECK_FALSE(f.drive.held());
    f.drive.write(0, out, [&](bool) { ++done; });
    REQUIRE(f.until([&] { return errors == 2; }));
    CHECK(done == 0);
}

TEST_CASE("errors that are ignored or reported, and who hears of them") {
    const OnError action = GENERATE(OnError::Ignore, OnError::Report);
    Fixture f({.read = action, .write = OnError::StopIfFull});
    int errors = 0;
    std::string log;
    f.drive.on_failure([&](const Drive::Failure& failure) { errors += !failure.write && failure.action == action; });
    f.image->failing = true;
    Bytes in(512);
    f.drive.read(0, in, [&](bool ok) { log += ok ? "r" : "!"; });
    REQUIRE(f.until([&] { return !log.empty(); }));
    CHECK(log == (action == OnError::Ignore ? "r" : "!"));
    CHECK(errors == 1);
}

TEST_CASE("nothing is held where nobody would try again") {
    Fixture f({.write = OnError::Stop});
    f.image->failing = true;
    std::string log;
    Bytes out(512);
    f.drive.write(0, out, [&](bool ok) { log += ok ? "w" : "!"; });
    REQUIRE(f.until([&] { return !log.empty(); }));
    CHECK(log == "!");
}

TEST_CASE("when what is written is on the host's disk") {
    using Cache = DrivePolicy::Cache;
    const Cache cache = GENERATE(Cache::WriteBack, Cache::WriteThrough, Cache::Unsafe);
    Fixture f({.cache = cache});
    int done = 0;
    Bytes out(512);
    f.drive.write(0, out, [&](bool) { ++done; });
    REQUIRE(f.until([&] { return done == 1; }));
    CHECK(f.image->flushes == (cache == Cache::WriteThrough ? 1 : 0));
    f.drive.flush([&](bool) { ++done; });
    REQUIRE(f.until([&] { return done == 2; }));
    CHECK(f.image->flushes == (cache == Cache::WriteThrough ? 2 : cache == Cache::Unsafe ? 0 : 1));
}
