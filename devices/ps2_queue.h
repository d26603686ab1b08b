// The bytes that a keyboard or mouse has ready for the controller, oldest first.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>

namespace ringfold {

class Ps2Queue {
public:
    bool empty() const { return count_ == 0; }
    // Room for so many more, with enough kept back for the answer to a command.
    bool room_for(size_t n) const { return count_ + n <= kSize - kReserve; }
    void clear() { count_ = 0; }
    // Drops what does not fit.
    void push(std::initializer_list<uint8_t> bytes) {
        for (uint8_t byte : bytes) {
            if (count_ == kSize) return;
            bytes_[(first_ + count_++) % kSize] = byte;
        }
    }
    std::optional<uint8_t> pop() {
        if (empty()) return std::nullopt;
        const uint8_t byte = bytes_[first_];
        first_ = static_cast<uint8_t>((first_ + 1) % kSize);
        count_--;
        return byte;
    }

    template <class Archive>
    void describe(Archive& archive) {
        archive.fields(*this, "bytes", bytes_, "first", first_, "count", count_);
        archive.require(first_ < kSize && count_ <= kSize, "count");
    }

private:
    // A keyboard holds 16 bytes; a longer queue lets a whole pasted line or `sendkey` sequence in.
    static constexpr size_t kSize = 128, kReserve = 8;
    std::array<uint8_t, kSize> bytes_{};
    uint8_t first_ = 0, count_ = 0;
};

}  // namespace ringfold
