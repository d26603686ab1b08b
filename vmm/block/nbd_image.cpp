#include "vmm/block/nbd_image.h"

#include <libnbd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include <fmt/format.h>

#include "vmm/base/result.h"
#include "vmm/host/fd.h"

namespace ringfold::block {

namespace {

constexpr std::string_view kForeign[] = {"bochs", "cloop", "dmg", "parallels", "qcow", "qed", "vdi", "vhdx", "vmdk", "vpc"};
constexpr size_t kPiece = 16 << 20;  // servers need take no more than 32 MiB at once

// Values of --image-opts end at a comma.
std::string doubled_commas(const std::string& text) {
    std::string out;
    for (const char c : text) out.append(c == ',' ? 2 : 1, c);
    return out;
}

// Why qemu-nbd gave up: its first line. Hints may follow.
std::string reason(int fd) {
    std::array<char, 4096> text;
    const ssize_t n = pread(fd, text.data(), text.size(), 0);
    std::string_view all(text.data(), n < 0 ? 0 : static_cast<size_t>(n));
    all = all.substr(0, all.find('\n'));
    if (all.find("not found") != all.npos) return "there is no qemu-nbd; install qemu-utils";
    if (all.starts_with("qemu-nbd: ")) all.remove_prefix(10);
    return all.empty() ? nbd_get_error() : std::string(all);
}

[[noreturn]] void fail() {
    throw IoFailure(nbd_get_errno() ? nbd_get_errno() : EIO, nbd_get_error());
}

}  // namespace

std::span<const std::string_view> foreign_formats() { return kForeign; }

NbdImage::NbdImage(const std::string& path, const std::string& format, bool read_only, const std::string& name)
    : format_(format), read_only_(read_only) {
    const host::Fd said(memfd_create("qemu-nbd", 0));
    handle_ = nbd_create();
    if (!said || !handle_) throw HostError(fmt::format("{}: no memory for a connection to qemu-nbd", name));
    const std::string run = fmt::format("exec qemu-nbd \"$@\" 2>&{}", said.get());
    // The driver of the file is named, so that no name is taken for a protocol.
    const std::string image = fmt::format("driver={},file.driver=file,file.filename={}", format, doubled_commas(path));
    std::vector<const char*> words = {"/bin/sh", "-c", run.c_str(), "sh", "--image-opts"};
    if (read_only) words.push_back("--read-only");
    words.insert(words.end(), {image.c_str(), nullptr});
    if (nbd_connect_systemd_socket_activation(handle_, const_cast<char**>(words.data())) < 0) {
        const std::string why = reason(said.get());
        nbd_close(handle_);
        throw HostError(fmt::format("{}: qemu-nbd cannot open it as {}: {}", name, format, why));
    }
    size_ = static_cast<uint64_t>(std::max<int64_t>(nbd_get_size(handle_), 0)) / kSectorBytes * kSectorBytes;
    read_only_ = read_only || nbd_is_read_only(handle_) > 0;
}

NbdImage::~NbdImage() {
    nbd_shutdown(handle_, 0);
    nbd_close(handle_);
}

// The server takes whole sectors: what is asked for, and the rest of the sectors that it begins and ends in.
struct NbdImage::Sectors {
    Sectors(uint64_t offset, size_t wanted)
        : begin(offset / kSectorBytes * kSectorBytes),
          bytes((offset + wanted + kSectorBytes - 1) / kSectorBytes * kSectorBytes - begin),
          skip(offset - begin) {}
    uint64_t begin;
    size_t bytes, skip;
};

void NbdImage::read(uint64_t offset, std::span<uint8_t> to) {
    const Sectors sectors(offset, to.size());
    if (sectors.bytes != to.size()) {
        std::vector<uint8_t> whole(sectors.bytes);
        read(sectors.begin, whole);
        std::copy_n(whole.begin() + static_cast<std::ptrdiff_t>(sectors.skip), to.size(), to.begin());
        return;
    }
    for (; !to.empty(); offset += kPiece, to = to.subspan(std::min(kPiece, to.size())))
        if (nbd_pread(handle_, to.data(), std::min(kPiece, to.size()), offset, 0) < 0) fail();
}

void NbdImage::write(uint64_t offset, std::span<const uint8_t> from) {
    const Sectors sectors(offset, from.size());
    if (sectors.bytes != from.size()) {
        std::vector<uint8_t> whole(sectors.bytes);
        read(sectors.begin, whole);
        std::ranges::copy(from, whole.begin() + static_cast<std::ptrdiff_t>(sectors.skip));
        return write(sectors.begin, whole);
    }
    for (; !from.empty(); offset += kPiece, from = from.subspan(std::min(kPiece, from.size())))
        if (nbd_pwrite(handle_, from.data(), std::min(kPiece, from.size()), offset, 0) < 0) fail();
}

void NbdImage::flush() {
    if (!read_only_ && nbd_can_flush(handle_) > 0 && nbd_flush(handle_, 0) < 0) fail();
}

}  // namespace ringfold::block
