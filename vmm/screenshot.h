// Writes what a screen shows to a file.
#pragma once

#include <cstdint>
#include <string>

#include "devices/vga.h"

namespace ringfold {

// By the name's end: .png is a PNG, .txt the text of a text screen in UTF-8 (empty for graphics), anything else a PPM
// (P6). Throws HostError naming `what`, the option or command that asked.
void write_screen(const Vga&, const std::string& path, const std::string& what);

enum class ScreenFormat : uint8_t { Ppm, Png };
void write_screen(const Vga&, const std::string& path, const std::string& what, ScreenFormat format);

}  // namespace ringfold
