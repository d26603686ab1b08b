// Takes telnet's commands out of a stream.
#include "vmm/chardev/telnet.h"

namespace ringfold {

namespace {

constexpr unsigned char kIac = 255, kSubnegotiation = 250, kBreak = 243, kSubnegotiationEnd = 240, kFirstVerb = 251;

}  // namespace

std::string_view Telnet::greeting() {
    return "\xff\xfb\x01\xff\xfb\x03";
}

std::string Telnet::escaped(std::string_view bytes) {
    std::string out;
    for (const char c : bytes) out.append(static_cast<unsigned char>(c) == kIac ? 2 : 1, c);
    return out;
}

Telnet::Heard Telnet::feed(std::string_view bytes) {
    Heard heard;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        switch (state_) {
            case State::Return:
                state_ = State::Text;
                if (byte == 0) break;  // a return that is no line's end is CR NUL
                [[fallthrough]];
            case State::Text:
                if (byte == kIac)
                    state_ = State::Command;
                else
                    heard.text += c;
                if (c == '\r') state_ = State::Return;
                break;
            case State::Command:
                if (byte == kIac) heard.text += c;
                heard.brk |= byte == kBreak;
                state_ = byte == kSubnegotiation              ? State::Sub
                         : byte >= kFirstVerb && byte != kIac ? State::Option
                                                              : State::Text;
                break;
            case State::Option:
                state_ = State::Text;
                break;
            case State::Sub:
                if (byte == kIac) state_ = State::SubCommand;
                break;
            case State::SubCommand:
                state_ = byte == kSubnegotiationEnd ? State::Text : State::Sub;
                break;
        }
    }
    return heard;
}

}  // namespace ringfold
