// Opens and feeds the destinations of character devices.
#include "vmm/output.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "vmm/base/result.h"

namespace ringfold {

Output::Output(const char* option, const CharBackend& backend) {
    switch (backend.kind) {
        case CharBackend::Kind::None:
            break;
        case CharBackend::Kind::Terminal:
            fd_ = STDOUT_FILENO;
            break;
        case CharBackend::Kind::File:
            file_ = host::Fd(::open(backend.path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
            if (!file_)
                throw HostError(fmt::format("{} file:{}: cannot write it: {}; give another path", option, backend.path,
                                            strerror(errno)));
            fd_ = file_.get();
            break;
    }
}

size_t Output::write(std::span<const uint8_t> bytes) {
    // Once the reader has gone, the guest's output has nowhere to go; the guest itself goes on.
    if (fd_ >= 0 && !host::write_all(fd_, bytes)) fd_ = -1;
    return bytes.size();
}

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
