// The MP configuration table of the board.
#include "vmm/mp_table.h"

#include <numeric>
#include <string_view>

#include "devices/apic/io_apic.h"
#include "devices/apic/local_apic.h"
#include "vmm/acpi/tables.h"

namespace ringfold {

namespace {

using Bytes = std::vector<uint8_t>;

constexpr uint8_t kRevision = 4;  // 1.4
enum EntryType : uint8_t { Processor, Bus, IoApicEntry, IoInterrupt, LocalInterrupt };
enum InterruptType : uint8_t { Vectored, Nmi, Smi, ExtInt };
constexpr uint8_t kPciBus = 0, kIsaBus = 1, kAllCpus = 0xff;
constexpr uint16_t kAsTheBus = 0, kLevelActiveHigh = 0x0d;
constexpr uint16_t kIsaLevels = 1 << 9;  // the SCI; PCI's wires have entries of their own

void put(Bytes& to, std::string_view text) {
    to.insert(to.end(), text.begin(), text.end());
}
void put(Bytes& to, uint64_t value, unsigned size) {
    for (unsigned n = 0; n < size; ++n, value >>= 8) to.push_back(static_cast<uint8_t>(value));
}
void sum_up(Bytes& of, size_t at) {
    of[at] = static_cast<uint8_t>(-std::accumulate(of.begin(), of.end(), 0));
}

// Entries behind the header, counted.
class Entries {
public:
    void processor() {
        constexpr uint8_t kEnabled = 1, kBootstrap = 2;
        begin(Processor);
        put(bytes_, 0, 1);
        put(bytes_, LocalApic::kVersion, 1);
        put(bytes_, kEnabled | kBootstrap, 1);
        put(bytes_, 0, 16);  // what CPUID tells better
    }
    void bus(uint8_t id, std::string_view name) {
        begin(Bus);
        put(bytes_, id, 1);
        put(bytes_, name);
    }
    void io_apic() {
        constexpr uint8_t kEnabled = 1;
        begin(IoApicEntry);
        put(bytes_, kIoApicId, 1);
        put(bytes_, IoApic::kVersion, 1);
        put(bytes_, kEnabled, 1);
        put(bytes_, kIoApicAddress, 4);
    }
    void interrupt(EntryType to, InterruptType type, uint16_t flags, uint8_t bus, uint8_t source, uint8_t apic, uint8_t pin) {
        begin(to);
        put(bytes_, type, 1);
        put(bytes_, flags, 2);
        for (const uint8_t b : {bus, source, apic, pin}) bytes_.push_back(b);
    }
    uint16_t count() const { return count_; }
    const Bytes& bytes() const { return bytes_; }

private:
    void begin(EntryType type) {
        ++count_;
        bytes_.push_back(type);
    }
    Bytes bytes_;
    uint16_t count_ = 0;
};

Entries make_entries(const uint8_t (&pirq)[4]) {
    Entries e;
    e.processor();
    e.bus(kPciBus, "PCI   ");
    e.bus(kIsaBus, "ISA   ");
    e.io_apic();
    for (uint8_t device = 1; device < 32; ++device)
        for (uint8_t pin = 0; pin < 4; ++pin)  // INTA# of device 1 is PIRQA#
            e.interrupt(IoInterrupt, Vectored, kLevelActiveHigh, kPciBus, static_cast<uint8_t>(device << 2 | pin), kIoApicId,
                        pirq[(device + pin - 1) & 3]);
    for (uint8_t irq = 0; irq < 16; ++irq) {
        const bool pci = irq == pirq[0] || irq == pirq[1] || irq == pirq[2] || irq == pirq[3];
        if (pci || irq == 2) continue;
        e.interrupt(IoInterrupt, Vectored, kIsaLevels >> irq & 1 ? kLevelActiveHigh : kAsTheBus, kIsaBus, irq, kIoApicId,
                    irq ? irq : 2);
    }
    e.interrupt(LocalInterrupt, ExtInt, kAsTheBus, kIsaBus, 0, 0, 0);
    e.interrupt(LocalInterrupt, Nmi, kAsTheBus, kIsaBus, 0, kAllCpus, 1);
    return e;
}

}  // namespace

MpTable make_mp_table(uint32_t configuration_at, const uint8_t (&pirq)[4]) {
    const Entries entries = make_entries(pirq);
    constexpr size_t kHeaderBytes = 44;
    MpTable t;
    Bytes& table = t.configuration;
    put(table, "PCMP");
    put(table, kHeaderBytes + entries.bytes().size(), 2);
    put(table, kRevision, 1);
    put(table, 0, 1);  // checksum
    put(table, "RINGFOLD");
    put(table, "PC          ");
    put(table, 0, 6);  // no table of the maker's
    put(table, entries.count(), 2);
    put(table, kLocalApicAddress, 4);
    put(table, 0, 4);  // no extended entries
    table.insert(table.end(), entries.bytes().begin(), entries.bytes().end());
    sum_up(table, 7);

    Bytes& pointer = t.floating_pointer;
    put(pointer, "_MP_");
    put(pointer, configuration_at, 4);
    put(pointer, 1, 1);  // of 16 bytes
    put(pointer, kRevision, 1);
    put(pointer, 0, 6);  // checksum; there is a table; no IMCR: the 8259 pair comes through LINT0
    sum_up(pointer, 10);
    return t;
}

}  // namespace ringfold
