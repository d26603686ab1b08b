// The ACPI tables of the machine.
#include "vmm/acpi/tables.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <string_view>

#include <dsdt.hex>  // made by iasl from dsdt.asl: dsdt_aml_code

#include "devices/hpet.h"
#include "vmm/base/result.h"

namespace ringfold {

namespace {

using Bytes = FwCfg::Bytes;

constexpr const char* kTablesFile = "etc/acpi/tables";
constexpr const char* kRsdpFile = "etc/acpi/rsdp";
constexpr size_t kFileNameBytes = 56, kCommandBytes = 128;
constexpr uint32_t kAllocate = 1, kAddPointer = 2, kAddChecksum = 3;
constexpr uint8_t kHighMemory = 1, kBelow1Mib = 2;

constexpr size_t kHeaderBytes = 36, kLength = 4, kChecksum = 9;
constexpr size_t kFacsBytes = 64, kFadtBytes = 244, kRsdpBytes = 20, kFacsAlignment = 64, kRsdpAlignment = 16;

void put(Bytes& to, size_t at, uint64_t value, unsigned size) {
    for (unsigned n = 0; n < size; ++n) to[at + n] = static_cast<uint8_t>(value >> 8 * n);
}
void put(Bytes& to, size_t at, std::string_view text) {
    std::copy(text.begin(), text.end(), to.begin() + static_cast<long>(at));
}

uint32_t get(const Bytes& from, size_t at) {
    uint32_t value = 0;
    for (unsigned n = 0; n < 4; ++n) value |= uint32_t{from[at + n]} << 8 * n;
    return value;
}

uint8_t checksum(std::span<const uint8_t> bytes) {
    return static_cast<uint8_t>(-std::accumulate(bytes.begin(), bytes.end(), 0));
}

// A table with its header filled in but for the checksum.
Bytes table(std::string_view signature, uint8_t revision, size_t length) {
    Bytes t(length);
    put(t, 0, signature);
    put(t, kLength, length, 4);
    t[8] = revision;
    put(t, 10, "RINGFD");
    put(t, 16, "RINGFOLD");
    put(t, 24, 1, 4);
    put(t, 28, "RGFD");
    put(t, 32, 1, 4);
    return t;
}

Bytes facs() {
    Bytes t(kFacsBytes);
    put(t, 0, "FACS");
    put(t, kLength, t.size(), 4);
    return t;
}

// The compiled DSDT with this machine's number in the place of PMEM's.
Bytes dsdt(uint32_t pci_memory) {
    Bytes t(std::begin(dsdt_aml_code), std::end(dsdt_aml_code));
    constexpr std::array<uint8_t, 6> kName{0x08, 'P', 'M', 'E', 'M', 0x0c};  // Name (PMEM, a dword)
    const auto found = std::search(t.begin(), t.end(), kName.begin(), kName.end());
    if (found == t.end()) throw HostError("the compiled ACPI tables have no PMEM; build Ringfold again");
    put(t, static_cast<size_t>(found - t.begin()) + kName.size(), pci_memory, 4);
    t[kChecksum] = 0;
    t[kChecksum] = checksum(t);
    return t;
}

// A register in I/O space, in ACPI's generic address structure.
void put_port(Bytes& t, size_t at, uint8_t bits, uint32_t port) {
    constexpr uint8_t kSystemIo = 1;
    t[at] = kSystemIo;
    t[at + 1] = bits;
    put(t, at + 4, port, 8);
}

// Fields by their offsets in ACPI 3.0, table 5-9.
Bytes fadt() {
    constexpr uint32_t kWbinvd = 1 << 0, kHaltIsC1 = 1 << 2, kNoSleepButton = 1 << 5, kNoRtcWake = 1 << 6,
                       kResetRegister = 1 << 10;
    constexpr uint16_t kLegacyDevices = 1, kHas8042 = 2;
    Bytes t = table("FACP", 3, kFadtBytes);
    put(t, 46, 9, 2);               // SCI
    put(t, 48, 0xb2, 4);            // SMI command port, and what to write there
    t[52] = 0xf1;                   // ... to enable ACPI
    t[53] = 0xf0;                   // ... to disable it
    put(t, 56, kAcpiPorts, 4);      // PM1a events
    put(t, 64, kAcpiPorts + 4, 4);  // PM1a control
    put(t, 76, kAcpiPorts + 8, 4);  // timer
    t[88] = 4;
    t[89] = 2;
    t[91] = 4;
    put(t, 96, 0xfff, 2);  // C2 and C3 take longer than what makes them worth while: there are none
    put(t, 98, 0xfff, 2);
    t[108] = 0x32;  // the century, in CMOS
    put(t, 109, kLegacyDevices | kHas8042, 2);
    put(t, 112, kWbinvd | kHaltIsC1 | kNoSleepButton | kNoRtcWake | kResetRegister, 4);
    put_port(t, 116, 8, 0xcf9);
    t[128] = 6;
    put_port(t, 148, 32, kAcpiPorts);
    put_port(t, 172, 16, kAcpiPorts + 4);
    put_port(t, 208, 32, kAcpiPorts + 8);
    return t;
}

void put_entry(Bytes& to, std::initializer_list<uint8_t> bytes) {
    to.insert(to.end(), bytes);
}
void put_number(Bytes& to, uint64_t value, unsigned size) {
    to.resize(to.size() + size);
    put(to, to.size() - size, value, size);
}

// The interrupt controllers (ACPI 3.0, 5.2.11), in the order and with the numbers that QEMU's table has.
Bytes madt() {
    constexpr uint32_t kHas8259 = 1;
    constexpr uint8_t kProcessorLocalApic = 0, kIoApic = 1, kSourceOverride = 2, kLocalApicNmi = 4;
    constexpr uint8_t kCpuEnabled = 1, kIsa = 0, kAsTheBus = 0, kLevelActiveHigh = 0x0d, kAllCpus = 0xff, kLint1 = 1;
    Bytes t = table("APIC", 1, kHeaderBytes);
    put_number(t, kLocalApicAddress, 4);
    put_number(t, kHas8259, 4);
    put_entry(t, {kProcessorLocalApic, 8, 0, 0, kCpuEnabled, 0, 0, 0});
    put_entry(t, {kIoApic, 12, kIoApicId, 0});
    put_number(t, kIoApicAddress, 4);
    put_number(t, 0, 4);  // its first global interrupt
    put_entry(t, {kSourceOverride, 10, kIsa, 0, 2, 0, 0, 0, kAsTheBus, 0});
    for (const uint8_t irq : {5, 9, 10, 11})  // what PCI's wires and the SCI can lead to
        put_entry(t, {kSourceOverride, 10, kIsa, irq, irq, 0, 0, 0, kLevelActiveHigh, 0});
    put_entry(t, {kLocalApicNmi, 6, kAllCpus, kAsTheBus, 0, kLint1});
    put(t, kLength, t.size(), 4);
    return t;
}

// IA-PC HPET specification 1.0a, 3.2.4.
Bytes hpet_table() {
    constexpr uint8_t kMemory = 0;
    constexpr uint16_t kLeastTicks = 100;
    Bytes t = table("HPET", 1, kHeaderBytes);
    put_number(t, Hpet::kId, 4);
    put_entry(t, {kMemory, 0, 0, 0});
    put_number(t, Hpet::kBase, 8);
    t.push_back(0);  // its number
    put_number(t, kLeastTicks, 2);
    t.push_back(0);
    put(t, kLength, t.size(), 4);
    return t;
}

// The script: fixed-size commands, one after the other.
class Script {
public:
    void allocate(std::string_view file, uint32_t alignment, uint8_t zone) {
        const size_t at = command(kAllocate);
        put(bytes_, at, file);
        put(bytes_, at + kFileNameBytes, alignment, 4);
        bytes_[at + kFileNameBytes + 4] = zone;
    }
    // The number at `offset` of `in` becomes an address: that of `to` is added.
    void add_pointer(std::string_view in, size_t offset, std::string_view to) {
        const size_t at = command(kAddPointer);
        put(bytes_, at, in);
        put(bytes_, at + kFileNameBytes, to);
        put(bytes_, at + 2 * kFileNameBytes, offset, 4);
        bytes_[at + 2 * kFileNameBytes + 4] = 4;
    }
    void add_checksum(std::string_view file, size_t offset, size_t start, size_t length) {
        const size_t at = command(kAddChecksum);
        put(bytes_, at, file);
        put(bytes_, at + kFileNameBytes, offset, 4);
        put(bytes_, at + kFileNameBytes + 4, start, 4);
        put(bytes_, at + kFileNameBytes + 8, length, 4);
    }
    Bytes take() { return std::move(bytes_); }

private:
    // Begins one, and says where its arguments go.
    size_t command(uint32_t what) {
        const size_t at = bytes_.size();
        bytes_.resize(at + kCommandBytes);
        put(bytes_, at, what, 4);
        return at + 4;
    }
    Bytes bytes_;
};

}  // namespace

uint32_t pci_memory_base(uint64_t ram_bytes) {
    for (const uint32_t base : {0x80000000, 0xc0000000})
        if (ram_bytes <= base) return base;
    return 0xe0000000;
}

AcpiTables make_acpi_tables(uint32_t pci_memory, bool hpet) {
    AcpiTables result;
    Script script;
    Bytes& tables = result.tables;
    const auto append = [&tables](const Bytes& t) {
        const size_t at = tables.size();
        tables.insert(tables.end(), t.begin(), t.end());
        return at;
    };
    const auto point = [&](size_t at, size_t to) {
        put(tables, at, to, 4);
        script.add_pointer(kTablesFile, at, kTablesFile);
    };
    // What RSDT lists.
    std::vector<size_t> listed;
    const auto list = [&](const Bytes& t) {
        listed.push_back(append(t));
        return listed.back();
    };
    const auto check = [&](size_t at) { script.add_checksum(kTablesFile, at + kChecksum, at, get(tables, at + kLength)); };
    script.allocate(kTablesFile, kFacsAlignment, kHighMemory);
    script.allocate(kRsdpFile, kRsdpAlignment, kBelow1Mib);
    const size_t facs_at = append(facs()), dsdt_at = append(dsdt(pci_memory)), fadt_at = list(fadt());
    list(madt());
    if (hpet) list(hpet_table());
    const size_t rsdt_at = append(table("RSDT", 1, kHeaderBytes + 4 * listed.size()));
    point(fadt_at + 36, facs_at);
    point(fadt_at + 40, dsdt_at);
    for (size_t n = 0; n < listed.size(); ++n) {
        point(rsdt_at + kHeaderBytes + 4 * n, listed[n]);
        check(listed[n]);
    }
    check(rsdt_at);

    result.rsdp.resize(kRsdpBytes);
    put(result.rsdp, 0, "RSD PTR ");
    put(result.rsdp, 9, "RINGFD");
    put(result.rsdp, 16, rsdt_at, 4);
    script.add_pointer(kRsdpFile, 16, kTablesFile);
    script.add_checksum(kRsdpFile, 8, 0, kRsdpBytes);
    result.loader = script.take();
    return result;
}

void link_tables(AcpiTables& acpi, uint32_t tables_at, uint32_t rsdp_at) {
    const auto is_rsdp = [&](size_t name_at) {
        return std::string_view(reinterpret_cast<const char*>(&acpi.loader[name_at])) == kRsdpFile;
    };
    for (size_t at = 0; at < acpi.loader.size(); at += kCommandBytes) {
        const size_t arguments = at + 4;
        Bytes& file = is_rsdp(arguments) ? acpi.rsdp : acpi.tables;
        switch (get(acpi.loader, at)) {
            case kAddPointer: {
                const uint32_t offset = get(acpi.loader, arguments + 2 * kFileNameBytes);
                const uint32_t base = is_rsdp(arguments + kFileNameBytes) ? rsdp_at : tables_at;
                put(file, offset, get(file, offset) + base, 4);
                break;
            }
            case kAddChecksum: {
                const size_t numbers = arguments + kFileNameBytes;
                const auto summed =
                    std::span(file).subspan(get(acpi.loader, numbers + 4), get(acpi.loader, numbers + 8));
                file[get(acpi.loader, numbers)] = checksum(summed);
                break;
            }
        }
    }
}

}  // namespace ringfold
