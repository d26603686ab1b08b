// Reads kernel and initrd files; every access to their bytes is checked here.
#include "vmm/image.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "vmm/base/result.h"
#include "vmm/host/fd.h"

namespace ringfold {

Image Image::read(std::string_view option, const std::string& path, uint64_t limit, std::string_view remedy) {
    const std::string name = fmt::format("{} {}", option, path);
    const host::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) throw HostError(fmt::format("{}: cannot open it: {}; check the path", name, strerror(errno)));
    std::vector<uint8_t> bytes;
    constexpr size_t kChunk = 1 << 20;
    for (;;) {
        const size_t have = bytes.size();
        bytes.resize(have + kChunk);
        const ssize_t n = ::read(file.get(), bytes.data() + have, kChunk);
        if (n < 0 && errno != EINTR)
            throw HostError(fmt::format("{}: cannot read it: {}; it must be a file", name, strerror(errno)));
        bytes.resize(have + static_cast<size_t>(n > 0 ? n : 0));
        if (n == 0) break;
        if (bytes.size() > limit)
            throw HostError(fmt::format("{}: larger than the {} MiB that it has room in; {}", name, limit >> 20, remedy));
    }
    if (bytes.empty()) throw HostError(fmt::format("{}: the file is empty; fetch or build it again", name));
    return Image(name, std::move(bytes));
}

std::span<const uint8_t> Image::slice(uint64_t offset, uint64_t length) const {
    if (!holds(offset, length))
        fail(fmt::format("truncated: {} bytes at {:#x} lie beyond its end at {:#x}; fetch or build it again", length,
                         offset, size()));
    return std::span(bytes_).subspan(offset, length);
}

uint16_t Image::u16(uint64_t offset) const {
    const auto b = slice(offset, 2);
    return static_cast<uint16_t>(b[0] | b[1] << 8);
}

uint32_t Image::u32(uint64_t offset) const {
    const auto b = slice(offset, 4);
    return b[0] | uint32_t{b[1]} << 8 | uint32_t{b[2]} << 16 | uint32_t{b[3]} << 24;
}

void Image::fail(std::string_view what) const {
    throw HostError(fmt::format("{}: {}", name_, what));
}

}  // namespace ringfold
