// A file descriptor that closes itself, and writing all of something to one.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <span>
#include <utility>

namespace ringfold::host {

class Fd {
public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Fd() {
        if (fd_ >= 0) ::close(fd_);
    }
    explicit operator bool() const { return fd_ >= 0; }
    int get() const { return fd_; }

private:
    int fd_ = -1;
};

// Waits as long as it takes. False if nobody reads it any more or the disk is full.
bool write_all(int fd, std::span<const uint8_t> bytes);

}  // namespace ringfold::host
