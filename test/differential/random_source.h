// Random numbers that a printed seed reproduces.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <random>
#include <span>

namespace ringfold::test {

class RandomSource {
public:
    explicit RandomSource(uint64_t seed) : engine_(seed) {}
    uint64_t bits() { return engine_(); }
    uint32_t below(uint32_t n) { return static_cast<uint32_t>(engine_() % n); }
    bool chance(unsigned percent) { return below(100) < percent; }
    template <class T>
    T pick(std::initializer_list<T> list) {
        return list.begin()[below(static_cast<uint32_t>(list.size()))];
    }
    template <class Range>
    auto& pick(Range& range) {
        return range[below(static_cast<uint32_t>(std::size(range)))];
    }

private:
    std::mt19937_64 engine_;
};

}  // namespace ringfold::test
