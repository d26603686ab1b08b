// Puts a byte stream into the log by lines.
#include "vmm/log_lines.h"

namespace ringfold {

size_t LogLines::write(std::span<const uint8_t> bytes) {
    constexpr size_t kLongest = 1000;  // a guest may never end a line
    for (const uint8_t byte : bytes) {
        if (byte != '\n' && line_.size() < kLongest) {
            if (byte >= ' ') line_ += static_cast<char>(byte);
            continue;
        }
        log::print(category_, "{}{}\n", prefix_, line_);
        line_.clear();
    }
    return bytes.size();
}

}  // namespace ringfold
