// The magic numbers of image formats.
#include "vmm/block/probe.h"

#include <cstring>

namespace ringfold::block {

namespace {

struct Magic {
    size_t offset;
    std::string_view bytes, name;
};

using namespace std::string_view_literals;

constexpr std::string_view kQcow = "QFI\xfb"sv;
constexpr Magic kUnsupported[] = {
    {0, "KDMV"sv, "VMDK"},
    {0, "COWD"sv, "VMDK"},
    {0, "# Disk DescriptorFile"sv, "VMDK"},
    {0, "vhdxfile"sv, "VHDX"},
    {0, "conectix"sv, "VHD"},
    {64, "\x7f\x10\xda\xbe"sv, "VDI"},
    {0, "QED\0"sv, "QED"},
    {0, "QFI\xfb\0\0\0\1"sv, "qcow version 1"},
};

bool holds(std::span<const uint8_t> start, size_t offset, std::string_view bytes) {
    return start.size() >= offset + bytes.size() && memcmp(&start[offset], bytes.data(), bytes.size()) == 0;
}

}  // namespace

std::string_view unsupported_name(std::span<const uint8_t> start) {
    for (const Magic& magic : kUnsupported)
        if (holds(start, magic.offset, magic.bytes)) return magic.name;
    return {};
}

Format probe(std::span<const uint8_t> start) {
    if (!unsupported_name(start).empty()) return Format::Unsupported;
    return holds(start, 0, kQcow) ? Format::Qcow2 : Format::Raw;
}

}  // namespace ringfold::block
