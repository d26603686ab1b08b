// The QEMU whose monitor ours speaks like: what scripts decide by.
#pragma once

#include <string>

#include "vmm/options.h"

namespace ringfold {

inline constexpr int kQemuMajor = 7, kQemuMinor = 2, kQemuMicro = 0;

// "ringfold-0.1.0"
inline std::string package_version() {
    std::string text = version_text();
    text.pop_back();
    text[text.find(' ')] = '-';
    return text;
}

}  // namespace ringfold
