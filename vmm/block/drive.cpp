// One queue, one thread.
#include "vmm/block/drive.h"

#include <cerrno>
#include <cstdio>

#include <fmt/format.h>

#include "vmm/host/block_signals.h"

namespace ringfold::block {

Drive::Drive(std::string name, host::Mailbox& mailbox, DrivePolicy policy)
    : name_(std::move(name)), mailbox_(mailbox), policy_(policy) {
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
    enqueue(false, [offset, to](BlockBackend& image) { image.read(offset, to); }, std::move(done));
}

void Drive::write(uint64_t offset, std::span<const uint8_t> from, Done done) {
    enqueue(
        true,
        [this, offset, from](BlockBackend& image) {
            if (image.read_only()) throw IoFailure(EROFS, "writing failed: the image is read-only");
            image.write(offset, from);
            if (policy_.cache == DrivePolicy::Cache::WriteThrough) image.flush();
        },
        std::move(done));
}

void Drive::flush(Done done) {
    enqueue(
        true,
        [this](BlockBackend& image) {
            if (policy_.cache != DrivePolicy::Cache::Unsafe) image.flush();
        },
        std::move(done));
}

void Drive::enqueue(bool write, std::function<void(BlockBackend&)> work, Done done) {
    {
        const std::lock_guard lock(mutex_);
        jobs_.push_back({std::move(work), write, std::move(done), generation_});
    }
    work_.notify_one();
}

void Drive::cancel() {
    std::unique_lock lock(mutex_);
    jobs_.clear();
    held_.reset();
    ++generation_;
    idle_.wait(lock, [this] { return !busy_; });
}

void Drive::with_image(const std::function<void(BlockBackend&)>& use) {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return !busy_ && (jobs_.empty() || held_); });
    use(*image_);
}

void Drive::on_failure(std::function<void(const Failure&)> listener) {
    const std::lock_guard lock(mutex_);
    failed_ = std::move(listener);
}

std::optional<int> Drive::held() const {
    const std::lock_guard lock(mutex_);
    return held_;
}

void Drive::retry() {
    {
        const std::lock_guard lock(mutex_);
        held_.reset();
    }
    work_.notify_one();
}

void Drive::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        work_.wait(lock, [this] { return quit_ || (!jobs_.empty() && !held_); });
        if (jobs_.empty() || held_) return;
        Job job = std::move(jobs_.front());
        jobs_.pop_front();
        busy_ = true;
        lock.unlock();
        const auto failure = perform(job);
        lock.lock();
        end(std::move(job), failure);
        busy_ = false;
        idle_.notify_all();
    }
}

// With the mutex held. What waits to be tried again goes before all that came behind it.
void Drive::end(Job job, const std::optional<Failure>& failure) {
    if (job.generation != generation_) return;
    const uint64_t generation = job.generation;
    if (failure && failed_)
        mailbox_.post([this, failure, generation] {
            if (generation == generation_ && failed_) failed_(*failure);
        });
    if (failure && failure->action == OnError::Stop) {
        held_ = failure->error;
        jobs_.push_front(std::move(job));
        return;
    }
    const bool ok = !failure || failure->action == OnError::Ignore;
    mailbox_.post([this, ok, done = std::move(job.done), generation] {
        if (generation == generation_) done(ok);
    });
}

std::optional<Drive::Failure> Drive::perform(const Job& job) {
    const auto failure = [&](const IoFailure& e) {
        const OnError chosen = action(job.write, e.error());
        report(e, chosen);
        return Failure{job.write, e.error(), chosen};
    };
    try {
        job.work(*image_);
        return std::nullopt;
    } catch (const IoFailure& e) {
        return failure(e);
    } catch (const std::bad_alloc&) {
        return failure(IoFailure(ENOMEM, "the host is out of memory"));
    }
}

OnError Drive::action(bool write, int error) const {
    OnError chosen = write ? policy_.write : policy_.read;
    if (chosen == OnError::StopIfFull) chosen = error == ENOSPC ? OnError::Stop : OnError::Report;
    const std::lock_guard lock(mutex_);
    return chosen == OnError::Stop && !failed_ ? OnError::Report : chosen;
}

// Each failure once, for a guest tries again and again; but whenever the machine stops.
void Drive::report(const IoFailure& e, OnError action) {
    if (!reported_.insert(e.what()).second && action != OnError::Stop) return;
    const char* const then = action == OnError::Stop     ? "the machine is stopped: mend it, and cont tries again"
                             : action == OnError::Ignore ? "the guest is told that all is well"
                                                         : "the guest gets an I/O error";
    fmt::print(stderr, "ringfold: {}: {}; {}\n", name_, e.what(), then);
}

}  // namespace ringfold::block
