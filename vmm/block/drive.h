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

class Drive final : public BlockDevice {
public:
    // `name` is how the user called it, for messages. Starts empty. The mailbox outlives the drive; letters of a drive
    // that is gone are never opened, because nothing opens letters any more.
    Drive(std::string name, host::Mailbox& mailbox);
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

    // Waits until the thread has nothing to do, and uses the image on this one. There is a medium.
    void with_image(const std::function<void(BlockBackend&)>& use);

    const std::string& name() const { return name_; }
    // The medium's file and format, for people; empty without a medium.
    const std::string& file() const { return file_; }
    const char* format() const { return medium_ ? image_->format() : ""; }

private:
    struct Job {
        std::function<void(BlockBackend&)> work;  // throws IoFailure
        Done done;
        uint64_t generation;
    };
    void enqueue(std::function<void(BlockBackend&)> work, Done done);
    void run();
    bool perform(const Job&);
    void report(const IoFailure&);

    std::string name_, file_;
    host::Mailbox& mailbox_;
    std::optional<Medium> medium_;
    uint64_t generation_ = 0;  // goes up with cancel(): what was asked before is not answered

    std::mutex mutex_;
    std::condition_variable work_, idle_;
    std::deque<Job> jobs_;
    bool busy_ = false, quit_ = false;
    std::unique_ptr<BlockBackend> image_;  // the thread's while it is busy
    std::set<std::string> reported_;
    std::thread thread_;
};

}  // namespace ringfold::block
