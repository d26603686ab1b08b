// Open-file-description locks: byte 100 + P says "I do P", byte 200 + P "nobody else may do P". Both are shared
// locks, so that their presence alone is the message. The numbers are QEMU's (block/file-posix.c), for its sake.
#include "vmm/block/image_lock.h"

#include <fcntl.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fmt/format.h>

#include "vmm/base/result.h"

namespace ringfold::block {

namespace {

constexpr off_t kDoes = 100, kForbids = 200;
constexpr off_t kConsistentRead = 0, kWrite = 1, kResize = 3;

struct flock one_byte(short type, off_t at) {
    struct flock lock {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = at;
    lock.l_len = 1;
    return lock;
}

// Not every file system has such locks; then the image is used without, and the user knows.
bool take(const ImageFile& file, off_t at) {
    struct flock lock = one_byte(F_RDLCK, at);
    if (fcntl(file.fd(), F_OFD_SETLK, &lock) == 0) return true;
    fmt::print(stderr, "ringfold: {}: the file cannot be locked ({}); keep other writers away\n", file.name(),
               strerror(errno));
    return false;
}

bool held_by_another(const ImageFile& file, off_t at) {
    struct flock lock = one_byte(F_WRLCK, at);
    return fcntl(file.fd(), F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

}  // namespace

void lock_image(const ImageFile& file, bool writer) {
    // First say, then look: of two that come at the same time at least one sees the other.
    bool taken = take(file, kDoes + kConsistentRead);
    if (writer) taken = taken && take(file, kDoes + kWrite) && take(file, kDoes + kResize);
    taken = taken && take(file, kForbids + kWrite) && take(file, kForbids + kResize);
    if (!taken) return;
    bool blocked = held_by_another(file, kDoes + kWrite) || held_by_another(file, kDoes + kResize) ||
                   held_by_another(file, kForbids + kConsistentRead);
    if (writer)
        blocked = blocked || held_by_another(file, kForbids + kWrite) || held_by_another(file, kForbids + kResize);
    if (blocked)
        throw HostError(fmt::format("{}: another process (or another drive here) uses this image; end it first{}",
                                    file.name(), writer ? ", or copy the image" : ""));
}

}  // namespace ringfold::block
