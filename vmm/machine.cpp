// Wires the machine: each device is told here where it sits and which interrupt line is its own.
#include "vmm/machine.h"

#include <poll.h>
#include <x86intrin.h>

#include <algorithm>

#include <fmt/format.h>

#include "translator/interpreted_cpu.h"
#include "translator/translated_cpu.h"
#include "vmm/base/log.h"
#include "vmm/base/result.h"
#include "vmm/boot_paths.h"
#include "vmm/firmware.h"
#include "vmm/snapshot/snapshot.h"

namespace ringfold {

namespace {

constexpr unsigned kTimerIrq = 0, kKeyboardIrq = 1, kSerial2Irq = 3, kSerial1Irq = 4, kRtcIrq = 8, kMouseIrq = 12;

std::unique_ptr<Cpu> make_cpu(const Options& options, VcpuContext& context, GuestMemory& memory, PortIo& ports,
                              InterruptController& pic) {
    if (!__builtin_cpu_supports("sse4.2") || !__builtin_cpu_supports("popcnt"))
        throw HostError("the host CPU lacks SSE4.2, which the guest's CPU has; use one of 2012 or later");
    if (options.accel == Accel::Interpreter) return std::make_unique<InterpretedCpu>(context.cpu, memory, ports, pic);
    TranslatorOptions translator = options.translator;
    translator.emit.profile = !options.stats_file.empty();
    return std::make_unique<TranslatedCpu>(context, memory, ports, pic, translator);
}

}  // namespace

Machine::Machine(const Options& options, const Loader& loader, Input& input, CharOutputs& outputs, const Drives* drives,
                 const Networks* networks, const Snapshot* from, std::span<const FwCfgFile> files)
    : input_(input),
      ram_(options.memory_bytes, options.has_vga() ? Vga::kMemoryBytes + kVgaTextBytes : 0, options.ram_source),
      tracer_(ram_.file_bytes()),
      memory_(ram_, bus_, tracer_, state_),
      pit_(input.clock(), hpet_.line(kTimerIrq)),
      rtc_(input.clock(), hpet_.line(kRtcIrq)),
      serial_ports_(input.clock(), irqs_.line(kSerial2Irq), irqs_.line(kSerial1Irq), options.ends, outputs,
                    options.pc.display == Display::Curses ? nullptr : &input),
      keyboard_(irqs_.line(kKeyboardIrq), irqs_.line(kMouseIrq), a20_, [this] { ask({Request::Kind::Reset}); }),
      system_control_(input.clock(), pit_, a20_, [this] { ask({Request::Kind::Reset}); }),
      reset_control_([this] { ask({Request::Kind::Reset}); }),
      debug_port_(outputs.debugcon),
      bios_port_(outputs.bios),
      debug_exit_([this](int status) {
          ask({Request::Kind::DebugExit, status});
      }),
      fw_cfg_(memory_),
      timed_{&pit_, &rtc_, &key_sender_} {
    timed_.insert(timed_.end(), serial_ports_.timed().begin(), serial_ports_.timed().end());
    connect_devices(options);
    for (const FwCfgFile& file : files) fw_cfg_.add_file(file.name, file.contents);
    if (options.has_board()) connect_apics();
    if (options.has_hpet()) connect_hpet();
    if (options.has_board()) connect_board(options, loader.rom());
    if (options.has_board() || drives) connect_storage(drives);
    if (chipset_) connect_cards(options, drives, networks);
    list_parts(options);
    loader.place(ram_, state_);
    state_.tsc_khz = host::tsc_khz();
    if (from) {
        from->load(parts_, ram_);
        memory_.paging_mode_changed();
    }
    InterruptController& pins = local_apic_ ? static_cast<InterruptController&>(*local_apic_) : pic_;
    cpu_ = make_cpu(options, context_, memory_, bus_, pins);
    if (!local_apic_) pic_.on_intr_changed([this] { cpu_->interrupt_line_changed(); });
    if (from) cpu_->interrupt_line_changed();
}

Machine::~Machine() {
    pic_.on_intr_changed({});
}

// The 8259 pair's output leads to the CPU through the local APIC.
void Machine::connect_apics() {
    local_apic_.emplace(input_.clock(),
                        LocalApic::Surroundings{.pic = pic_,
                                                .pins_changed = [this] { if (cpu_) cpu_->interrupt_line_changed(); },
                                                .placed = [this](std::optional<GuestPhys> at) { place_local_apic(at); },
                                                .init = [this] { ask({Request::Kind::Reset}); }});
    place_local_apic(GuestPhys(LocalApic::kUsualBase));
    io_apic_.emplace(*local_apic_);
    local_apic_->connect(*io_apic_);
    pic_.on_intr_changed([this] { local_apic_->pic_changed(); });
    irqs_.connect(*io_apic_);
    bus_.claim({.base = GuestPhys(IoApic::kBase), .length = kPageSize}, *io_apic_);
    timed_.push_back(&*local_apic_);
}

void Machine::connect_hpet() {
    bus_.claim({.base = GuestPhys(Hpet::kBase), .length = Hpet::kBytes}, hpet_);
    hpet_.connect(*io_apic_);
    hpet_.on_replaced([this](bool replaced) { pit_.set_heard(!replaced); });
    timed_.push_back(&hpet_);
}

// Where another device is already, it is nowhere. RAM is asked before any device.
void Machine::place_local_apic(std::optional<GuestPhys> at) {
    bus_.release(*local_apic_);
    if (!at) return;
    const MmioRange range{.base = *at, .length = kPageSize};
    if (bus_.vacant(range)) bus_.claim(range, *local_apic_);
}

// The PC's map of ports. Ranges are {first port, how many, the device's register there}.
void Machine::connect_devices(const Options& options) {
    bus_.claim({.base = 0x20, .length = 2, .first_register = 0}, pic_);
    bus_.claim({.base = 0xa0, .length = 2, .first_register = 2}, pic_);
    bus_.claim({.base = 0x4d0, .length = 2, .first_register = 4}, pic_);
    bus_.claim({.base = 0x40, .length = 4}, pit_);
    bus_.claim({.base = 0x70, .length = 2}, rtc_);
    serial_ports_.claim(bus_);
    bus_.claim({.base = 0x61, .length = 1, .first_register = 0}, system_control_);
    bus_.claim({.base = 0x92, .length = 1, .first_register = 1}, system_control_);
    bus_.claim({.base = 0x60, .length = 1, .first_register = 0}, keyboard_);
    bus_.claim({.base = 0x64, .length = 1, .first_register = 1}, keyboard_);
    bus_.claim({.base = 0x80, .length = 1}, post_);
    bus_.claim({.base = 0x510, .length = 2, .first_register = 0, .width = Width::Word}, fw_cfg_);
    bus_.claim({.base = 0x514, .length = 8, .first_register = 4, .width = Width::Dword}, fw_cfg_);
    if (!options.has_board()) bus_.claim({.base = 0xcf8, .length = 4, .width = Width::Dword}, reset_control_);
    debug_port_.on_stalled([this] { if (cpu_) cpu_->kick(); });
    if (options.ends.debugcon)
        bus_.claim({.base = options.pc.debugcon_port, .length = 1}, debug_port_);
    constexpr PortRange kBiosPort{.base = 0x402, .length = 1};
    if (log::enabled(log::Bios) && bus_.vacant(kBiosPort)) bus_.claim(kBiosPort, bios_port_);
    if (options.debug_exit) connect_debug_exit(*options.debug_exit);
    rtc_.set_memory_size(options.memory_bytes);
    rtc_.set_boot_order(options.pc.boot_once.empty() ? options.pc.boot_order : options.pc.boot_once);
    describe_machine(fw_cfg_, {.ram_bytes = options.memory_bytes,
                               .serial_console = options.firmware_on_serial(),
                               .boot_menu = options.pc.boot_menu,
                               .boot_menu_wait = options.pc.boot_menu_wait,
                               .reboot_timeout = options.pc.reboot_timeout,
                               .smbios = options.has_board() ? make_smbios_tables(options.smbios, options.memory_bytes) : SmbiosTables{},
                               .boot_paths = boot_paths(options.nics, options.drives, options.fw_cfg_items),
                               .acpi = options.has_board() && options.pc.acpi,
                               .hpet = options.has_hpet()});
}

void Machine::connect_board(const Options& options, std::span<const uint8_t> rom) {
    chipset_ = std::make_unique<Chipset>(Chipset::Board{bus_, tracer_, irqs_, input_.clock(), reset_control_}, rom,
                                         [this] { ask({Request::Kind::PowerOff}); });
    timed_.push_back(&chipset_->power_management());
    if (rom.empty()) chipset_->stand_in_for_firmware(ram_, options.pc.acpi, options.has_hpet(), make_smbios_tables(options.smbios, options.memory_bytes));
    if (options.has_vga()) connect_display();
}

// Where the card's memory is plain memory the CPU reaches it without the card; what it writes there is heard by traces.
void Machine::connect_display() {
    VideoMemory& video = video_memory_.emplace(ram_.display());
    const GuestPhys start(ram_.size());
    video.store_by([this, start](uint32_t offset, std::span<const uint8_t> bytes) {
        memory_.dma_write_place(start + offset, bytes);
    });
    video.on_collected([this, start](uint32_t first, uint32_t pages) {
        tracer_.watch_first_writes(start + uint64_t{first} * kPageSize, pages);
    });
    tracer_.on_first_write([&video, start](GuestPhys page) {
        video.note_written(static_cast<uint32_t>(page - start));
    });
    bus_.on_plain_changed([this] {
        std::vector<Ram::DisplayWindow> windows;
        for (const Bus::PlainMemory& plain : bus_.plain_memory())
            windows.push_back({plain.at, plain.length, plain.memory});
        memory_.show_display(windows);
    });
    chipset_->add_vga(video, find_vga_bios());
}

void Machine::connect_storage(const Drives* drives) {
    const Drives none;
    storage_ = std::make_unique<Storage>(
        Storage::Board{bus_, irqs_, memory_, rtc_, chipset_ ? &chipset_->pci() : nullptr}, drives ? *drives : none);
}

void Machine::connect_cards(const Options& options, const Drives* drives, const Networks* networks) {
    unsigned slot = kFirstCardSlot;
    if (networks) {
        network_cards_ = std::make_unique<NetworkCards>(chipset_->pci(), memory_, input_.clock(), options.nics, *networks, slot);
        timed_.insert(timed_.end(), network_cards_->timed().begin(), network_cards_->timed().end());
        slot += static_cast<unsigned>(options.nics.nics.size());
    }
    if (drives) virtio_disks_ = std::make_unique<VirtioDisks>(chipset_->pci(), memory_, *drives, slot);
}

void Machine::connect_debug_exit(const DebugExit& at) {
    try {
        bus_.claim({.base = at.base, .length = at.size, .width = Width::Dword}, debug_exit_);
    } catch (const HostError& e) {
        throw HostError(fmt::format("-device isa-debug-exit: {}; give another iobase", e.what()));
    }
}

// In the order in which they are restored: time first; what drives interrupt lines before the controller that has the
// last word about them.
void Machine::list_parts(const Options& options) {
    parts_.add("clock", clock_part_);
    parts_.add("cpu", cpu_part_);
    parts_.add("a20", a20_);
    parts_.add("pit", pit_);
    parts_.add("rtc", rtc_);
    serial_ports_.list_parts(parts_);
    parts_.add("i8042", keyboard_);
    parts_.add("system-control", system_control_);
    parts_.add("reset-control", reset_control_);
    parts_.add("post", post_);
    parts_.add("fw_cfg", fw_cfg_);
    if (storage_) storage_->list_parts(parts_);
    if (virtio_disks_) virtio_disks_->list_parts(parts_);
    if (network_cards_) network_cards_->list_parts(parts_);
    if (chipset_) chipset_->list_parts(parts_);
    if (options.has_hpet()) parts_.add("hpet", hpet_);
    parts_.add("pic", pic_);
    if (io_apic_) parts_.add("ioapic", *io_apic_);
    if (local_apic_) parts_.add("lapic", *local_apic_);
}

void Machine::show_on(CursesScreen& screen) {
    if (!vga()) return;
    screen_ = &screen;
    screen.connect(*vga(), keyboard_);
    timed_.push_back(&screen);
}

void Machine::show_on(LiveScreen& screen) {
    if (!vga()) return;
    screen.connect(*vga(), keyboard_);
    timed_.push_back(&screen);
}

bool Machine::settle() {
    constexpr int kTries = 3000, kMilliseconds = 10;
    const auto quiet = [this] {
        return std::ranges::all_of(parts_.all(), [](const StatePart& part) { return part.quiet(); });
    };
    for (int i = 0; i < kTries && !quiet(); ++i) {
        pollfd mail{input_.mailbox().fd(), POLLIN, 0};
        poll(&mail, 1, kMilliseconds);
        input_.mailbox().deliver();
    }
    return quiet();
}

bool Machine::read_physical(GuestPhys from, std::span<uint8_t> to) {
    if (from.value > UINT32_MAX || to.size() > UINT32_MAX - from.value + 1) return false;
    for (size_t n = 0; n < to.size(); ++n) {
        const GuestPhys at = ram_.place(from + n);
        to[n] = ram_.contains(at) ? *ram_.host(at) : static_cast<uint8_t>(bus_.read(from + n, 1));
    }
    return true;
}

void Machine::ask(Request request) {
    if (!request_) request_ = request;
    if (cpu_) cpu_->kick();
}

// Only the CPU's own addresses go through the gate: what devices master is not its business.
void Machine::a20_changed(bool open) {
    state_.address_mask = open ? ~uint64_t{0} : ~kA20;
    memory_.a20_changed();
}

void Machine::service() {
    state_.tsc_offset += tsc_watch_.fallen_back(host_clock_.now(), __rdtsc());
    const Nanoseconds now = input_.clock().now();
    for (TimedDevice* device : timed_) device->advance(now);
    input_.mailbox().deliver();
    input_.receive();
    if (screen_) screen_->type(input_);
    serial_ports_.service();
    debug_port_.output_ready();
}

std::optional<Nanoseconds> Machine::next_deadline() const {
    std::optional<Nanoseconds> next;
    for (const TimedDevice* device : timed_)
        if (const auto d = device->next_deadline()) next = std::min(next.value_or(*d), *d);
    return next;
}

void Machine::on_deadline_moved(std::function<void()> listener) {
    for (TimedDevice* device : timed_) device->on_deadline_moved(listener);
}

}  // namespace ringfold
