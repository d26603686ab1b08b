// Where a machine's character devices write: standard output, a file, or nowhere.
#pragma once

#include <cstdint>
#include <span>

#include "devices/byte_stream.h"
#include "vmm/host/fd.h"
#include "vmm/options.h"

namespace ringfold {

class Output final : public ByteSink {
public:
    Output() = default;  // nowhere
    // Opens the file, if it is one; throws HostError naming `option`.
    Output(const char* option, const CharBackend&);
    // Takes all, waiting if it must: a guest that writes faster than its terminal can show has to wait anyway.
    size_t write(std::span<const uint8_t> bytes) override;

private:
    host::Fd file_;
    int fd_ = -1;
};

}  // namespace ringfold
