// Run state, keys, screen, memory and media; snapshots are in control_snapshots.cpp.
#include "vmm/monitor/control.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>
#include <x86intrin.h>

#include "vmm/base/result.h"
#include "vmm/block/open_image.h"
#include "vmm/screenshot.h"

namespace ringfold {

MachineControl::MachineControl(const Options& options, Input& input, const Drives* drives)
    : options_(options), input_(input), drives_(drives) {
    if (drives_)
        for (const Drives::Entry& entry : drives_->all())
            entry.drive->on_failure([this, &entry](const block::Drive::Failure& failure) {
                enqueue([this, &entry, failure] { disk_failed(entry, failure); });
            });
    if (!options.start_stopped) return;
    run_state_ = RunState::Prelaunch;
    input_.stop_time();
}

void MachineControl::attach(Machine& machine) {
    machine_ = &machine;
    stopped_tsc_ = __rdtsc();
    if (!drives_) return;
    for (const Drives::Entry& entry : drives_->all())
        if (AtapiCdrom* drive = cdrom(entry))
            drive->on_tray_moved([this, &entry](bool open) { tell_of_tray(entry, open); });
}

void MachineControl::tell(const Event& event) {
    for (const auto& listener : listeners_) listener(event);
}

void MachineControl::run_commands() {
    for (size_t n = commands_.size(); n-- > 0 && !wish_;) {
        const auto command = std::move(commands_.front());
        commands_.pop_front();
        command();
    }
}

// The guest's time-stamp counter stands still with its clock.
void MachineControl::synchronise_tsc() {
    if (running()) return;
    const uint64_t now = __rdtsc();
    machine_->cpu().state().tsc_offset -= now - stopped_tsc_;
    stopped_tsc_ = now;
}

void MachineControl::stop() {
    if (!running()) return;
    input_.stop_time();
    stopped_tsc_ = __rdtsc();
    run_state_ = RunState::Paused;
    tell({.kind = Event::Kind::Stop});
}

void MachineControl::cont() {
    if (running()) return;
    if (run_state_ == RunState::Shutdown) throw HostError("Resetting the Virtual Machine is required");
    synchronise_tsc();
    input_.continue_time();
    run_state_ = RunState::Running;
    tell({.kind = Event::Kind::Resume});
    if (drives_)
        for (const Drives::Entry& entry : drives_->all()) entry.drive->retry();
}

void MachineControl::disk_failed(const Drives::Entry& entry, const block::Drive::Failure& failure) {
    tell({.kind = Event::Kind::IoError, .device = name_of(entry.option), .id = entry.option.id, .failure = failure});
    if (failure.action != block::OnError::Stop) return;
    if (!running()) return;
    stop();
    run_state_ = RunState::IoError;
}

void MachineControl::shut_down() {
    stop();
    run_state_ = RunState::Shutdown;
}

void MachineControl::system_powerdown() {
    if (Chipset* chipset = machine_->chipset()) chipset->power_management().press_power_button();
    tell({.kind = Event::Kind::PowerDown});
}

void MachineControl::send_keys(const std::vector<uint8_t>& keys, Nanoseconds hold) {
    if (!machine_->key_sender().send(keys, hold)) throw HostError("too many keys are waiting to be sent");
}

void MachineControl::key(uint8_t key, bool down) {
    if (!machine_->key_sender().press(key, down)) throw HostError("too many keys are waiting to be sent");
}

void MachineControl::move_mouse(int dx, int dy, int dz) {
    machine_->keyboard().move_mouse(dx, dy, dz, buttons_);
}

void MachineControl::mouse_buttons(uint8_t buttons) {
    buttons_ = buttons;
    machine_->keyboard().move_mouse(0, 0, 0, buttons_);
}

void MachineControl::set_password(std::string_view display, const std::string& password,
                                  std::string_view if_connected) {
    if (display == "spice") throw HostError("SPICE is not in use");
    if (display != "vnc") throw HostError(fmt::format("Parameter 'protocol' does not accept value '{}'", display));
    if (if_connected != "keep") throw HostError("parameter 'connected' must be 'keep' when 'protocol' is 'vnc'");
    if (!set_password_) throw HostError("Could not set password: start with -vnc ...,password=on");
    set_password_(password);
}

void MachineControl::screendump(const std::string& path, ScreenFormat format) {
    if (!machine_->vga()) throw HostError("There is no console to take a screendump from");
    write_screen(*machine_->vga(), path, "screendump", format);
}

// Bytes that are no memory are zeros when the addresses are physical, as QEMU's are; else they are an error.
void MachineControl::save_memory(uint64_t address, uint64_t size, const std::string& path, bool physical) {
    constexpr uint64_t kMost = uint64_t{1} << 32;
    if (address > kMost || size > kMost) throw HostError("Invalid parameter 'size': at most 4 GiB");
    const std::unique_ptr<FILE, int (*)(FILE*)> file(fopen(path.c_str(), "wb"), fclose);
    if (!file) throw HostError(fmt::format("Could not open '{}': {}", path, strerror(errno)));
    std::vector<uint8_t> bytes(65536);
    for (uint64_t done = 0; done < size;) {
        const auto piece = std::span(bytes).first(std::min<uint64_t>(size - done, bytes.size()));
        std::ranges::fill(piece, uint8_t{0});
        if (physical)
            machine_->memory().dma_read(GuestPhys(address + done), piece);
        else if (!machine_->memory().debug_read(GuestVirt(static_cast<uint32_t>(address + done)), piece))
            throw HostError(fmt::format("Invalid addr {:#x}/size {} specified", address, size));
        if (fwrite(piece.data(), 1, piece.size(), file.get()) != piece.size())
            throw HostError(fmt::format("writing '{}': {}", path, strerror(errno)));
        done += piece.size();
    }
    if (fflush(file.get()) != 0) throw HostError(fmt::format("writing '{}': {}", path, strerror(errno)));
}

// --- media ----------------------------------------------------------------------------------------------------------

std::string MachineControl::name_of(const DriveOption& option) {
    if (!option.id.empty()) return option.id;
    const unsigned index = option.index.value_or(0);
    if (option.interface == DriveOption::Interface::Floppy) return fmt::format("floppy{}", index);
    if (option.interface == DriveOption::Interface::Virtio) return fmt::format("virtio{}", index);
    if (option.interface != DriveOption::Interface::Ide) return fmt::format("none{}", index);
    return fmt::format("ide{}-{}{}", index / 2, option.cdrom ? "cd" : "hd", index % 2);
}

const Drives::Entry* MachineControl::find_drive(std::string_view name) const {
    if (drives_)
        for (const Drives::Entry& e : drives_->all())
            if (name_of(e.option) == name) return &e;
    return nullptr;
}

AtapiCdrom* MachineControl::cdrom(const Drives::Entry& entry) {
    return machine_->storage() && entry.option.cdrom && entry.option.interface == DriveOption::Interface::Ide
               ? machine_->storage()->cdrom(entry.option.index.value_or(0))
               : nullptr;
}

bool MachineControl::tray_open(const Drives::Entry& entry) {
    const AtapiCdrom* drive = cdrom(entry);
    return drive && drive->tray_open();
}

bool MachineControl::tray_locked(const Drives::Entry& entry) {
    const AtapiCdrom* drive = cdrom(entry);
    return drive && drive->locked();
}

void MachineControl::open_tray(const Drives::Entry& entry, bool open) {
    AtapiCdrom* drive = cdrom(entry);
    if (!drive || drive->tray_open() == open) return;
    drive->move_tray(open);
    tell_of_tray(entry, open);
}

void MachineControl::tell_of_tray(const Drives::Entry& entry, bool open) {
    tell({.kind = Event::Kind::TrayMoved, .device = name_of(entry.option), .id = entry.option.id, .tray_open = open});
}

void MachineControl::eject(std::string_view name, bool force) {
    const Drives::Entry* entry = find_drive(name);
    if (!entry) throw HostError(fmt::format("Device '{}' not found", name));
    if (!entry->option.removable()) throw HostError(fmt::format("Device '{}' is not removable", name));
    if (tray_locked(*entry) && !force && !tray_open(*entry)) {
        cdrom(*entry)->request_eject();
        throw HostError(fmt::format(
            "Device '{}' is locked and force was not specified, wait for tray to open and try again", name));
    }
    settle();
    open_tray(*entry, true);
    entry->drive->eject();
}

namespace {

bool is_same_file(const std::string& a, const std::string& b) {
    std::error_code none;
    return !a.empty() && !b.empty() && std::filesystem::equivalent(a, b, none);
}

}  // namespace

void MachineControl::change(std::string_view name, const std::string& file, const std::string& format,
                            std::optional<bool> read_only) {
    const Drives::Entry* entry = find_drive(name);
    if (!entry) throw HostError(fmt::format("Device '{}' not found", name));
    DriveOption option = entry->option;
    option.file = file;
    option.format = format;
    option.read_only = read_only.value_or(option.read_only);
    option.shown = fmt::format("change {} {}", name, file);
    // Before anything has moved; but its own file can be opened again only once it is closed.
    const bool same = is_same_file(file, entry->drive->file());
    auto image = same ? nullptr : open_drive_image(option);
    eject(name, false);
    if (same) image = open_drive_image(option);
    entry->drive->insert(std::move(image), file);
    // The drive has closed its tray over the new medium; who listens is to hear of it.
    if (AtapiCdrom* drive = cdrom(*entry)) drive->move_tray(true);
    open_tray(*entry, false);
}

void MachineControl::settle() {
    if (drives_)
        for (const Drives::Entry& entry : drives_->all())
            if (entry.drive->held())
                throw HostError(fmt::format("'{}' has a request that failed and waits to be tried again: cont, or system_reset", name_of(entry.option)));
    if (!machine_->settle()) throw HostError("a disk request does not end; try again");
}

}  // namespace ringfold
