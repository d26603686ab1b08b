// Puts the i440FX board together.
#include "vmm/chipset.h"

#include <cstring>

#include "vmm/acpi/tables.h"
#include "vmm/mp_table.h"

namespace ringfold {

namespace {

constexpr unsigned kSciIrq = 9;
constexpr uint64_t kFourGib = uint64_t{1} << 32;
constexpr PciSlot kHostBridge{0, 0}, kIsaBridge{1, 0}, kPowerManagement{1, 3}, kVga{2, 0};

// One entry of the memory map as QEMU gives it: address, length, type. Firmware makes the rest of the map.
void append_ram(FwCfg::Bytes& map, uint64_t start, uint64_t length) {
    constexpr uint32_t kRam = 1;
    for (const auto& field :
         {FwCfg::little_endian(start, 8), FwCfg::little_endian(length, 8), FwCfg::little_endian(kRam, 4)})
        map.insert(map.end(), field.begin(), field.end());
}

}  // namespace

Chipset::Chipset(const Board& board, std::span<const uint8_t> rom, std::function<void()> power_off)
    : board_(board),
      pci_(board.bus),
      host_bridge_([this](const ShadowSegment& s) { guard(s); }),
      isa_bridge_(board.irqs),
      power_management_(board.clock, board.irqs.line(kSciIrq), std::move(power_off)),
      config_ports_(pci_, board.reset_control),
      rom_({rom.begin(), rom.end()}) {
    pci_.connect_interrupts(&isa_bridge_);
    pci_.add(kHostBridge, host_bridge_);
    pci_.add(kIsaBridge, isa_bridge_);
    pci_.add(kPowerManagement, power_management_);
    board.bus.claim({.base = 0xcf8, .length = 8, .width = Width::Dword}, config_ports_);
    board.bus.claim({.base = 0xb2, .length = 2}, power_management_.smi_ports());
    if (rom.empty()) {
        host_bridge_.open_shadow_ram();
        return;
    }
    board.bus.claim({.base = GuestPhys(kFourGib - rom.size()), .length = rom.size()}, rom_);
    for (unsigned n = 0; n < ShadowSegment::kCount; ++n) guard(host_bridge_.segment(n));
}

void Chipset::list_parts(StateParts& parts) {
    parts.add("host-bridge", host_bridge_);
    parts.add("power-management", power_management_);
    if (vga_) parts.add("vga", *vga_);
    if (vga_card_) parts.add("vga-card", *vga_card_);
    parts.add("pci-config", config_ports_);
    parts.add("pci", pci_);
    parts.add("isa-bridge", isa_bridge_);
}

void Chipset::guard(const ShadowSegment& s) {
    if (s.writable)
        read_only_[s.number].reset();
    else
        read_only_[s.number] =
            board_.tracer.memory_trace(s.base, s.length, TraceKind::ReadOnly, [](const TraceWrite&) {});
}

void Chipset::stand_in_for_firmware(Ram& ram, bool acpi, bool hpet, SmbiosTables smbios) {
    // In the part of memory that both boot protocols' memory maps reserve.
    constexpr uint32_t kAcpi = 0xe0000, kRsdp = 0xf0000, kMpPointer = 0xf0020, kMp = 0xf0030,
                       kSmbios = 0xf1000, kSmbiosTables = 0xf1020;
    constexpr uint8_t kPirqs[4] = {10, 10, 11, 11};  // as SeaBIOS leads them
    const auto place = [&ram](uint32_t at, const std::vector<uint8_t>& bytes) {
        memcpy(ram.host(GuestPhys(at)), bytes.data(), bytes.size());
    };
    const MpTable mp = make_mp_table(kMp, kPirqs);
    place(kMpPointer, mp.floating_pointer);
    place(kMp, mp.configuration);
    isa_bridge_.set_routes(kPirqs);
    if (acpi) {
        AcpiTables tables = make_acpi_tables(pci_memory_base(ram.size()), hpet);
        link_tables(tables, kAcpi, kRsdp);
        place(kAcpi, tables.tables);
        place(kRsdp, tables.rsdp);
    }
    link_smbios(smbios, kSmbiosTables);
    place(kSmbios, smbios.anchor);
    place(kSmbiosTables, smbios.tables);
    power_management_.place_ports(kAcpiPorts);
    pci_.remap();
}

void Chipset::add_vga(VideoMemory& memory, std::vector<uint8_t> bios) {
    vga_.emplace(board_.clock, memory);
    vga_->on_window_changed([this] { board_.bus.plain_changed(); });
    vga_card_.emplace(*vga_, std::move(bios));
    pci_.add(kVga, *vga_card_);
    // A display card answers at its old places from the start, wherever PCI puts its memory.
    for (const auto& [base, length] : {std::pair{0x3b4, 2}, {0x3ba, 1}, {0x3c0, 16}, {0x3d4, 2}, {0x3da, 1}})
        board_.bus.claim({.base = static_cast<uint16_t>(base),
                          .length = static_cast<uint32_t>(length),
                          .first_register = static_cast<uint32_t>(base - 0x3b0)},
                         vga_->ports());
    board_.bus.claim({.base = 0x1ce, .length = 3, .width = Width::Word}, vga_->vbe_ports());
    board_.bus.claim({.base = GuestPhys(0xa0000), .length = 0x20000}, vga_->window());
}

void describe_machine(FwCfg& fw_cfg, const MachineFacts& facts) {
    fw_cfg.add(FwCfg::kRamSize, FwCfg::little_endian(facts.ram_bytes, 8));
    fw_cfg.add_u16(FwCfg::kNoGraphic, facts.serial_console);
    fw_cfg.add_u16(FwCfg::kCpuCount, 1);
    fw_cfg.add_u16(FwCfg::kMaxCpus, 1);
    fw_cfg.add_u16(FwCfg::kBootMenu, facts.boot_menu);
    if (facts.boot_menu_wait) fw_cfg.add_file("etc/boot-menu-wait", FwCfg::little_endian(*facts.boot_menu_wait, 2));
    FwCfg::Bytes map;
    append_ram(map, 0, facts.ram_bytes);
    fw_cfg.add_file("etc/e820", std::move(map));
    constexpr uint32_t kForever = 0xffffffff;  // firmware that finds nothing to boot stays where it is
    fw_cfg.add_file("etc/boot-fail-wait", FwCfg::little_endian(facts.reboot_timeout ? *facts.reboot_timeout : kForever, 4));
    if (!facts.boot_paths.empty())
        fw_cfg.add_file("bootorder", FwCfg::Bytes(facts.boot_paths.c_str(), facts.boot_paths.c_str() + facts.boot_paths.size() + 1));
    if (!facts.smbios.anchor.empty()) {
        fw_cfg.add_file("etc/smbios/smbios-anchor", facts.smbios.anchor);
        fw_cfg.add_file("etc/smbios/smbios-tables", facts.smbios.tables);
    }
    if (!facts.acpi) return;
    AcpiTables acpi = make_acpi_tables(pci_memory_base(facts.ram_bytes), facts.hpet);
    fw_cfg.add_file("etc/acpi/tables", std::move(acpi.tables));
    fw_cfg.add_file("etc/acpi/rsdp", std::move(acpi.rsdp));
    fw_cfg.add_file("etc/table-loader", std::move(acpi.loader));
}

}  // namespace ringfold
