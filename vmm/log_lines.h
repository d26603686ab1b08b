// Text that comes a byte at a time, put into the -d log by lines.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "devices/byte_stream.h"
#include "vmm/base/log.h"

namespace ringfold {

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
