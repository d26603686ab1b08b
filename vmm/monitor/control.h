// What a monitor's user can do to the machine: one meaning for each command, whether it comes by the human monitor or
// by QMP. It outlives the machine, which a reset and a loaded snapshot replace. All on the vCPU's thread, while the CPU
// does not run.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/drives.h"
#include "vmm/machine.h"
#include "vmm/snapshot/snapshot.h"

namespace ringfold {

enum class ScreenFormat : uint8_t;

class MachineControl {
public:
    struct Event {
        enum class Kind : uint8_t { Stop, Resume, Reset, PowerDown, Shutdown, TrayMoved, IoError } kind;
        bool guest = false;       // Reset, Shutdown: the guest's doing
        const char* reason = "";  // in QMP's words
        std::string device, id;   // TrayMoved, IoError
        bool tray_open = false;
        block::Drive::Failure failure = {};  // IoError
    };
    enum class RunState : uint8_t { Running, Paused, Prelaunch, Shutdown, IoError };
    // What the loop around the machine has to do.
    enum class Wish : uint8_t { Quit, Close, Reset, Load };  // Close: of the display's window

    MachineControl(const Options& options, Input& input, const Drives* drives);

    // Each machine once it is built; a machine that is gone is never used.
    void attach(Machine& machine);
    Machine& machine() { return *machine_; }
    const Options& options() const { return options_; }
    const Drives* drives() const { return drives_; }
    void on_event(std::function<void(const Event&)> listener) { listeners_.push_back(std::move(listener)); }
    void tell(const Event&);

    // Commands wait here, so that none begins inside another. From a letter, on the vCPU's thread.
    void enqueue(std::function<void()> command) { commands_.push_back(std::move(command)); }
    void run_commands();

    RunState run_state() const { return run_state_; }
    bool running() const { return run_state_ == RunState::Running; }
    void stop();
    void cont();
    // The guest has switched the machine off, and -no-shutdown keeps it.
    void shut_down();
    void quit() { wish_ = Wish::Quit; }
    void close() { wish_ = Wish::Close; }
    void system_reset() { wish_ = Wish::Reset; }
    void system_powerdown();
    std::optional<Wish> wish() const { return wish_; }
    void granted() { wish_.reset(); }
    // A machine that was stopped starts anew, but not by itself.
    void was_reset() {
        if (!running()) run_state_ = RunState::Prelaunch;
    }

    // The rest throws HostError, in one line.
    // Keys as Ps2Keyboard::key() takes them, pressed together and released after `hold`.
    void send_keys(const std::vector<uint8_t>& keys, Nanoseconds hold);
    void key(uint8_t key, bool down);
    void move_mouse(int dx, int dy, int dz);
    void mouse_buttons(uint8_t buttons);
    uint8_t mouse_buttons() const { return buttons_; }
    // `display`: the kind, as -vnc's "vnc". `setter` sets what viewers must know.
    void on_password(std::function<void(const std::string&)> setter) { set_password_ = std::move(setter); }
    void set_password(std::string_view display, const std::string& password, std::string_view if_connected);
    void screendump(const std::string& path, ScreenFormat format);
    void save_memory(uint64_t address, uint64_t size, const std::string& path, bool physical);

    const Drives::Entry* find_drive(std::string_view name) const;
    static std::string name_of(const DriveOption& option);
    bool tray_open(const Drives::Entry& entry);
    bool tray_locked(const Drives::Entry& entry);
    void eject(std::string_view name, bool force);
    void change(std::string_view name, const std::string& file, const std::string& format,
                std::optional<bool> read_only);

    // A name is a snapshot in the disks; what has a slash in it is a file.
    void save_snapshot(const std::string& name);
    void load_snapshot(const std::string& name);
    void delete_snapshot(const std::string& name);
    // The writable disks that have snapshots in them; the first one has the machine's state.
    std::vector<const Drives::Entry*> snapshot_disks(bool all_must) const;
    // The snapshot that Wish::Load is about.
    std::unique_ptr<Snapshot> take_loaded() { return std::move(loaded_); }

private:
    void settle();
    void synchronise_tsc();
    void disk_failed(const Drives::Entry& entry, const block::Drive::Failure& failure);
    AtapiCdrom* cdrom(const Drives::Entry& entry);
    void open_tray(const Drives::Entry& entry, bool open);
    void tell_of_tray(const Drives::Entry& entry, bool open);

    const Options& options_;
    Input& input_;
    const Drives* drives_;
    Machine* machine_ = nullptr;
    RunState run_state_ = RunState::Running;
    std::optional<Wish> wish_;
    uint64_t stopped_tsc_ = 0;
    uint8_t buttons_ = 0;
    std::deque<std::function<void()>> commands_;
    std::vector<std::function<void(const Event&)>> listeners_;
    std::function<void(const std::string&)> set_password_;
    std::unique_ptr<Snapshot> loaded_;
};

}  // namespace ringfold
