// Writes what a screen shows to a file.
#pragma once

#include <cstdint>
#include <string>

#include "devices/vga.h"

namespace ringfold {

// Text: that of a text screen in UTF-8, empty for graphics. Ppm: P6.
enum class ScreenFormat : uint8_t { Ppm, Png, Text };

// By the name's end: .png, .txt, anything else is a PPM.
ScreenFormat screen_format(const std::string& path);

// Throws HostError naming `what`, the option or command that asked.
void write_screen(const Vga&, const std::string& path, const std::string& what, ScreenFormat format);

}  // namespace ringfold
