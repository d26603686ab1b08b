// -smbios and -uuid: what the machine's description says instead of its defaults.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ringfold {

using Uuid = std::array<uint8_t, 16>;  // in the order in which it is written

struct SmbiosOptions {
    std::map<unsigned, std::map<std::string, std::string>> fields;  // by type of structure, then by QEMU's name
    std::vector<std::string> oem_strings;                          // type=11,value=...
    std::optional<Uuid> uuid;

    // Empty if it is not given.
    std::string field(unsigned type, const std::string& name) const;
    bool has(unsigned type) const { return fields.contains(type); }
    bool empty() const { return fields.empty() && oem_strings.empty() && !uuid; }
};

// Each throws HostError with a remedy.
void parse_smbios(std::string_view argument, SmbiosOptions&);
Uuid parse_uuid(std::string_view option, std::string_view text);
std::string to_string(const Uuid&);

}  // namespace ringfold
