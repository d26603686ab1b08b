// Tests of guest RAM: its bounds, and the one line that says why it cannot be had.
#include "shadowmmu/ram.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <sys/stat.h>

#include "vmm/base/result.h"

using namespace ringfold;

TEST_CASE("RAM is zero, shared with its memfd, and not inherited") {
    Ram ram(1 << 20);
    CHECK(*ram.host(GuestPhys(0xfffff)) == 0);
    *ram.host(GuestPhys(0x1234)) = 7;
    uint8_t seen = 0;
    REQUIRE(pread(ram.fd(), &seen, 1, 0x1234) == 1);
    CHECK(seen == 7);
    CHECK((fcntl(ram.fd(), F_GETFD) & FD_CLOEXEC) != 0);
    CHECK(ram.owns(ram.host(GuestPhys(0))));
    CHECK(ram.physical(ram.host(GuestPhys(0x5678))) == GuestPhys(0x5678));
}

TEST_CASE("RAM in a folder leaves no name there, and is allocated from the start") {
    const std::string folder = std::filesystem::temp_directory_path() / fmt::format("ringfold-ram-test-{}", getpid());
    std::filesystem::create_directory(folder);
    {
        Ram ram(1 << 20, 1 << 16, {.folder = folder});
        CHECK(std::filesystem::is_empty(folder));
        *ram.host(GuestPhys(0x1234)) = 7;
        uint8_t seen = 0;
        REQUIRE(pread(ram.fd(), &seen, 1, 0x1234) == 1);
        CHECK(seen == 7);
        CHECK((fcntl(ram.fd(), F_GETFD) & FD_CLOEXEC) != 0);
    }
    CHECK(std::filesystem::remove(folder));
    const auto allocated = [](const Ram& ram) {
        struct stat file;
        REQUIRE(fstat(ram.fd(), &file) == 0);
        return static_cast<uint64_t>(file.st_blocks) * 512;
    };
    CHECK(allocated(Ram(1 << 20)) < 1 << 20);
    CHECK(allocated(Ram(1 << 20, 1 << 16, {.at_once = true})) >= (1 << 20) + (1 << 16));
    CHECK_THROWS_AS(Ram(1 << 20, 0, {.folder = folder}), HostError);
}

TEST_CASE("the display hole and what is above RAM are not RAM") {
    Ram ram(2 << 20);
    CHECK(ram.contains(GuestPhys(0x9ffff)));
    CHECK_FALSE(ram.contains(GuestPhys(0xa0000)));
    CHECK_FALSE(ram.contains(GuestPhys(0xbffff)));
    CHECK(ram.contains(GuestPhys(0xc0000)));
    CHECK(ram.contains(GuestPhys((2 << 20) - 1)));
    CHECK_FALSE(ram.contains(GuestPhys(2 << 20)));
    CHECK_FALSE(ram.contains(GuestPhys(0xf00000000)));
}

TEST_CASE("impossible sizes are refused with the option and the remedy") {
    for (const uint64_t bytes :
         {uint64_t{0}, uint64_t{4096}, uint64_t{(1 << 20) + 1}, uint64_t{1} << 32, Ram::kMaxBytes + 4096}) {
        try {
            Ram ram(bytes);
            FAIL("a RAM of " << bytes << " bytes");
        } catch (const HostError& error) {
            const std::string text = error.what();
            CHECK(text.starts_with("-m: "));
            CHECK(text.find("give") != std::string::npos);
            CHECK(text.find('\n') == std::string::npos);
        }
    }
}
