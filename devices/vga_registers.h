// Numbers and bits of the VGA's registers, for its source files (IBM PS/2 Video Subsystem; Bochs VBE interface).
#pragma once

#include <cstdint>

namespace ringfold::vga {

// Miscellaneous output.
inline constexpr uint8_t kColourPorts = 1;

// CRT controller.
inline constexpr unsigned kHorizontalEnd = 0x01, kOverflow = 0x07, kPresetRow = 0x08, kMaxScanLine = 0x09,
                          kCursorStart = 0x0a, kCursorEnd = 0x0b, kStartHigh = 0x0c, kStartLow = 0x0d,
                          kCursorHigh = 0x0e, kCursorLow = 0x0f, kRetraceEnd = 0x11, kVerticalEnd = 0x12,
                          kOffset = 0x13, kUnderline = 0x14, kCrtcMode = 0x17, kLineCompare = 0x18;
// Sequencer.
inline constexpr unsigned kClocking = 1, kMapMask = 2, kFontSelect = 3, kMemoryMode = 4;
inline constexpr uint8_t kEightDots = 1, kHalfDotClock = 8, kScreenOff = 0x20;
inline constexpr uint8_t kSequential = 4, kChain4 = 8;
// Graphics controller.
inline constexpr unsigned kSetReset = 0, kEnableSetReset = 1, kColourCompare = 2, kRotate = 3, kReadMap = 4,
                          kGraphicsMode = 5, kMiscellaneous = 6, kColourDontCare = 7, kBitMask = 8;
inline constexpr uint8_t kReadCompare = 8, kOddEven = 0x10, kShiftInterleave = 0x20, kShift256 = 0x40;
inline constexpr uint8_t kGraphics = 1;
// Attribute controller.
inline constexpr unsigned kAttributeMode = 0x10, kOverscan = 0x11, kPlaneEnable = 0x12, kPanning = 0x13,
                          kColourSelect = 0x14;
inline constexpr uint8_t kLineGraphics = 4, kBlink = 8, kPixelWidth8 = 0x40, kPaletteSelect = 0x80,
                         kPaletteLocked = 0x20;

// Bochs VBE registers.
enum Vbe : uint16_t {
    kVbeId,
    kXres,
    kYres,
    kBpp,
    kVbeEnable,
    kBank,
    kVirtualWidth,
    kVirtualHeight,
    kXOffset,
    kYOffset,
    kVideoMemory64K
};
inline constexpr uint16_t kMostColumns = 16000, kMostRows = 12000, kMostBits = 32;
inline constexpr uint32_t kBankBytes = 0x10000;
inline constexpr uint16_t kVbeOn = 1, kGetCapabilities = 2, kDac8Bit = 0x20, kLinear = 0x40, kKeepMemory = 0x80;

}  // namespace ringfold::vga
