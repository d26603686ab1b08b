// Finds firmware, and puts it where a CPU starts.
#include "vmm/firmware.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "vmm/base/result.h"

namespace ringfold {

namespace {

constexpr uint64_t kMostBytes = 16 << 20, kShadowBytes = 128 << 10, kGranule = 64 << 10, kOneMib = 1 << 20;
constexpr const char* kUsualPlaces[] = {"/usr/share/seabios/bios-256k.bin", "/usr/share/qemu/bios-256k.bin",
                                        "/usr/share/seabios/bios.bin", "/usr/share/qemu/bios.bin"};

constexpr const char* kVgaPlaces[] = {"/usr/share/seabios/vgabios-stdvga.bin", "/usr/share/qemu/vgabios-stdvga.bin"};
constexpr uint64_t kMostVgaBytes = 256 << 10;

std::string find(std::span<const char* const> places, const char* remedy) {
    for (const char* place : places)
        if (access(place, R_OK) == 0) return place;
    throw HostError(remedy);
}

std::string find_bios(const std::string& path, std::vector<std::string> folders) {
    if (!path.empty()) {
        folders.insert(folders.end(), {"/usr/share/seabios", "/usr/share/qemu"});
        if (path.find('/') == std::string::npos && access(path.c_str(), F_OK) != 0)
            for (const std::string& folder : folders)
                if (const std::string there = fmt::format("{}/{}", folder, path); access(there.c_str(), R_OK) == 0) return there;
        return path;
    }
    for (const std::string& folder : folders)
        if (const std::string there = folder + "/bios-256k.bin"; access(there.c_str(), R_OK) == 0) return there;
    return find(kUsualPlaces,
                "no firmware: install Debian's package seabios, name one with -bios FILE, or give a kernel with "
                "-kernel FILE");
}

}  // namespace

Firmware::Firmware(const std::string& path, const std::vector<std::string>& folders)
    : rom_(Image::read("-bios", find_bios(path, folders), kMostBytes, "give a BIOS image")) {
    if (rom_.size() % kGranule)
        rom_.fail(fmt::format("{} bytes: a PC's firmware is a multiple of 64 KiB; give a BIOS image", rom_.size()));
}

void Firmware::place(Ram& ram, CpuState& cpu) const {
    const uint64_t length = std::min(rom_.size(), kShadowBytes);
    const auto end = rom_.slice(rom_.size() - length, length);
    memcpy(ram.host(GuestPhys(kOneMib - length)), end.data(), end.size());
    cpu.reset();
}

std::vector<uint8_t> find_vga_bios() {
    const Image file = Image::read(
        "-vga std",
        find(kVgaPlaces, "-vga std: no BIOS for the card: install Debian's package seabios, or write -vga none"),
        kMostVgaBytes);
    const auto bytes = file.slice(0, file.size());
    return {bytes.begin(), bytes.end()};
}

}  // namespace ringfold
