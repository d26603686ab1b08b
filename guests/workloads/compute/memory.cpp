// Loads and stores: in order, at random, in blocks.
#include <algorithm>
#include <cstring>
#include <numeric>
#include <vector>

#include "rows.h"

namespace {

constexpr uint32_t kNear = 64 << 10, kFar = 4 << 20;  // words
std::vector<uint32_t> next_near, next_far;

// One cycle through all, at random: Sattolo's shuffle.
std::vector<uint32_t> cycle(uint32_t count) {
    std::vector<uint32_t> next(count);
    std::iota(next.begin(), next.end(), 0u);
    Random random(3);
    for (uint32_t i = count - 1; i; --i) std::swap(next[i], next[random.next() % i]);
    return next;
}

uint32_t chase(const std::vector<uint32_t>& next, uint32_t steps) {
    uint32_t at = 0, sum = 0;
    for (uint32_t i = 0; i < steps; ++i) sum += at = next[at];
    return sum;
}

// Copies blocks of many sizes, as programs do, and one large one.
template <typename Copy>
uint32_t copy_blocks(Copy copy) {
    static std::vector<uint8_t> from(1 << 20), to(1 << 20);
    for (size_t i = 0; i < from.size(); ++i) from[i] = uint8_t(i * 7);
    Random random(5);
    for (uint32_t i = 0; i < 100'000; ++i) {
        const uint32_t size = random.next() & (i % 16 ? 255 : 16383), at = random.next() & 0xffff;
        copy(&to[at], &from[at ^ 0x2345], size);
    }
    for (uint32_t i = 0; i < 40; ++i) copy(to.data() + i, from.data(), to.size() - 64);
    uint32_t sum = 0;
    for (size_t i = 0; i < to.size(); i += 61) sum = sum * 31 + to[i];
    return sum;
}

}  // namespace

uint32_t sort() {
    Random random(1);
    std::vector<uint32_t> numbers(220'000);
    for (uint32_t& n : numbers) n = random.next();
    std::sort(numbers.begin(), numbers.end());
    uint32_t sum = 0;
    for (size_t i = 0; i < numbers.size(); i += 97) sum = sum * 31 + numbers[i];
    return sum;
}

uint32_t sieve() {
    static std::vector<uint8_t> composite(2'000'000);
    std::fill(composite.begin(), composite.end(), uint8_t(0));
    uint32_t sum = 0;
    for (uint32_t i = 2; i < composite.size(); ++i) {
        if (composite[i]) continue;
        sum += i;
        for (uint64_t k = uint64_t(i) * i; k < composite.size(); k += i) composite[size_t(k)] = 1;
    }
    return sum;
}

void prepare_near() {
    next_near = cycle(kNear);
}
uint32_t chase_near() {
    return chase(next_near, 2'000'000);
}
void prepare_far() {
    next_far = cycle(kFar);
}
uint32_t chase_far() {
    return chase(next_far, 100'000);
}

uint32_t copy_library() {
    return copy_blocks([](uint8_t* to, const uint8_t* from, size_t size) { std::memcpy(to, from, opaque(size)); });
}

uint32_t copy_repeat() {
    return copy_blocks([](uint8_t* to, const uint8_t* from, size_t size) {
        size_t words = size / 4, rest = size % 4;
        asm volatile("rep movsl\n mov %3, %%ecx\n rep movsb"
                     : "+D"(to), "+S"(from), "+c"(words)
                     : "r"(rest)
                     : "memory");
    });
}
