// Where a machine's character devices write: standard output, a file, or nowhere.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "devices/byte_stream.h"
#include "vmm/base/log.h"
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

// Text that comes a byte at a time, put into the -d log by lines.
class LogLines final : public ByteSink {
public:
    LogLines(log::Category category, const char* prefix) : category_(category), prefix_(prefix) {}
    size_t write(std::span<const uint8_t> bytes) override;

private:
    log::Category category_;
    const char* prefix_;
    std::string line_;
};

}  // namespace ringfold
