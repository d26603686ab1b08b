#include "translator/engine/segments/descriptors.h"

#include <asm/ldt.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "translator/engine/segments/low_memory.h"
#include "vmm/base/result.h"
#include "vmm/host/crash_report.h"

namespace ringfold::segments {

namespace {

constexpr int kWrite = 0x11;
constexpr unsigned kDataContents = 0, kExpandDownContents = 1, kCodeContents = 2;

// The registers may hold what an entry was before.
bool write(const user_desc& d) {
    const bool done = syscall(SYS_modify_ldt, kWrite, &d, sizeof d) == 0;
    asm volatile("mov %0, %%ds; mov %0, %%es; mov %0, %%gs" ::"r"(0));
    return done;
}

// `end`: of what the segment holds, from its base.
bool write(uint16_t selector, uint32_t base, uint64_t end, unsigned contents) {
    user_desc d{};
    d.entry_number = selector >> 3;
    d.base_addr = base;
    d.limit = static_cast<unsigned>((end >> 12) - 1);
    d.seg_32bit = 1;
    d.contents = contents;
    d.limit_in_pages = 1;
    d.useable = 1;
    return write(d);
}

// Does the CPU (and what runs below it) take the code segment for one? LAR asks without entering it.
bool code_segment_works() {
    uint32_t rights = 0;
    uint8_t valid = 0;
    asm("lar %2, %0; setz %1" : "=r"(rights), "=q"(valid) : "r"(uint32_t{kCodeSelector}) : "cc");
    constexpr uint32_t kPresentCode32 = 0x80u << 8 | 0x18u << 8 | 1u << 22;
    return valid && (rights & kPresentCode32) == kPresentCode32;
}

}  // namespace

void install_descriptors(const Hole& hole) {
    const bool done = write(kCodeSelector, 0, kFourGib, kCodeContents) && write(kSupervisorData, 0, hole.begin, kDataContents) &&
                      write(kUserData, 0, hole.begin, kDataContents) &&
                      write(kUserCode, 0, hole.begin, kCodeContents) && write(kStateSelector, hole.begin, kFourGib - hole.begin, kDataContents);
    if (!done)
        throw HostError(fmt::format("-engine segments needs the system call modify_ldt: {}; allow it in the seccomp filter "
                                    "of the container or service, or use a kernel with CONFIG_MODIFY_LDT_SYSCALL, or "
                                    "-engine windows",
                                    strerror(errno)));
    uint16_t cs = 0;
    asm("mov %%cs, %0" : "=r"(cs));
    if (cs != kHostCode || !code_segment_works())
        throw HostError("-engine segments needs 32-bit code segments, which this host does not offer (is ia32 emulation of "
                        "the CPU off, or is this not Linux?); use -engine windows");
}

void limit_user(uint64_t end) {
    if (!write(kUserData, 0, end, kDataContents) || !write(kUserCode, 0, end, kCodeContents)) host::crash("modify_ldt refuses a limit");
}

bool write_shadow(unsigned entry, const HostSegment& s) {
    constexpr uint32_t kLargestByteLimit = 0xfffff;
    user_desc d{};
    d.entry_number = entry;
    d.base_addr = s.base;
    d.limit_in_pages = s.limit > kLargestByteLimit;
    d.limit = d.limit_in_pages ? s.limit >> 12 : s.limit;
    d.seg_32bit = s.big;
    d.contents = s.expand_down ? kExpandDownContents : kDataContents;
    d.read_exec_only = !s.writable;
    d.useable = 1;
    return write(d);
}

}  // namespace ringfold::segments
