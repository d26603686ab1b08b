// The Linux 32-bit boot protocol (Documentation/x86/boot.rst): setup header, boot_params, e820 map, initrd.
#include <algorithm>
#include <cstring>
#include <optional>

#include <fmt/format.h>

#include "vmm/base/result.h"
#include "vmm/loader.h"

namespace ringfold {

namespace {

// Where the boot data goes in low memory. It is the kernel's from its first instruction on.
constexpr uint32_t kGdt = 0x6000, kBootParams = 0x7000, kCommandLine = 0x20000;
constexpr uint32_t kLoadAddress = 0x100000, kLowMemoryEnd = 0x9fc00;
constexpr uint16_t kBootCs = 0x10, kBootDs = 0x18;

// Setup header fields, as offsets in the file and in boot_params alike.
constexpr uint32_t kSetupSects = 0x1f1, kVidMode = 0x1fa, kBootFlag = 0x1fe, kJumpOffset = 0x201, kMagic = 0x202,
                   kVersion = 0x206, kTypeOfLoader = 0x210, kLoadFlags = 0x211, kCode32Start = 0x214,
                   kRamdiskImage = 0x218, kRamdiskSize = 0x21c, kCmdLinePtr = 0x228, kInitrdAddrMax = 0x22c,
                   kCmdlineSize = 0x238, kPrefAddress = 0x258, kInitSize = 0x260;
// boot_params fields outside the header.
constexpr uint32_t kExtMemK = 0x002, kAltMemK = 0x1e0, kE820Entries = 0x1e8, kE820Table = 0x2d0;
constexpr uint32_t kHdrS = 0x53726448;
constexpr uint8_t kLoadedHigh = 1, kUnknownLoader = 0xff;
constexpr uint32_t kE820Ram = 1, kE820Reserved = 2;

template <class T>
void store(Ram& ram, uint32_t address, T value) {
    memcpy(ram.host(GuestPhys(address)), &value, sizeof value);
}
void store_bytes(Ram& ram, uint64_t address, std::span<const uint8_t> bytes) {
    memcpy(ram.host(GuestPhys(address)), bytes.data(), bytes.size());
}

class LinuxLoader final : public Loader {
public:
    LinuxLoader(Image kernel, const KernelFiles& files, uint64_t ram_bytes);
    void place(Ram&, CpuState&) const override;

private:
    void check_header();
    void check_memory() const;
    void place_initrd();
    void write_boot_params(Ram&) const;
    void write_e820(Ram&) const;

    Image kernel_;
    std::optional<Image> initrd_;
    std::string command_line_;
    uint64_t ram_bytes_;
    uint32_t payload_ = 0;     // file offset of the protected-mode part
    uint32_t header_end_ = 0;  // file offset behind the setup header
    uint64_t needed_end_ = 0;  // the kernel unpacks itself below this address
    uint64_t initrd_max_ = 0x37ffffff;
    uint64_t initrd_address_ = 0;
};

LinuxLoader::LinuxLoader(Image kernel, const KernelFiles& files, uint64_t ram_bytes)
    : kernel_(std::move(kernel)), command_line_(files.append), ram_bytes_(ram_bytes) {
    check_header();
    check_memory();
    if (files.initrd.empty()) return;
    initrd_ = Image::read("-initrd", files.initrd, ram_bytes);
    place_initrd();
}

void LinuxLoader::check_header() {
    const uint16_t version = kernel_.u16(kVersion);
    if (version < 0x202 || !(kernel_.u8(kLoadFlags) & kLoadedHigh))
        kernel_.fail(
            fmt::format("boot protocol {}.{:02} without a high-loaded kernel; give a bzImage of Linux 2.4 or later",
                        version >> 8, version & 0xff));
    const uint8_t sectors = kernel_.u8(kSetupSects);
    payload_ = ((sectors ? sectors : 4u) + 1) * 512;
    header_end_ = kMagic + kernel_.u8(kJumpOffset);
    // The header may not run into the fields that lie behind it in boot_params.
    if (header_end_ < kCmdLinePtr + 4 || header_end_ > 0x290)
        kernel_.fail("its setup header has an impossible length; fetch or build it again");
    kernel_.slice(0, header_end_);
    if (!kernel_.holds(payload_, 1))
        kernel_.fail("truncated: it ends before its protected-mode part; fetch or build it again");

    const uint64_t payload_end = kLoadAddress + kernel_.size() - payload_;
    needed_end_ = payload_end;
    if (version >= 0x20a && header_end_ >= kInitSize + 4) {
        const uint64_t start = std::max<uint64_t>(kernel_.u64(kPrefAddress), kLoadAddress);
        const uint64_t size = kernel_.u32(kInitSize);
        needed_end_ = std::max(payload_end, start + size < start ? ~uint64_t{0} : start + size);
    }
    if (version >= 0x203 && header_end_ >= kInitrdAddrMax + 4) initrd_max_ = kernel_.u32(kInitrdAddrMax);
    const uint32_t limit = version >= 0x206 && header_end_ >= kCmdlineSize + 4 ? kernel_.u32(kCmdlineSize) : 255;
    // The room between the command line and the end of low memory bounds it too.
    if (command_line_.size() > std::min<uint64_t>(limit, kLowMemoryEnd - kCommandLine - 1))
        throw HostError(fmt::format("-append: {} characters, but this kernel takes at most {}; shorten it",
                                    command_line_.size(), limit));
}

void LinuxLoader::check_memory() const {
    if (needed_end_ > ram_bytes_)
        kernel_.fail(fmt::format("needs {} MiB of guest memory to unpack and there are {}; give more with -m",
                                 (needed_end_ + (1 << 20) - 1) >> 20, ram_bytes_ >> 20));
}

// As high as allowed, as the protocol advises: clear of whatever the kernel does below.
void LinuxLoader::place_initrd() {
    const uint64_t top = std::min(ram_bytes_, initrd_max_ + 1);
    if (initrd_->size() > top || ((top - initrd_->size()) & ~uint64_t{0xfff}) < needed_end_)
        initrd_->fail(
            fmt::format("its {} KiB do not fit between the kernel's end at {} MiB and {} MiB; give more memory with -m",
                        initrd_->size() >> 10, needed_end_ >> 20, top >> 20));
    initrd_address_ = (top - initrd_->size()) & ~uint64_t{0xfff};
}

void LinuxLoader::place(Ram& ram, CpuState& cpu) const {
    store_bytes(ram, kLoadAddress, kernel_.slice(payload_, kernel_.size() - payload_));
    if (initrd_) store_bytes(ram, initrd_address_, initrd_->slice(0, initrd_->size()));
    store_bytes(ram, kCommandLine, {reinterpret_cast<const uint8_t*>(command_line_.c_str()), command_line_.size() + 1});
    write_boot_params(ram);
    // The BIOS data area: where the first serial port is, and that low memory ends at 639 KiB.
    store<uint16_t>(ram, 0x400, 0x3f8);
    store<uint16_t>(ram, 0x40e, kLowMemoryEnd >> 4);
    store<uint16_t>(ram, 0x413, kLowMemoryEnd >> 10);

    enter_flat_protected_mode(ram, cpu, kGdt, kBootCs, kBootDs);
    cpu.gpr[ESI] = kBootParams;
    cpu.eip = kLoadAddress;
}

void LinuxLoader::write_boot_params(Ram& ram) const {
    store_bytes(ram, kBootParams + kSetupSects, kernel_.slice(kSetupSects, header_end_ - kSetupSects));
    store<uint8_t>(ram, kBootParams + kTypeOfLoader, kUnknownLoader);
    store<uint16_t>(ram, kBootParams + kVidMode, 0xffff);
    store<uint32_t>(ram, kBootParams + kCode32Start, kLoadAddress);
    store<uint32_t>(ram, kBootParams + kCmdLinePtr, kCommandLine);
    store<uint32_t>(ram, kBootParams + kRamdiskImage, static_cast<uint32_t>(initrd_address_));
    store<uint32_t>(ram, kBootParams + kRamdiskSize, initrd_ ? static_cast<uint32_t>(initrd_->size()) : 0);
    const auto above_1m = static_cast<uint32_t>((ram_bytes_ >> 10) - 1024);
    store<uint16_t>(ram, kBootParams + kExtMemK, static_cast<uint16_t>(std::min(above_1m, 0xffffu)));
    store<uint32_t>(ram, kBootParams + kAltMemK, above_1m);
    write_e820(ram);
}

void LinuxLoader::write_e820(Ram& ram) const {
    const struct {
        uint64_t start, end;
        uint32_t type;
    } map[] = {
        {0, kLowMemoryEnd, kE820Ram},
        {kLowMemoryEnd, 0x100000, kE820Reserved},
        {0x100000, ram_bytes_, kE820Ram},
    };
    uint32_t at = kBootParams + kE820Table;
    for (const auto& range : map) {
        store<uint64_t>(ram, at, range.start);
        store<uint64_t>(ram, at + 8, range.end - range.start);
        store<uint32_t>(ram, at + 16, range.type);
        at += 20;
    }
    store<uint8_t>(ram, kBootParams + kE820Entries, std::size(map));
}

}  // namespace

std::unique_ptr<Loader> make_linux_loader(Image kernel, const KernelFiles& files, uint64_t ram_bytes) {
    const bool recognised =
        kernel.holds(0, kMagic + 4) && kernel.u16(kBootFlag) == 0xaa55 && kernel.u32(kMagic) == kHdrS;
    if (!recognised) return nullptr;
    return std::make_unique<LinuxLoader>(std::move(kernel), files, ram_bytes);
}

}  // namespace ringfold
