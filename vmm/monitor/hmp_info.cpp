// What "info" shows of the machine, in QEMU's forms.
#include <cstring>
#include <ctime>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "translator/interpreted_cpu.h"
#include "translator/translated_cpu.h"
#include "vmm/base/result.h"
#include "vmm/monitor/hmp.h"
#include "vmm/monitor/version.h"

namespace ringfold {

namespace {

std::string describe_segment(std::string_view name, const SegmentRegister& r, bool protected_mode) {
    static constexpr const char* kSystem[] = {
        "Reserved", "TSS16-avl", "LDT",      "TSS16-busy", "CallGate16", "TaskGate", "IntGate16", "TrapGate16",
        "Reserved", "TSS32-avl", "Reserved", "TSS32-busy", "CallGate32", "Reserved", "IntGate32", "TrapGate32"};
    std::string text = fmt::format("{:<3}={:04x} {:08x} {:08x} {:08x}", name, r.selector, r.base, r.limit,
                                   uint32_t{r.attributes} << 8 & 0x00ffff00);
    if (!protected_mode || !r.present()) return text + "\n";
    const bool accessed = r.attributes & 1;
    text += fmt::format(" DPL={} ", r.dpl());
    if (r.is_code())
        text += fmt::format("{} [{}{}{}]", r.big() ? "CS32" : "CS16", r.conforming() ? 'C' : '-',
                            r.readable() ? 'R' : '-', accessed ? 'A' : '-');
    else if (r.is_data())
        text += fmt::format("{} [{}{}{}]", r.big() ? "DS  " : "DS16", r.expand_down() ? 'E' : '-',
                            r.writable() ? 'W' : '-', accessed ? 'A' : '-');
    else
        text += kSystem[r.type()];
    return text + "\n";
}

template <class T>
T load(const CpuState& s, size_t at) {
    T value;
    memcpy(&value, &s.fpu[at], sizeof value);
    return value;
}

// FXSAVE keeps the stack from its top on; QEMU shows the registers by number.
std::string describe_fpu(const CpuState& s) {
    const auto status = load<uint16_t>(s, 2);
    const unsigned top = status >> 11 & 7;
    std::string text = fmt::format("FCW={:04x} FSW={:04x} [ST={}] FTW={:02x} MXCSR={:08x}\n", load<uint16_t>(s, 0),
                                   status & ~0x3800u, top, s.fpu[4], load<uint32_t>(s, 24));
    for (unsigned n = 0; n < 8; ++n) {
        const size_t at = 32 + 16 * ((n - top) & 7);
        text += fmt::format("FPR{}={:016x} {:04x}{}", n, load<uint64_t>(s, at), load<uint16_t>(s, at + 8),
                            n % 2 ? "\n" : " ");
    }
    for (unsigned n = 0; n < 8; ++n)
        text += fmt::format("XMM{:02}={:016x} {:016x}{}", n, load<uint64_t>(s, 168 + 16 * n),
                            load<uint64_t>(s, 160 + 16 * n), n % 2 ? "\n" : " ");
    return text;
}

std::string describe_size(uint64_t bytes) {
    static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    auto n = static_cast<double>(bytes);
    size_t unit = 0;
    for (; n >= 1000 && unit + 1 < std::size(kUnits); ++unit) n /= 1024;
    return fmt::format("{:.3g} {}", n, kUnits[unit]);
}

std::string describe_snapshot(const block::SnapshotInfo& s) {
    const time_t seconds = s.date_seconds;
    tm date{};
    localtime_r(&seconds, &date);
    char text[32];
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &date);
    const uint64_t whole = s.clock_nanoseconds / 1'000'000'000;
    return fmt::format("{:<9} {:<16} {:>9} {:>19} {:>15} {:>10}\n", "--", s.name, describe_size(s.state_bytes), text,
                       fmt::format("{:02}:{:02}:{:02}.{:03}", whole / 3600, whole / 60 % 60, whole % 60,
                                   s.clock_nanoseconds / 1'000'000 % 1000),
                       "");
}

}  // namespace

std::string Hmp::info_status(Arguments&) {
    switch (control_.run_state()) {
        case MachineControl::RunState::Running:
            return "VM status: running\n";
        case MachineControl::RunState::Paused:
            return "VM status: paused\n";
        case MachineControl::RunState::Prelaunch:
            return "VM status: paused (prelaunch)\n";
        case MachineControl::RunState::Shutdown:
            return "VM status: paused (shutdown)\n";
        case MachineControl::RunState::IoError:
            return "VM status: paused (io-error)\n";
    }
    return "";
}

std::string Hmp::info_version(Arguments&) {
    return fmt::format("{}.{}.{}{}\n", kQemuMajor, kQemuMinor, kQemuMicro, package_version());
}

std::string Hmp::info_name(Arguments&) {
    return control_.options().name.empty() ? "" : control_.options().name + "\n";
}

std::string Hmp::info_uuid(Arguments&) {
    return to_string(control_.options().smbios.uuid.value_or(Uuid{})) + "\n";
}

std::string Hmp::info_registers(Arguments&) {
    const CpuState& s = control_.machine().state();
    static constexpr const char* kNames[] = {"ES", "CS", "SS", "DS", "FS", "GS"};
    const uint32_t f = s.eflags();
    const auto letter = [f](uint32_t bit, char c) { return f & bit ? c : '-'; };
    std::string text = "\nCPU#0\n";
    text +=
        fmt::format("EAX={:08x} EBX={:08x} ECX={:08x} EDX={:08x}\n", s.gpr[EAX], s.gpr[EBX], s.gpr[ECX], s.gpr[EDX]);
    text +=
        fmt::format("ESI={:08x} EDI={:08x} EBP={:08x} ESP={:08x}\n", s.gpr[ESI], s.gpr[EDI], s.gpr[EBP], s.gpr[ESP]);
    text += fmt::format("EIP={:08x} EFL={:08x} [{}{}{}{}{}{}{}] CPL={} II={} A20={:d} SMM=0 HLT={:d}\n", s.eip, f,
                        letter(flag::DF, 'D'), letter(flag::OF, 'O'), letter(flag::SF, 'S'), letter(flag::ZF, 'Z'),
                        letter(flag::AF, 'A'), letter(flag::PF, 'P'), letter(flag::CF, 'C'), s.cpl, s.interrupt_shadow,
                        control_.machine().a20(), s.activity == Activity::Halted);
    const bool described = s.protected_mode();
    for (size_t n = 0; n < kSegments; ++n) text += describe_segment(kNames[n], s.segment[n], described);
    text += describe_segment("LDT", s.ldtr, described) + describe_segment("TR", s.tr, described);
    text += fmt::format("GDT=     {:08x} {:08x}\nIDT=     {:08x} {:08x}\n", s.gdtr.base, s.gdtr.limit, s.idtr.base,
                        s.idtr.limit);
    text += fmt::format("CR0={:08x} CR2={:08x} CR3={:08x} CR4={:08x}\n", s.cr0, s.cr2, s.cr3, s.cr4);
    text += fmt::format("DR0={:08x} DR1={:08x} DR2={:08x} DR3={:08x} \nDR6={:08x} DR7={:08x}\n", s.dr[0], s.dr[1],
                        s.dr[2], s.dr[3], s.dr[6], s.dr[7]);
    return text + fmt::format("EFER={:016x}\n", s.efer) + describe_fpu(s);
}

std::string Hmp::info_block(Arguments& a) {
    a.flag('v');
    const std::string only = a.word_or("");
    std::string text;
    if (!only.empty() && !control_.find_drive(only)) throw HostError(fmt::format("Device '{}' not found", only));
    if (!control_.drives()) return text;
    for (const Drives::Entry& e : control_.drives()->all()) {
        const std::string name = MachineControl::name_of(e.option);
        if (!only.empty() && name != only) continue;
        if (!text.empty()) text += "\n";
        if (const auto medium = e.drive->medium()) {
            text += fmt::format("{}: {} ({}{})\n", name, e.drive->file(), e.drive->format(),
                                medium->read_only ? ", read-only" : "");
        } else {
            text += fmt::format("{}: [not inserted]\n", name);
        }
        text += fmt::format("    Attached to:      {}\n", e.option.shown);
        if (e.option.removable())
            text += fmt::format("    Removable device: {}locked, tray {}\n", control_.tray_locked(e) ? "" : "not ",
                                control_.tray_open(e) ? "open" : "closed");
        if (e.drive->medium()) text += "    Cache mode:       writeback\n";
    }
    return text;
}

std::string Hmp::info_network(Arguments&) {
    const NicOptions& options = control_.options().nics;
    std::string text;
    size_t number = 0;
    for (const NicOption& nic : options.nics) {
        const auto& mac = nic.mac.value_or(net::MacAddress{});
        const std::string_view model = nic_model_name(nic.model);
        text += fmt::format("{0}.{1}: index=0,type=nic,model={0},macaddr={2:02x}\n", model, number++, fmt::join(mac, ":"));
        for (const NetdevOption& end : options.netdevs) {
            if (end.id != nic.netdev) continue;
            text += end.kind == NetdevOption::Kind::Tap
                        ? fmt::format(" \\ {}: index=0,type=tap,ifname={}\n", end.id, end.tap.interface)
                        : fmt::format(" \\ {}: index=0,type=user,net={},restrict={}\n", end.id,
                                      inet_ntoa(end.user.network), end.user.restricted ? "on" : "off");
        }
    }
    return text;
}

std::string Hmp::info_jit(Arguments&) {
    const auto* cpu = dynamic_cast<const TranslatedCpu*>(&control_.machine().cpu());
    if (!cpu) return "the interpreter translates nothing (-accel bt does)\n";
    const auto blocks = cpu->block_counts();
    const auto& translation = cpu->translation();
    const auto& memory = control_.machine().memory().counts();
    return fmt::format(
        "Translation buffer state:\n"
        "TB count            {}\n"
        "TB avg target size  {} bytes\n"
        "TB avg host size    {} bytes (expansion ratio: {:.1f})\n"
        "direct jump count   {}\n"
        "\nStatistics:\n"
        "TB flush count      {}\n"
        "TB invalidate count {}\n"
        "TLB fills           {}\n"
        "CR3 loads           {} ({} of address spaces that were known)\n",
        blocks.translations, translation.blocks ? translation.guest_bytes / translation.blocks : 0,
        translation.blocks ? translation.host_bytes / translation.blocks : 0,
        translation.guest_bytes
            ? static_cast<double>(translation.host_bytes) / static_cast<double>(translation.guest_bytes)
            : 0.0,
        blocks.chains, blocks.evictions, blocks.invalidations, memory.tlb_fills, memory.cr3_loads, memory.cr3_known);
}

std::string Hmp::info_snapshots(Arguments&) {
    const auto disks = control_.snapshot_disks(false);
    if (disks.empty()) return "no block device can store vmstate for snapshot\n";
    std::vector<block::SnapshotInfo> all;
    try {
        disks.front()->drive->with_image([&](block::BlockBackend& image) { all = image.snapshots()->list(); });
    } catch (const block::IoFailure& e) {
        throw HostError(e.what());
    }
    if (all.empty()) return "There is no snapshot available.\n";
    std::string text = fmt::format("List of snapshots present on all disks:\n{:<9} {:<16} {:>9} {:>19} {:>15} {:>10}\n",
                                   "ID", "TAG", "VM SIZE", "DATE", "VM CLOCK", "ICOUNT");
    for (const auto& s : all) text += describe_snapshot(s);
    return text;
}

std::string Hmp::info_state(Arguments& a) {
    const std::string name = a.word_or("");
    std::string names;
    for (const StatePart& part : control_.machine().parts().all()) {
        if (part.name == name) return part.show();
        names += part.name + "\n";
    }
    if (!name.empty()) throw HostError(fmt::format("there is no {}; 'info state' lists what there is", name));
    return names;
}

}  // namespace ringfold
