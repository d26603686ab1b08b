// How a stream of bytes falls into commands: lines for people, JSON objects for QMP.
#pragma once

#include "vmm/monitor/port.h"

namespace ringfold {

// A line, as typed: backspace takes a letter back, other control characters are left out.
class LineFramer final : public Framer {
public:
    bool feed(char byte) override;

private:
    bool after_return_ = false;  // a line feed then belongs to the line before
};

// Whatever stands between outermost braces, strings considered. What is there instead of an object ends with the line,
// so that the parser can complain about it.
class JsonFramer final : public Framer {
public:
    bool feed(char byte) override;
    void clear() override;

private:
    unsigned depth_ = 0;
    bool in_string_ = false, escaped_ = false;
};

}  // namespace ringfold
