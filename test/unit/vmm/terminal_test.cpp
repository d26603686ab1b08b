// The Ctrl-A keys, without a terminal; test/system has the terminal itself.
#include "vmm/terminal.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

using namespace ringfold;

namespace {

struct Heard {
    std::string bytes;
    std::vector<EscapeKeys::Command> commands;
};

Heard type(const std::string& text) {
    EscapeKeys keys;
    Heard heard;
    for (char c : text) {
        const auto result = keys.feed(static_cast<uint8_t>(c));
        if (result.byte) heard.bytes += static_cast<char>(*result.byte);
        if (result.command) heard.commands.push_back(*result.command);
    }
    return heard;
}

}  // namespace

TEST_CASE("ordinary bytes, zero and 255 among them, reach the guest") {
    const std::string text("ls\r\0\xff\x03", 6);
    CHECK(type(text).bytes == text);
    CHECK(type(text).commands.empty());
}

TEST_CASE("Ctrl-A begins a command") {
    using C = EscapeKeys::Command;
    const Heard heard = type("a\001xb\001cc\001h\001?");
    CHECK(heard.bytes == "abc");
    CHECK(heard.commands == std::vector{C::Quit, C::Monitor, C::Help, C::Help});
}

TEST_CASE("Ctrl-A Ctrl-A sends one, and an unknown key is the guest's") {
    CHECK(type("\001\001x").bytes == "\001x");
    CHECK(type("\001q").bytes == "q");
    CHECK(type("\001").bytes.empty());
}
