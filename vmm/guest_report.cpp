// Prints a guest's registers, and by Capstone the code at its CS:EIP.
#include "vmm/guest_report.h"

#include <algorithm>
#include <array>

#include <capstone/capstone.h>
#include <fmt/format.h>

namespace ringfold {

namespace {

constexpr size_t kInstructionsShown = 6;
constexpr size_t kBytesRead = 64;

std::string hex_bytes(const uint8_t* bytes, size_t count) {
    std::string text;
    for (size_t i = 0; i < count; ++i) text += fmt::format("{}{:02x}", i ? " " : "", bytes[i]);
    return text;
}

cs_mode disassembly_mode(const CpuState& s) {
    return s.protected_mode() && !s.v86() && s.segment[CS].big() ? CS_MODE_32 : CS_MODE_16;
}

// As many bytes as are mapped, a byte at a time: the code may end at a page that is not there.
size_t read_code(const GuestMemory& memory, GuestVirt start, std::array<uint8_t, kBytesRead>& bytes) {
    size_t count = 0;
    while (count < bytes.size() && memory.debug_read(start + static_cast<uint32_t>(count), {&bytes[count], 1})) ++count;
    return count;
}

}  // namespace

std::string describe_registers(const CpuState& s) {
    std::string text = fmt::format(
        "EAX={:08x} EBX={:08x} ECX={:08x} EDX={:08x}\nESI={:08x} EDI={:08x} EBP={:08x} ESP={:08x}\n"
        "EIP={:08x} EFL={:08x} CPL={}\n",
        s.gpr[EAX], s.gpr[EBX], s.gpr[ECX], s.gpr[EDX], s.gpr[ESI], s.gpr[EDI], s.gpr[EBP], s.gpr[ESP], s.eip,
        s.eflags(), s.cpl);
    static constexpr const char* kNames[] = {"ES", "CS", "SS", "DS", "FS", "GS"};
    const auto add_segment = [&text](const char* name, const SegmentRegister& r) {
        text += fmt::format("{:<4}={:04x} {:08x} {:08x} {:04x}\n", name, r.selector, r.base, r.limit, r.attributes);
    };
    for (size_t i = 0; i < kSegments; ++i) add_segment(kNames[i], s.segment[i]);
    add_segment("LDT", s.ldtr);
    add_segment("TR", s.tr);
    text +=
        fmt::format("GDT = {:08x} {:04x}\nIDT = {:08x} {:04x}\n", s.gdtr.base, s.gdtr.limit, s.idtr.base, s.idtr.limit);
    text += fmt::format("CR0={:08x} CR2={:08x} CR3={:08x} CR4={:08x}\n", s.cr0, s.cr2, s.cr3, s.cr4);
    return text;
}

std::string describe_code(const CpuState& s, const GuestMemory& memory) {
    const GuestVirt start(s.segment[CS].base + s.eip);
    std::array<uint8_t, kBytesRead> bytes{};
    const size_t have = read_code(memory, start, bytes);
    if (have == 0) return fmt::format("code at {:08x}: no memory is mapped there\n", start.value);

    csh handle;
    if (cs_open(CS_ARCH_X86, disassembly_mode(s), &handle) != CS_ERR_OK)
        return fmt::format("code at {:08x}: {}\n", start.value, hex_bytes(bytes.data(), have));
    cs_insn* listing = nullptr;
    const size_t count = cs_disasm(handle, bytes.data(), have, s.eip, kInstructionsShown, &listing);
    std::string text =
        fmt::format("code at {:04x}:{:08x}, linear {:08x}:\n", s.segment[CS].selector, s.eip, start.value);
    for (size_t i = 0; i < count; ++i)
        text += fmt::format("  {:08x}  {:<24}  {} {}\n", listing[i].address,
                            hex_bytes(listing[i].bytes, listing[i].size), listing[i].mnemonic, listing[i].op_str);
    if (count == 0)
        text += fmt::format("  {}  (not an instruction)\n", hex_bytes(bytes.data(), std::min<size_t>(have, 16)));
    if (listing) cs_free(listing, count);
    cs_close(&handle);
    return text;
}

}  // namespace ringfold
