// A byte at a time.
#include "vmm/monitor/framers.h"

#include <utility>

namespace ringfold {

namespace {

constexpr unsigned kDeepest = 1024;  // whoever prints such an object does so recursively

}  // namespace

bool LineFramer::feed(char byte) {
    constexpr char kBackspace = 8, kDelete = 127;
    const bool second_half = std::exchange(after_return_, byte == '\r') && byte == '\n';
    if (byte == '\n' || byte == '\r') return !second_half;
    if (byte == kBackspace || byte == kDelete) {
        if (!unit_.empty()) unit_.pop_back();
    } else if (static_cast<unsigned char>(byte) >= ' ' || byte == '\t') {
        unit_ += byte;
    }
    return false;
}

void JsonFramer::clear() {
    Framer::clear();
    depth_ = 0;
    in_string_ = escaped_ = false;
}

bool JsonFramer::feed(char byte) {
    const bool blank = byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
    if (unit_.empty() && blank) return false;
    if (depth_ == 0 && byte != '{' && (unit_.empty() || unit_.front() != '{')) {
        if (byte == '\n') return true;
        unit_ += byte;
        return false;
    }
    unit_ += byte;
    if (in_string_) {
        if (escaped_)
            escaped_ = false;
        else if (byte == '\\')
            escaped_ = true;
        else if (byte == '"')
            in_string_ = false;
        return false;
    }
    if (byte == '"')
        in_string_ = true;
    else if (byte == '{' || byte == '[')
        return ++depth_ > kDeepest;  // incomplete, so it will be refused
    else if (byte == '}' || byte == ']')
        return depth_ <= 1 || --depth_ == 0;
    return false;
}

}  // namespace ringfold
