// What scripts written for QEMU ask for and is not here: why, and what to write instead.
#pragma once

#include <string_view>

namespace ringfold {

// Of an option without its dashes; empty if nothing is known about it.
std::string_view why_no_option(std::string_view name);
// Of a -device; empty if nothing is known about it.
std::string_view why_no_device(std::string_view name);

inline constexpr std::string_view kNoKvm = "the guest is translated, without hardware virtualization; leave it out";

}  // namespace ringfold
