// Screenshots: PPM and text by hand, PNG through libpng's simplified interface.
#include "vmm/screenshot.h"

#include <png.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include <fmt/format.h>

#include "vmm/base/result.h"

namespace ringfold {

namespace {

void write_whole(const std::string& path, const std::string& what, const std::string& bytes) {
    const std::unique_ptr<FILE, int (*)(FILE*)> file(fopen(path.c_str(), "wb"), fclose);
    if (!file || fwrite(bytes.data(), 1, bytes.size(), file.get()) != bytes.size() || fflush(file.get()) != 0)
        throw HostError(fmt::format("{} {}: cannot write it: {}", what, path, strerror(errno)));
}

std::string ppm(const Picture& picture) {
    std::string bytes = fmt::format("P6\n{} {}\n255\n", picture.width, picture.height);
    bytes.append(reinterpret_cast<const char*>(picture.rgb.data()), picture.rgb.size());
    return bytes;
}

std::string png(const Picture& picture, const std::string& path, const std::string& what) {
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.width = picture.width;
    image.height = picture.height;
    image.format = PNG_FORMAT_RGB;
    png_alloc_size_t size = 0;
    std::string bytes;
    const auto encode = [&](void* to) {
        return png_image_write_to_memory(&image, to, &size, 0, picture.rgb.data(), 0, nullptr);
    };
    if (encode(nullptr)) {
        bytes.resize(size);
        if (encode(bytes.data())) return bytes;
    }
    throw HostError(fmt::format("{} {}: cannot encode it: {}", what, path, image.message));
}

}  // namespace

ScreenFormat screen_format(const std::string& path) {
    if (path.ends_with(".png")) return ScreenFormat::Png;
    return path.ends_with(".txt") ? ScreenFormat::Text : ScreenFormat::Ppm;
}

void write_screen(const Vga& vga, const std::string& path, const std::string& what, ScreenFormat format) {
    switch (format) {
        case ScreenFormat::Text: return write_whole(path, what, vga.text_screen().text());
        case ScreenFormat::Png: return write_whole(path, what, png(vga.picture(), path, what));
        case ScreenFormat::Ppm: return write_whole(path, what, ppm(vga.picture()));
    }
}

}  // namespace ringfold
