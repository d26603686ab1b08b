// Bytes: a digest, a hash table of words, C strings.
#include <array>
#include <bit>
#include <cstring>
#include <string>
#include <unordered_map>
#include <vector>

#include "rows.h"

namespace {

// FIPS 180-4, 4.2.2
constexpr uint32_t kRound[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

void sha256_block(uint32_t h[8], const uint8_t* block) {
    uint32_t w[64];
    for (int i = 0; i < 16; ++i) {
        std::memcpy(&w[i], block + 4 * i, 4);
        w[i] = __builtin_bswap32(w[i]);
    }
    for (int i = 16; i < 64; ++i) {
        const uint32_t a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + (std::rotr(a, 7) ^ std::rotr(a, 18) ^ a >> 3) + w[i - 7] +
               (std::rotr(b, 17) ^ std::rotr(b, 19) ^ b >> 10);
    }
    std::array<uint32_t, 8> v;
    std::memcpy(v.data(), h, sizeof v);
    for (int i = 0; i < 64; ++i) {
        const uint32_t a = v[0], e = v[4];
        const uint32_t t1 = v[7] + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) +
                            ((e & v[5]) ^ (~e & v[6])) + kRound[i] + w[i];
        const uint32_t t2 =
            (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) + ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
        v = {t1 + t2, v[0], v[1], v[2], v[3] + t1, v[4], v[5], v[6]};
    }
    for (int i = 0; i < 8; ++i) h[i] += v[i];
}

// Words of one to ten letters, some of them often.
std::vector<std::string> some_words(uint32_t count) {
    Random random(11);
    std::vector<std::string> words(count);
    for (std::string& word : words) {
        uint32_t r = random.next() % 5000 * 2654435761u;
        for (uint32_t n = 1 + r % 10; n; --n, r = r * 1664525u + 1013904223u) word += char('a' + (r >> 24) % 26);
    }
    return words;
}

}  // namespace

// The first word of the digest of 2 MiB (whole blocks, without the padding of the standard).
uint32_t sha256() {
    static std::vector<uint8_t> text(2 << 20);
    for (size_t i = 0; i < text.size(); ++i) text[i] = uint8_t(i * 5 + (i >> 8));
    uint32_t h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    for (size_t at = 0; at < text.size(); at += 64) sha256_block(h, &text[at]);
    return h[0];
}

uint32_t hash_table() {
    static const std::vector<std::string> words = some_words(60'000);
    std::unordered_map<std::string, uint32_t> counts;
    for (int turn = 0; turn < 4; ++turn)
        for (const std::string& word : words) ++counts[word];
    uint32_t sum = 0;
    for (const auto& [word, count] : counts) sum += count * uint32_t(word.size() * 31 + uint8_t(word[0]));
    return sum;
}

uint32_t strings_library() {
    static const std::vector<std::string> words = some_words(20'000);
    static std::string text;
    if (text.empty())
        for (const std::string& word : words) text += word + ' ';
    uint32_t sum = 0;
    char buffer[64];
    for (int turn = 0; turn < 12; ++turn) {
        for (size_t i = 1; i < words.size(); ++i) {
            const char *a = words[i - 1].c_str(), *b = words[i].c_str();
            std::strcpy(buffer, a);
            std::strcat(buffer, b);
            sum += std::strlen(buffer) + (std::strcmp(a, b) < 0) + (std::strchr(buffer, 'e') != nullptr);
            sum += std::strstr(buffer, "ab") != nullptr;
        }
        for (const char* p = text.c_str();
             (p = static_cast<const char*>(std::memchr(p, ' ', size_t(&text.back() - p)))); ++p)
            ++sum;
    }
    return sum;
}

// The same kinds of work as a compiler of the time of the 80386 had it done: REPNE SCASB, REPE CMPSB, REP STOSB.
uint32_t strings_repeat() {
    static const std::vector<std::string> words = some_words(20'000);
    uint32_t sum = 0;
    char buffer[256];
    for (int turn = 0; turn < 9; ++turn)
        for (size_t i = 1; i < words.size(); ++i) {
            const char* a = words[i - 1].c_str();
            const char* b = words[i].c_str();
            uint32_t left = ~0u;
            asm volatile("repne scasb" : "+D"(a), "+c"(left) : "a"(0) : "memory", "cc");
            const uint32_t length = ~left - 1;
            a = words[i - 1].c_str();
            uint32_t count = length;
            asm volatile("cmp %%ecx, %%ecx\n repe cmpsb" : "+S"(a), "+D"(b), "+c"(count)::"memory", "cc");
            char* to = buffer;
            count = 16 + (i & 127);
            asm volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(int(i)) : "memory");
            sum = sum * 31 + length + count + uint8_t(buffer[i & 15]) + uint32_t(a - words[i - 1].c_str());
        }
    return sum;
}
