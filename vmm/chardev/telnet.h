// The telnet protocol (RFC 854), as far as a character device's peer needs it: its commands are read over.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ringfold {

class Telnet {
public:
    // What a server says first: will echo (RFC 857), will suppress go-ahead (RFC 858), and no other ceremony. The user's
    // telnet then sends letters as they are typed.
    static std::string_view greeting();
    // A byte 255 is sent as two.
    static std::string escaped(std::string_view bytes);

    void clear() { state_ = State::Text; }
    struct Heard {
        std::string text;
        bool brk = false;  // a break, as a terminal sends it
    };
    Heard feed(std::string_view bytes);

private:
    enum class State : uint8_t { Text, Return, Command, Option, Sub, SubCommand } state_ = State::Text;
};

}  // namespace ringfold
