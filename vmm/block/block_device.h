// What a storage device of the PC sees of its medium: requests that end later. Everything here is called, and calls
// back, on the vCPU's thread; a test implements it without any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

namespace ringfold::block {

struct Medium {
    uint64_t bytes = 0;  // a multiple of kSectorBytes
    bool read_only = false;
    uint64_t sectors() const { return bytes / 512; }
};

class BlockDevice {
public:
    // `ok` is false if the host could not do it; the user has been told.
    using Done = std::function<void(bool ok)>;

    virtual ~BlockDevice() = default;
    virtual std::optional<Medium> medium() const = 0;
    // There is a medium and the bytes lie inside it. The memory must stay until `done` is called, never from inside
    // these functions, or until cancel(). Requests are done in order.
    virtual void read(uint64_t offset, std::span<uint8_t> to, Done done) = 0;
    virtual void write(uint64_t offset, std::span<const uint8_t> from, Done done) = 0;
    virtual void flush(Done done) = 0;
    // Forgets all requests: none of their `done` is called any more, none of their memory is touched. What has been
    // written stays written.
    virtual void cancel() = 0;

    // `listener` hears when a medium was put in or taken out; all requests were cancelled before.
    void on_medium_changed(std::function<void()> listener) { medium_changed_ = std::move(listener); }

protected:
    void tell_medium_changed() const {
        if (medium_changed_) medium_changed_();
    }

private:
    std::function<void()> medium_changed_;
};

}  // namespace ringfold::block
