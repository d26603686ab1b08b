// One queue, one thread.
#include "vmm/block/drive.h"

#include <cerrno>
#include <cstdio>

#include <fmt/format.h>

#include "vmm/host/block_signals.h"

namespace ringfold::block {

Drive::Drive(std::string name, host::Mailbox& mailbox) : name_(std::move(name)), mailbox_(mailbox) {
    const host::BlockSignals blocked;
    thread_ = std::thread([this] { run(); });
}

Drive::~Drive() {
    {
        const std::lock_guard lock(mutex_);
        quit_ = true;
    }
    work_.notify_one();
    thread_.join();
}

void Drive::insert(std::unique_ptr<BlockBackend> image, std::string file) {
    cancel();
    file_ = std::move(file);
    image_ = std::move(image);
    medium_ = Medium{image_->size(), image_->read_only()};
    tell_medium_changed();
}

bool Drive::eject() {
    if (!medium_) return false;
    cancel();
    image_.reset();
    medium_.reset();
    file_.clear();
    tell_medium_changed();
    return true;
}

void Drive::read(uint64_t offset, std::span<uint8_t> to, Done done) {
    enqueue([offset, to](BlockBackend& image) { image.read(offset, to); }, std::move(done));
}

void Drive::write(uint64_t offset, std::span<const uint8_t> from, Done done) {
    enqueue(
        [offset, from](BlockBackend& image) {
            if (image.read_only()) throw IoFailure(EROFS, "writing failed: the image is read-only");
            image.write(offset, from);
        },
        std::move(done));
}

void Drive::flush(Done done) {
    enqueue([](BlockBackend& image) { image.flush(); }, std::move(done));
}

void Drive::enqueue(std::function<void(BlockBackend&)> work, Done done) {
    {
        const std::lock_guard lock(mutex_);
        jobs_.push_back({std::move(work), std::move(done), generation_});
    }
    work_.notify_one();
}

void Drive::cancel() {
    std::unique_lock lock(mutex_);
    jobs_.clear();
    ++generation_;
    idle_.wait(lock, [this] { return !busy_; });
}

void Drive::with_image(const std::function<void(BlockBackend&)>& use) {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return !busy_ && jobs_.empty(); });
    use(*image_);
}

void Drive::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        work_.wait(lock, [this] { return quit_ || !jobs_.empty(); });
        if (jobs_.empty()) return;
        Job job = std::move(jobs_.front());
        jobs_.pop_front();
        busy_ = true;
        lock.unlock();
        const bool ok = perform(job);
        mailbox_.post([this, ok, done = std::move(job.done), generation = job.generation] {
            if (generation == generation_) done(ok);
        });
        lock.lock();
        busy_ = false;
        idle_.notify_all();
    }
}

bool Drive::perform(const Job& job) {
    try {
        job.work(*image_);
        return true;
    } catch (const IoFailure& e) {
        report(e);
    } catch (const std::bad_alloc&) {
        report(IoFailure(ENOMEM, "the host is out of memory"));
    }
    return false;
}

// Each failure once: a guest tries again and again.
void Drive::report(const IoFailure& e) {
    if (!reported_.insert(e.what()).second) return;
    fmt::print(stderr, "ringfold: {}: {}; the guest gets an I/O error\n", name_, e.what());
}

}  // namespace ringfold::block
