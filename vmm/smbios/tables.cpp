// Builds the SMBIOS structures. Numbers in comments are the specification's sections.
#include "vmm/smbios/tables.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "translator/interpreter/cpuid.h"

namespace ringfold {

namespace {

constexpr const char* kMaker = "Ringfold";
constexpr const char* kProduct = "Standard PC (i440FX + PIIX, 1996)";
constexpr const char* kVersion = "pc-i440fx";
// In the entry point (5.2.1).
constexpr size_t kSum = 4, kMiddle = 0x10, kMiddleSum = 0x15, kAddress = 0x18;

// One structure: its fields, then the strings that these name by number (6.1).
class Structure {
public:
    Structure(uint8_t type, uint16_t handle) {
        bytes_ = {type, 0};
        u16(handle);
    }
    Structure& u8(unsigned value) { return put(value, 1); }
    Structure& u16(unsigned value) { return put(value, 2); }
    Structure& u32(uint32_t value) { return put(value, 4); }
    Structure& u64(uint64_t value) { return put(value, 8); }
    Structure& raw(const FwCfg::Bytes& value) {
        bytes_.insert(bytes_.end(), value.begin(), value.end());
        return *this;
    }
    // Nothing is string 0.
    Structure& text(const std::string& value) { return u8(value.empty() ? 0 : string(value)); }
    // Without a field; its number.
    unsigned string(const std::string& value) {
        strings_.insert(strings_.end(), value.begin(), value.end());
        strings_.push_back(0);
        return ++count_;
    }
    FwCfg::Bytes finish() {
        bytes_[1] = static_cast<uint8_t>(bytes_.size());
        if (count_ == 0) strings_.push_back(0);
        strings_.push_back(0);
        raw(strings_);
        return bytes_;
    }

private:
    Structure& put(uint64_t value, unsigned size) { return raw(FwCfg::little_endian(value, size)); }

    FwCfg::Bytes bytes_, strings_;
    unsigned count_ = 0;
};

class Description {
public:
    Description(const SmbiosOptions& options, uint64_t ram_bytes) : o_(options), ram_bytes_(ram_bytes) {
        if (o_.has(0)) bios();
        system();
        if (o_.has(2)) board();
        chassis();
        processor();
        if (!o_.oem_strings.empty()) oem_strings();
        memory();
        add(Structure(32, 0x2000).u32(0).u16(0).u8(0));  // 7.33: booted without an error
        add(Structure(127, 0x7f00));
    }

    SmbiosTables tables() const {
        FwCfg::Bytes anchor = {'_', 'S', 'M', '_', 0, 0x1f, 2, 8};  // version 2.8
        const auto put = [&anchor](uint64_t value, unsigned size) {
            const auto bytes = FwCfg::little_endian(value, size);
            anchor.insert(anchor.end(), bytes.begin(), bytes.end());
        };
        put(largest_, 2);
        anchor.resize(kMiddle);
        for (const char c : {'_', 'D', 'M', 'I', '_', '\0'}) anchor.push_back(static_cast<uint8_t>(c));
        put(tables_.size(), 2);
        put(0, 4);
        put(count_, 2);
        put(0x28, 1);
        SmbiosTables result{std::move(anchor), tables_};
        link_smbios(result, 0);
        return result;
    }

private:
    std::string said(unsigned type, const char* name, const std::string& otherwise = "") const {
        const std::string value = o_.field(type, name);
        return value.empty() ? otherwise : value;
    }

    void add(Structure structure) {
        const FwCfg::Bytes bytes = structure.finish();
        largest_ = std::max(largest_, bytes.size());
        tables_.insert(tables_.end(), bytes.begin(), bytes.end());
        ++count_;
    }

    void bios() {  // 7.1
        constexpr uint64_t kNoCharacteristics = 8;
        constexpr unsigned kVirtualMachine = 0x10, kTargetedContent = 4;
        unsigned major = 0, minor = 0;
        sscanf(o_.field(0, "release").c_str(), "%u.%u", &major, &minor);
        add(Structure(0, 0).text(said(0, "vendor", "SeaBIOS")).text(said(0, "version")).u16(0xe800).text(said(0, "date", "04/01/2014"))
                .u8(0).u64(kNoCharacteristics).u8(0).u8(kVirtualMachine | kTargetedContent).u8(major).u8(minor).u16(0xffff));
    }

    void system() {  // 7.2
        constexpr unsigned kByPowerSwitch = 6;
        Structure s(1, 0x100);
        s.text(said(1, "manufacturer", kMaker)).text(said(1, "product", kProduct)).text(said(1, "version", kVersion)).text(said(1, "serial"));
        s.raw(uuid()).u8(kByPowerSwitch).text(said(1, "sku")).text(said(1, "family"));
        add(s);
    }

    // Its first three fields are little-endian numbers (7.2.1).
    FwCfg::Bytes uuid() const {
        const Uuid u = o_.uuid.value_or(Uuid{});
        FwCfg::Bytes bytes(u.begin(), u.end());
        std::reverse(bytes.begin(), bytes.begin() + 4);
        std::reverse(bytes.begin() + 4, bytes.begin() + 6);
        std::reverse(bytes.begin() + 6, bytes.begin() + 8);
        return bytes;
    }

    void board() {  // 7.3
        constexpr unsigned kHostingBoard = 1, kMotherboard = 0x0a;
        add(Structure(2, 0x200).text(said(2, "manufacturer", kMaker)).text(said(2, "product", kProduct)).text(said(2, "version", kVersion))
                .text(said(2, "serial")).text(said(2, "asset")).u8(kHostingBoard).text(said(2, "location")).u16(0x300).u8(kMotherboard).u8(0));
    }

    void chassis() {  // 7.4
        constexpr unsigned kOther = 1, kSafe = 3, kUnknown = 2;
        add(Structure(3, 0x300).text(said(3, "manufacturer", kMaker)).u8(kOther).text(said(3, "version", kVersion)).text(said(3, "serial"))
                .text(said(3, "asset")).u8(kSafe).u8(kSafe).u8(kSafe).u8(kUnknown).u32(0).u8(0).u8(0).u8(0).u8(0).text(said(3, "sku")));
    }

    void processor() {  // 7.5
        constexpr unsigned kCentral = 3, kOther = 1, kUnknown = 2, kEnabled = 0x41, kNoCache = 0xffff;
        add(Structure(4, 0x400).text(said(4, "sock_pfx", "CPU") + " 0").u8(kCentral).u8(kOther).text(said(4, "manufacturer", kMaker))
                .u32(interpreter::kCpuSignature).u32(interpreter::kCpuFeatures).text(said(4, "version", kVersion)).u8(0).u16(0).u16(0).u16(0)
                .u8(kEnabled).u8(kOther).u16(kNoCache).u16(kNoCache).u16(kNoCache).text(said(4, "serial")).text(said(4, "asset"))
                .text(said(4, "part")).u8(1).u8(1).u8(1).u16(kUnknown).u16(kOther));
    }

    void oem_strings() {  // 7.12
        Structure s(11, 0xe00);
        s.u8(static_cast<unsigned>(o_.oem_strings.size()));
        for (const std::string& text : o_.oem_strings) s.string(text.empty() ? " " : text);
        add(s);
    }

    void memory() {  // 7.17, 7.18, 7.20
        constexpr unsigned kOther = 1, kSystem = 3, kMultiBitEcc = 6, kDimm = 9, kRam = 7, kNoErrors = 0xfffe, kUnknown = 0xffff;
        const auto kib = static_cast<uint32_t>(ram_bytes_ >> 10);
        add(Structure(16, 0x1000).u8(kOther).u8(kSystem).u8(kMultiBitEcc).u32(kib).u16(kNoErrors).u16(1).u64(0));
        // In MiB, or with the top bit in KiB.
        const unsigned size = kib % 1024 ? 0x8000 | std::min(kib, 0x7fffu) : kib / 1024;
        add(Structure(17, 0x1100).u16(0x1000).u16(kNoErrors).u16(kUnknown).u16(kUnknown).u16(size).u8(kDimm).u8(0)
                .text(said(17, "loc_pfx", "DIMM") + " 0").text(said(17, "bank")).u8(kRam).u16(kOther << 1).u16(0)
                .text(said(17, "manufacturer", kMaker)).text(said(17, "serial")).text(said(17, "asset")).text(said(17, "part"))
                .u8(0).u32(0).u16(0).u16(0).u16(0).u16(0));
        add(Structure(19, 0x1300).u32(0).u32(kib - 1).u16(0x1000).u8(1).u64(0).u64(0));
    }

    const SmbiosOptions& o_;
    uint64_t ram_bytes_;
    FwCfg::Bytes tables_;
    size_t largest_ = 0;
    unsigned count_ = 0;
};

// Makes the bytes from `first` on add up to 0.
void set_sum(FwCfg::Bytes& bytes, size_t first, size_t at) {
    bytes[at] = 0;
    bytes[at] = static_cast<uint8_t>(-std::accumulate(bytes.begin() + static_cast<ptrdiff_t>(first), bytes.end(), 0));
}

}  // namespace

SmbiosTables make_smbios_tables(const SmbiosOptions& options, uint64_t ram_bytes) {
    return Description(options, ram_bytes).tables();
}

void link_smbios(SmbiosTables& t, uint32_t tables_at) {
    const auto address = FwCfg::little_endian(tables_at, 4);
    std::ranges::copy(address, t.anchor.begin() + kAddress);
    set_sum(t.anchor, kMiddle, kMiddleSum);
    set_sum(t.anchor, 0, kSum);
}

}  // namespace ringfold
