// What the programs that bench/ runs in a Linux guest and on the host share: rows of work, timed and checked alike.
#pragma once

#include <cstdint>
#include <span>

struct Row {
    const char* name;
    // The work, and a checksum of what came of it, which must be the same everywhere and in each pass.
    uint32_t (*run)();
    // What has to be there before, untimed, once.
    void (*prepare)() = nullptr;
};

// Each program defines its own.
std::span<const Row> all_rows();

// A value that the compiler cannot know.
template <typename T>
inline T opaque(T value) {
    asm volatile("" : "+r"(value));
    return value;
}

// Numbers without a pattern, the same in each run.
class Random {
public:
    explicit Random(uint32_t seed) : state_(seed) {}
    uint32_t next() {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 17;
        return state_ ^= state_ << 5;
    }

private:
    uint32_t state_;
};
