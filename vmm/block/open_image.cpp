// Opens images and the chains of backing files behind them.
#include "vmm/block/open_image.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/ranges.h>

#include "vmm/base/result.h"
#include "vmm/block/image_lock.h"
#include "vmm/block/nbd_image.h"
#include "vmm/block/probe.h"
#include "vmm/block/qcow2_image.h"
#include "vmm/block/raw_image.h"

namespace ringfold::block {

namespace {

constexpr size_t kMaxChain = 64;

using Chain = std::vector<std::pair<uint64_t, uint64_t>>;  // the files on the way here

std::unique_ptr<BlockBackend> open_one(ImageFile file, const std::string& format, const std::string& path,
                                       Chain& chain);

// Relative to the folder of the image that names it.
std::string resolve(const std::string& name, const std::string& image) {
    const auto slash = image.rfind('/');
    if (name.starts_with('/') || slash == std::string::npos) return name;
    return image.substr(0, slash + 1) + name;
}

std::unique_ptr<BlockBackend> open_backing(const ImageFile& file, const Qcow2Header& header, const std::string& path,
                                           Chain& chain) {
    std::string name = header.backing_file;
    if (name.empty()) return nullptr;
    if (name.starts_with("file:")) name.erase(0, 5);
    // "nbd://...", "json:{...}": a protocol, unless a slash comes before the colon.
    if (const auto colon = name.find(':'); colon != std::string::npos && name.find('/') > colon)
        throw HostError(fmt::format("{}: its backing file {} is not a plain file; qemu-img rebase can change it",
                                    file.name(), name));
    if (chain.size() >= kMaxChain)
        throw HostError(fmt::format("{}: more than {} backing files", file.name(), kMaxChain));
    const std::string where = resolve(name, path);
    return open_one(ImageFile(where, false, fmt::format("{}: backing file {}", file.name(), where)),
                    header.backing_format, where, chain);
}

// The format's name.
std::string choose(const ImageFile& file, const std::string& wanted) {
    const auto foreign = foreign_formats();
    if (wanted.empty()) {
        std::vector<uint8_t> start(kProbeBytes);
        file.read(0, start);
        const Format found = probe(start);
        return found == Format::Foreign ? std::string(foreign_name(start)) : found == Format::Raw ? "raw" : "qcow2";
    }
    if (wanted != "raw" && wanted != "qcow2" && std::ranges::find(foreign, wanted) == foreign.end())
        throw HostError(fmt::format("{}: format {} is not known; known are raw, qcow2 and, by qemu-nbd, {}", file.name(), wanted,
                                    fmt::join(foreign, ", ")));
    return wanted;
}

std::unique_ptr<BlockBackend> open_one(ImageFile file, const std::string& format, const std::string& path,
                                       Chain& chain) {
    if (std::ranges::find(chain, file.identity()) != chain.end())
        throw HostError(fmt::format("{}: the chain of backing files comes back to itself", file.name()));
    chain.push_back(file.identity());
    const std::string chosen = choose(file, format);
    if (chosen != "raw" && chosen != "qcow2")
        return std::make_unique<NbdImage>(path, chosen, !file.writable(), file.name());
    lock_image(file, file.writable());
    if (chosen == "raw") {
        auto image = std::make_unique<RawImage>(std::move(file), format.empty());
        return image;
    }
    const Qcow2Header header = read_qcow2_header(file, file.writable());
    auto backing = open_backing(file, header, path, chain);
    return std::make_unique<Qcow2Image>(std::move(file), header, std::move(backing));
}

// Takes the writes for an image that stays as it is.
std::unique_ptr<BlockBackend> temporary_overlay(const std::string& name, std::unique_ptr<BlockBackend> image) {
    ImageFile file = ImageFile::temporary(name);
    write_empty_qcow2(file, image->size());
    const Qcow2Header header = read_qcow2_header(file, true);
    return std::make_unique<Qcow2Image>(std::move(file), header, std::move(image));
}

}  // namespace

std::unique_ptr<BlockBackend> open_image(const OpenRequest& request) {
    Chain chain;
    try {
        ImageFile file(request.path, !request.read_only && !request.snapshot, request.option);
        auto image = open_one(std::move(file), request.format, request.path, chain);
        if (image->size() == 0)
            throw HostError(
                fmt::format("{}: the image is empty; qemu-img create makes one with a size", request.option));
        return request.snapshot ? temporary_overlay(request.option, std::move(image)) : std::move(image);
    } catch (const IoFailure& e) {
        throw HostError(fmt::format("{}: {}", request.option, e.what()));
    }
}

}  // namespace ringfold::block
