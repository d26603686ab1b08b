// Opens, reads and writes the host files of images.
#include "vmm/block/image_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>
#include <sys/stat.h>

#include "vmm/base/result.h"
#include "vmm/block/block_backend.h"

namespace ringfold::block {

namespace {

// Image formats store 64-bit offsets that anybody may have written; the kernel's are signed.
constexpr uint64_t kMaxOffset = INT64_MAX;

const char* remedy(int error, bool writable) {
    if (error == ENOENT) return "; qemu-img create makes one";
    if (writable && (error == EACCES || error == EPERM || error == EROFS))
        return "; open it with readonly=on or snapshot=on, or make it writable";
    return "";
}

}  // namespace

ImageFile::ImageFile(const std::string& path, bool writable, std::string name)
    : name_(std::move(name)),
      writable_(writable),
      fd_(::open(path.c_str(), (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK)) {
    if (!fd_) {
        const int error = errno;
        throw HostError(fmt::format("{}: cannot open it: {}{}", name_, strerror(error), remedy(error, writable)));
    }
    struct stat s {};
    if (fstat(fd_.get(), &s) < 0 || !(S_ISREG(s.st_mode) || S_ISBLK(s.st_mode)))
        throw HostError(fmt::format("{}: neither a file nor a block device; give a disk image", name_));
}

ImageFile ImageFile::temporary(std::string name) {
    const char* folder = getenv("TMPDIR");
    if (!folder || !*folder) folder = "/var/tmp";
    host::Fd fd(::open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (!fd) {
        // Not every file system knows files without a name.
        std::string path = fmt::format("{}/ringfold-XXXXXX", folder);
        fd = host::Fd(mkostemp(path.data(), O_CLOEXEC));
        if (fd) unlink(path.c_str());
    }
    if (!fd)
        throw HostError(fmt::format("{}: no temporary file in {}: {}; set TMPDIR to a folder with room", name, folder,
                                    strerror(errno)));
    return ImageFile(std::move(fd), std::move(name));
}

void ImageFile::read(uint64_t offset, std::span<uint8_t> to) const {
    while (!to.empty()) {
        const ssize_t n = offset > kMaxOffset ? 0 : pread(fd_.get(), to.data(), to.size(), static_cast<off_t>(offset));
        if (n < 0) {
            if (errno == EINTR) continue;
            throw IoFailure(errno, fmt::format("reading failed: {}", strerror(errno)));
        }
        if (n == 0) {
            memset(to.data(), 0, to.size());
            return;
        }
        offset += static_cast<uint64_t>(n);
        to = to.subspan(static_cast<size_t>(n));
    }
}

void ImageFile::write(uint64_t offset, std::span<const uint8_t> from) const {
    while (!from.empty()) {
        if (offset > kMaxOffset) throw IoFailure(EFBIG, "writing failed: the image's tables lead too far");
        const ssize_t n = pwrite(fd_.get(), from.data(), from.size(), static_cast<off_t>(offset));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            const int error = n < 0 ? errno : ENOSPC;
            throw IoFailure(error, fmt::format("writing failed: {}", strerror(error)));
        }
        offset += static_cast<uint64_t>(n);
        from = from.subspan(static_cast<size_t>(n));
    }
}

void ImageFile::flush() const {
    if (fdatasync(fd_.get()) < 0) throw IoFailure(errno, fmt::format("flushing failed: {}", strerror(errno)));
}

uint64_t ImageFile::bytes() const {
    const off_t end = lseek(fd_.get(), 0, SEEK_END);
    return end < 0 ? 0 : static_cast<uint64_t>(end);
}

std::pair<uint64_t, uint64_t> ImageFile::identity() const {
    struct stat s {};
    fstat(fd_.get(), &s);
    return {s.st_dev, s.st_ino};
}

}  // namespace ringfold::block
