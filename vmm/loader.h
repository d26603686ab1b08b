// Puts a kernel into a fresh machine: a Linux bzImage by the 32-bit boot protocol, or a Multiboot 1 image.
//
// The files are read and judged once, when the loader is made; place() can be called for each reset.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "shadowmmu/ram.h"
#include "vmm/base/cpu_state.h"
#include "vmm/image.h"

namespace ringfold {

struct KernelFiles {
    std::string kernel, initrd, append;
};

class Loader {
public:
    virtual ~Loader() = default;
    // Writes the kernel, its modules and its boot information into RAM that holds zeros, and sets the CPU to the
    // kernel's entry.
    virtual void place(Ram&, CpuState&) const = 0;
    // What ends at 4 GiB for the CPU's first instruction; empty for a kernel that is started without firmware.
    virtual std::span<const uint8_t> rom() const { return {}; }
};

// Recognises the kernel's format and checks that all of it fits into `ram_bytes`. Throws HostError with the file's
// name and a remedy.
std::unique_ptr<Loader> make_loader(const KernelFiles&, uint64_t ram_bytes);

// The formats (for make_loader and the tests). Each returns null if the image is not of its kind.
std::unique_ptr<Loader> make_linux_loader(Image kernel, const KernelFiles&, uint64_t ram_bytes);
std::unique_ptr<Loader> make_multiboot_loader(Image kernel, const KernelFiles&, uint64_t ram_bytes);

// 32-bit protected mode with paging and interrupts off and flat 4 GiB segments, whose descriptors are written as a
// GDT at `gdt`: the state that both protocols ask for.
void enter_flat_protected_mode(Ram&, CpuState&, uint32_t gdt, uint16_t code_selector, uint16_t data_selector);

}  // namespace ringfold
