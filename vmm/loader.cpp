// Chooses the loader for a kernel file, and sets up the CPU state that the boot protocols share.
#include "vmm/loader.h"

#include <cstring>

namespace ringfold {

namespace {
// Descriptors with base 0 and limit 4 GiB (SDM volume 3, 3.4.5), accessed bit set: the CPU never writes them.
constexpr uint64_t kFlatCode = 0x00cf9b000000ffff, kFlatData = 0x00cf93000000ffff;
}  // namespace

std::unique_ptr<Loader> make_loader(const KernelFiles& files, uint64_t ram_bytes) {
    Image kernel = Image::read("-kernel", files.kernel, ram_bytes);
    if (auto linux_loader = make_linux_loader(kernel, files, ram_bytes)) return linux_loader;
    if (auto multiboot_loader = make_multiboot_loader(kernel, files, ram_bytes)) return multiboot_loader;
    kernel.fail("neither a Linux bzImage nor a Multiboot image; give a kernel of one of these kinds");
}

void enter_flat_protected_mode(Ram& ram, CpuState& cpu, uint32_t gdt, uint16_t code_selector, uint16_t data_selector) {
    memcpy(ram.host(GuestPhys(gdt + code_selector)), &kFlatCode, 8);
    memcpy(ram.host(GuestPhys(gdt + data_selector)), &kFlatData, 8);
    cpu.reset();
    cpu.gdtr = {gdt, static_cast<uint16_t>((code_selector > data_selector ? code_selector : data_selector) + 7)};
    cpu.idtr = {0, 0};
    for (auto& s : cpu.segment) s = {data_selector, 0xc093, 0, 0xffffffff};
    cpu.segment[CS] = {code_selector, 0xc09b, 0, 0xffffffff};
    cpu.gpr.fill(0);
    cpu.cr0 |= cr0::PE;
    cpu.set_eflags(0);
}

}  // namespace ringfold
