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
constexpr Magic kForeign[] = {
    {0, "KDMV"sv, "vmdk"},
    {0, "COWD"sv, "vmdk"},
    {0, "# Disk DescriptorFile"sv, "vmdk"},
    {0, "vhdxfile"sv, "vhdx"},
    {0, "conectix"sv, "vpc"},
    {64, "\x7f\x10\xda\xbe"sv, "vdi"},
    {0, "QED\0"sv, "qed"},
    {0, "QFI\xfb\0\0\0\1"sv, "qcow"},
};

bool holds(std::span<const uint8_t> start, size_t offset, std::string_view bytes) {
    return start.size() >= offset + bytes.size() && memcmp(&start[offset], bytes.data(), bytes.size()) == 0;
}

}  // namespace

std::string_view foreign_name(std::span<const uint8_t> start) {
    for (const Magic& magic : kForeign)
        if (holds(start, magic.offset, magic.bytes)) return magic.name;
    return {};
}

Format probe(std::span<const uint8_t> start) {
    if (!foreign_name(start).empty()) return Format::Foreign;
    return holds(start, 0, kQcow) ? Format::Qcow2 : Format::Raw;
}

}  // namespace ringfold::block
