// Translations fill the code cache round and round, and are found by host address until they are in the way.
#include "translator/cache/block_store.h"

#include <catch2/catch.hpp>
#include <random>

using namespace ringfold;

TEST_CASE("blocks are found by host address, and none that is in the way is overlooked") {
    constexpr size_t kMost = 4096;
    CodeCache cache(256 << 10);
    BlockStore store(cache);
    std::mt19937 random(1);
    REQUIRE(store.find(cache.begin()) == nullptr);
    for (int n = 0; n < 20'000; ++n) {
        // Ranges are freed in pieces of any size, so that what is left over at the end of a round varies.
        const uint8_t* at = cache.reserve(kMost, random() % 2 ? CodeCache::kLine : 16);
        const size_t range = kMost + random() % kMost;
        while (store.in_the_way(at, range)) store.drop_oldest();
        store.for_each([&](const Block& block) { REQUIRE((block.end() <= at || block.host >= at + range)); });

        auto block = store.make();
        block->host = at;
        block->host_length = 1 + random() % kMost;
        const std::vector<uint8_t> code(block->host_length);
        cache.commit(at, code.data(), code.size());
        Block& kept = store.keep(std::move(block));

        REQUIRE(store.find(kept.host) == &kept);
        REQUIRE(store.find(kept.end() - 1) == &kept);
        REQUIRE(store.find(kept.end()) != &kept);
        if (n % 100) continue;
        store.for_each([&](const Block& each) {
            REQUIRE(store.find(each.host) == &each);
            REQUIRE(store.find(each.end() - 1) == &each);
        });
    }
}

TEST_CASE("a block that was made and not kept is gone") {
    CodeCache cache(256 << 10);
    BlockStore store(cache);
    store.make().reset();
    REQUIRE(store.find(cache.begin()) == nullptr);
    REQUIRE(store.in_the_way(cache.begin(), cache.capacity()) == nullptr);
}
