// A drive as the machine's devices see it, with its image served by a thread of its own: reads, writes and flushes are
// done there one after the other, and end on the vCPU's thread through the mailbox.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "vmm/block/block_backend.h"
#include "vmm/block/block_device.h"
#include "vmm/host/mailbox.h"

namespace ringfold::block {

// What becomes of a request that the host could not do.
enum class OnError : uint8_t {
    Report,      // the guest gets an error
    Ignore,      // the guest is told that all is well
    Stop,        // the request waits until it is tried again; the machine is to be stopped meanwhile
    StopIfFull,  // ... if the host's disk is full; else as Report
};

struct DrivePolicy {
    OnError read = OnError::Report, write = OnError::Report;  // flushing is writing
    // When is what the guest has written on the host's disk? Once it has flushed; at once; when the host likes.
    enum class Cache : uint8_t { WriteBack, WriteThrough, Unsafe } cache = Cache::WriteBack;
};

class Drive final : public BlockDevice {
public:
    // A request that the host could not do, and what becomes of it: not StopIfFull.
    struct Failure {
        bool write = false;
        int error = 0;  // an errno
        OnError action = OnError::Report;
    };

    // `name` is how the user called it, for messages. Starts empty. The mailbox outlives the drive; letters of a drive
    // that is gone are never opened, because nothing opens letters any more.
    Drive(std::string name, host::Mailbox& mailbox, DrivePolicy policy = {});
    ~Drive() override;
    Drive(const Drive&) = delete;
    Drive& operator=(const Drive&) = delete;

    // Replaces the medium; the device hears of it.
    void insert(std::unique_ptr<BlockBackend> image, std::string file = "");
    // Takes it out. False if there is none.
    bool eject();

    std::optional<Medium> medium() const override { return medium_; }
    void read(uint64_t offset, std::span<uint8_t> to, Done done) override;
    void write(uint64_t offset, std::span<const uint8_t> from, Done done) override;
    void flush(Done done) override;
    void cancel() override;

    // `listener` hears of failures, on the vCPU's thread. Without one nothing is held: the guest gets errors.
    void on_failure(std::function<void(const Failure&)> listener);
    // The errno of a request that waits to be tried again.
    std::optional<int> held() const;
    void retry();

    // Waits until the thread has nothing to do, and uses the image on this one. There is a medium. What is held stays so.
    void with_image(const std::function<void(BlockBackend&)>& use);

    const std::string& name() const { return name_; }
    // The medium's file and format, for people; empty without a medium.
    const std::string& file() const { return file_; }
    const char* format() const { return medium_ ? image_->format() : ""; }

private:
    struct Job {
        std::function<void(BlockBackend&)> work;  // throws IoFailure; can be done again
        bool write;
        Done done;
        uint64_t generation;
    };
    void enqueue(bool write, std::function<void(BlockBackend&)> work, Done done);
    void run();
    std::optional<Failure> perform(const Job&);
    OnError action(bool write, int error) const;
    void report(const IoFailure&, OnError action);
    void end(Job, const std::optional<Failure>&);

    std::string name_, file_;
    host::Mailbox& mailbox_;
    const DrivePolicy policy_;
    std::optional<Medium> medium_;
    uint64_t generation_ = 0;  // goes up with cancel(): what was asked before is not answered

    mutable std::mutex mutex_;
    std::condition_variable work_, idle_;
    std::deque<Job> jobs_;
    bool busy_ = false, quit_ = false;
    std::optional<int> held_;
    std::function<void(const Failure&)> failed_;
    std::unique_ptr<BlockBackend> image_;  // the thread's while it is busy
    std::set<std::string> reported_;
    std::thread thread_;
};

}  // namespace ringfold::block
