// The PC: guest memory, devices and one CPU, wired together. A reset is a new machine.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "devices/a20_gate.h"
#include "devices/apic/io_apic.h"
#include "devices/apic/isa_interrupts.h"
#include "devices/apic/local_apic.h"
#include "devices/bus.h"
#include "devices/debug_port.h"
#include "devices/fw_cfg.h"
#include "devices/hpet.h"
#include "devices/i8042.h"
#include "devices/isa_debug_exit.h"
#include "devices/pic.h"
#include "devices/pit.h"
#include "devices/post_port.h"
#include "devices/reset_control.h"
#include "devices/rtc.h"
#include "devices/system_control.h"
#include "shadowmmu/guest_memory.h"
#include "shadowmmu/ram.h"
#include "tracing/memory_trace.h"
#include "translator/engine/vcpu_memory.h"
#include "vmm/base/cpu.h"
#include "vmm/char_outputs.h"
#include "vmm/chipset.h"
#include "vmm/curses_screen.h"
#include "vmm/display/live_screen.h"
#include "vmm/host/tsc.h"
#include "vmm/host/tsc_watch.h"
#include "vmm/input.h"
#include "vmm/loader.h"
#include "vmm/monitor/key_sender.h"
#include "vmm/network_cards.h"
#include "vmm/options.h"
#include "vmm/serial_ports.h"
#include "vmm/snapshot/cpu_part.h"
#include "vmm/snapshot/state_parts.h"
#include "vmm/storage.h"
#include "vmm/virtio_disks.h"

namespace ringfold {

class Snapshot;

class Machine {
public:
    // What a device asked for on the guest's behalf.
    struct Request {
        enum class Kind : uint8_t { Reset, PowerOff, DebugExit } kind;
        int status = 0;
    };
    // Outputs, drives and networks outlive it. Without networks there are no cards. No drives: there is no storage but what a board has
    // anyway. `files` are what the guest finds in fw_cfg beside the machine's own. `from`: it goes on where that snapshot, which Snapshot::check() has found good, was taken.
    Machine(const Options&, const Loader&, Input&, CharOutputs&, const Drives* drives = nullptr,
            const Networks* networks = nullptr, const Snapshot* from = nullptr, std::span<const FwCfgFile> files = {});
    ~Machine();
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;

    // Lets the devices see the time and the console. On the vCPU's thread, between two runs of the CPU.
    void service();
    std::optional<Nanoseconds> next_deadline() const;  // on the input's clock
    std::optional<Request> request() const { return request_; }
    bool left() const { return input_.left(); }
    // The guest has said more on the debug console than its reader takes: the CPU has to wait, on the mailbox.
    bool stalled() const { return debug_port_.wants_output(); }
    // `listener` hears when next_deadline() may have moved while the CPU runs.
    void on_deadline_moved(std::function<void()> listener);

    // Shows the display card's text there, and takes what is typed for the keyboard instead of the serial port.
    // `screen` outlives the machine.
    void show_on(CursesScreen& screen);
    // The same for viewers elsewhere; the serial port keeps the terminal.
    void show_on(LiveScreen& screen);
    // The display card, if there is one.
    Vga* vga() const { return chipset_ ? chipset_->vga() : nullptr; }

    // What a snapshot holds beside RAM.
    const StateParts& parts() const { return parts_; }
    // Waits until no request to a medium is on its way, so that the state is complete. False: it takes too long. On the
    // vCPU's thread.
    bool settle();
    // A request that has been dealt with otherwise.
    void forget_request() { request_.reset(); }
    I8042& keyboard() { return keyboard_; }
    KeySender& key_sender() { return key_sender_; }
    const Pic& pic() const { return pic_; }
    // Null on a bare machine.
    const LocalApic* local_apic() const { return local_apic_ ? &*local_apic_ : nullptr; }
    const IoApic* io_apic() const { return io_apic_ ? &*io_apic_ : nullptr; }
    bool a20() const { return a20_.enabled(); }
    Chipset* chipset() { return chipset_.get(); }
    Storage* storage() { return storage_.get(); }
    Ram& ram() { return ram_; }
    GuestMemory& memory() { return memory_; }
    // RAM, or what the device there answers. False if a byte of it is neither.
    bool read_physical(GuestPhys from, std::span<uint8_t> to);

    Cpu& cpu() { return *cpu_; }
    const CpuState& state() const { return state_; }
    const GuestMemory& memory() const { return memory_; }
    const MemoryTracer& tracer() const { return tracer_; }

private:
    void connect_apics();
    void connect_hpet();
    void place_local_apic(std::optional<GuestPhys>);
    void connect_devices(const Options&);
    void connect_board(const Options&, std::span<const uint8_t> rom);
    void connect_display();
    void connect_storage(const Drives*);
    void connect_cards(const Options&, const Drives*, const Networks*);
    void connect_debug_exit(const DebugExit&);
    void list_parts(const Options&);
    void ask(Request);

    Input& input_;
    std::optional<Request> request_;

    Ram ram_;
    MemoryTracer tracer_;
    VcpuMemory vcpu_memory_;
    VcpuContext& context_ = vcpu_memory_.context();
    CpuState& state_ = context_.cpu;
    Bus bus_;
    GuestMemory memory_;
    std::optional<VideoMemory> video_memory_;

    Pic pic_;
    std::optional<LocalApic> local_apic_;
    std::optional<IoApic> io_apic_;
    IsaInterrupts irqs_{pic_};
    Hpet hpet_{input_.clock(), irqs_};
    A20Gate a20_{[this](bool open) { a20_changed(open); }};
    void a20_changed(bool open);
    Pit pit_;
    Rtc rtc_;
    SerialPorts serial_ports_;
    I8042 keyboard_;
    KeySender key_sender_{input_.clock(), keyboard_};
    SystemControl system_control_;
    ResetControl reset_control_;
    PostPort post_;
    DebugPort debug_port_, bios_port_;
    IsaDebugExit debug_exit_;
    FwCfg fw_cfg_;
    std::unique_ptr<Storage> storage_;  // on the chipset's PCI bus, so gone after it
    std::unique_ptr<NetworkCards> network_cards_;
    std::unique_ptr<VirtioDisks> virtio_disks_;
    std::unique_ptr<Chipset> chipset_;  // none in a bare machine
    CursesScreen* screen_ = nullptr;
    std::vector<TimedDevice*> timed_;
    HostClock host_clock_;  // never stopped
    host::TscWatch tsc_watch_{host::tsc_khz()};

    ClockPart clock_part_{input_};
    CpuPart cpu_part_{state_};
    StateParts parts_;

    std::unique_ptr<Cpu> cpu_;
};

}  // namespace ringfold
