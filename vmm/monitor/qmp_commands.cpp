// One function for each command, in a table. Arguments are checked as QEMU's schema has them.
#include "vmm/monitor/qmp_commands.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <initializer_list>

#include <fmt/format.h>

#include "vmm/monitor/hmp.h"
#include "vmm/monitor/key_names.h"
#include "vmm/monitor/version.h"
#include "vmm/screenshot.h"

namespace ringfold {

namespace {

using Json = nlohmann::json;
using Ordered = nlohmann::ordered_json;

// An object's members, asked for by name; what was not asked for is unexpected.
class Members {
public:
    Members(const Json& object, std::string before = "") : object_(object), before_(std::move(before)) {}

    const Json* find(const char* name) {
        asked_.push_back(name);
        const auto found = object_.find(name);
        return found == object_.end() ? nullptr : &*found;
    }
    const Json& need(const char* name) {
        const Json* value = find(name);
        if (!value) throw QmpError(fmt::format("Parameter '{}{}' is missing", before_, name));
        return *value;
    }
    std::string text(const char* name) { return as_text(name, need(name)); }
    std::optional<std::string> text_if(const char* name) {
        const Json* value = find(name);
        return value ? std::optional(as_text(name, *value)) : std::nullopt;
    }
    int64_t number(const char* name) {
        const Json& value = need(name);
        if (!value.is_number_integer()) wrong(name, "integer");
        return value.get<int64_t>();
    }
    std::optional<int64_t> number_if(const char* name) {
        return object_.contains(name) ? std::optional(number(name)) : (find(name), std::nullopt);
    }
    bool flag(const char* name, bool otherwise) {
        const Json* value = find(name);
        if (value && !value->is_boolean()) wrong(name, "boolean");
        return value ? value->get<bool>() : otherwise;
    }
    const Json& object(const char* name) {
        const Json& value = need(name);
        if (!value.is_object()) wrong(name, "object");
        return value;
    }
    const Json& list(const char* name) {
        const Json& value = need(name);
        if (!value.is_array()) wrong(name, "array");
        return value;
    }
    void end() const {
        for (const auto& [key, value] : object_.items())
            if (std::ranges::find(asked_, key) == asked_.end())
                throw QmpError(fmt::format("Parameter '{}{}' is unexpected", before_, key));
    }

private:
    [[noreturn]] void wrong(const char* name, const char* expected) const {
        throw QmpError(fmt::format("Invalid parameter type for '{}{}', expected: {}", before_, name, expected));
    }
    std::string as_text(const char* name, const Json& value) const {
        if (!value.is_string()) wrong(name, "string");
        return value.get<std::string>();
    }

    const Json& object_;
    std::string before_;
    std::vector<std::string> asked_;
};

using Run = Ordered (*)(MachineControl&, Members&);

Ordered nothing() {
    return Ordered::object();
}

// --- queries --------------------------------------------------------------------------------------------------------

Ordered query_status(MachineControl& c, Members&) {
    static constexpr const char* kNames[] = {"running", "paused", "prelaunch", "shutdown", "io-error"};
    return {{"running", c.running()}, {"singlestep", false}, {"status", kNames[static_cast<size_t>(c.run_state())]}};
}

Ordered query_version(MachineControl&, Members&) {
    return {{"qemu", {{"micro", kQemuMicro}, {"minor", kQemuMinor}, {"major", kQemuMajor}}},
            {"package", package_version()}};
}

Ordered query_name(MachineControl& c, Members&) {
    return c.options().name.empty() ? nothing() : Ordered{{"name", c.options().name}};
}

// Zeros for one without, as QEMU says.
Ordered query_uuid(MachineControl& c, Members&) {
    return {{"UUID", to_string(c.options().smbios.uuid.value_or(Uuid{}))}};
}

Ordered query_kvm(MachineControl&, Members&) {
    return {{"enabled", false}, {"present", false}};
}

Ordered query_cpus_fast(MachineControl&, Members&) {
    return Ordered::array({{{"cpu-index", 0},
                            {"qom-path", "/machine/unattached/device[0]"},
                            {"thread-id", getpid()},
                            {"target", "i386"}}});
}

Ordered block_json(MachineControl& c, const Drives::Entry& e) {
    using Cache = block::DrivePolicy::Cache;
    const auto held = e.drive->held();
    Ordered json = {{"io-status", !held ? "ok" : *held == ENOSPC ? "nospace" : "failed"},
                    {"device", MachineControl::name_of(e.option)},
                    {"locked", c.tray_locked(e)},
                    {"removable", e.option.removable()}};
    if (const auto medium = e.drive->medium()) {
        json["inserted"] = {
            {"ro", medium->read_only},
            {"drv", e.drive->format()},
            {"file", e.drive->file()},
            {"encrypted", false},
            {"backing_file_depth", 0},
            {"iops", 0},
            {"iops_rd", 0},
            {"iops_wr", 0},
            {"bps", 0},
            {"bps_rd", 0},
            {"bps_wr", 0},
            {"write_threshold", 0},
            {"detect_zeroes", "off"},
            {"cache", {{"no-flush", e.option.policy.cache == Cache::Unsafe},
                       {"direct", false},
                       {"writeback", e.option.policy.cache != Cache::WriteThrough}}},
            {"image", {{"filename", e.drive->file()}, {"format", e.drive->format()}, {"virtual-size", medium->bytes}}}};
    }
    if (e.option.cdrom) json["tray_open"] = c.tray_open(e);
    json["type"] = "unknown";
    return json;
}

Ordered query_block(MachineControl& c, Members&) {
    Ordered all = Ordered::array();
    if (c.drives())
        for (const Drives::Entry& e : c.drives()->all()) all.push_back(block_json(c, e));
    return all;
}

Ordered query_commands(MachineControl&, Members&);

// --- the machine ----------------------------------------------------------------------------------------------------

Ordered stop(MachineControl& c, Members&) {
    c.stop();
    return nothing();
}
Ordered cont(MachineControl& c, Members&) {
    c.cont();
    return nothing();
}
Ordered system_reset(MachineControl& c, Members&) {
    c.system_reset();
    return nothing();
}
Ordered system_powerdown(MachineControl& c, Members&) {
    c.system_powerdown();
    return nothing();
}
Ordered quit(MachineControl& c, Members&) {
    c.quit();
    return nothing();
}

Ordered human_monitor_command(MachineControl& c, Members& m) {
    const std::string line = m.text("command-line");
    m.number_if("cpu-index");
    m.end();
    std::string out;
    // As QEMU's does, with carriage returns.
    for (const char ch : Hmp(c, false).run(line)) {
        if (ch == '\n') out += '\r';
        out += ch;
    }
    return out;
}

Ordered set_password(MachineControl& c, Members& m) {
    const std::string protocol = m.text("protocol"), password = m.text("password");
    const std::string connected = m.text_if("connected").value_or("keep");
    m.end();
    c.set_password(protocol, password, connected);
    return nothing();
}

Ordered change_vnc_password(MachineControl& c, Members& m) {
    const std::string password = m.text("password");
    m.end();
    c.set_password("vnc", password, "keep");
    return nothing();
}

Ordered screendump(MachineControl& c, Members& m) {
    const std::string file = m.text("filename"), format = m.text_if("format").value_or("ppm");
    m.text_if("device");
    m.number_if("head");
    m.end();
    if (format != "ppm" && format != "png")
        throw QmpError(fmt::format("Parameter 'format' does not accept value '{}'", format));
    c.screendump(file, format == "png" ? ScreenFormat::Png : ScreenFormat::Ppm);
    return nothing();
}

Ordered save_memory(MachineControl& c, Members& m, bool physical) {
    const int64_t address = m.number("val"), size = m.number("size");
    const std::string file = m.text("filename");
    m.number_if("cpu-index");
    m.end();
    if (address < 0 || size < 0) throw QmpError("Parameter 'size' expects a number that is not negative");
    c.save_memory(static_cast<uint64_t>(address), static_cast<uint64_t>(size), file, physical);
    return nothing();
}
Ordered pmemsave(MachineControl& c, Members& m) {
    return save_memory(c, m, true);
}
Ordered memsave(MachineControl& c, Members& m) {
    return save_memory(c, m, false);
}

// --- input ----------------------------------------------------------------------------------------------------------

// {"type": "qcode", "data": "a"} or {"type": "number", "data": 30}
uint8_t key_value(const Json& value, const std::string& before) {
    if (!value.is_object()) throw QmpError(fmt::format("Invalid parameter type for '{}', expected: object", before));
    Members m(value, before + ".");
    const std::string type = m.text("type");
    std::optional<uint8_t> key;
    if (type == "qcode") {
        const std::string name = m.text("data");
        key = key_named(name);
        if (!key) throw QmpError(fmt::format("Parameter '{}.data' does not accept value '{}'", before, name));
    } else if (type == "number") {
        const int64_t number = m.number("data");
        key = key_numbered(number);
        if (!key) throw QmpError(fmt::format("Parameter '{}.data' is no key's number: {}", before, number));
    } else {
        throw QmpError(fmt::format("Parameter '{}.type' does not accept value '{}'", before, type));
    }
    m.end();
    return *key;
}

Ordered send_key(MachineControl& c, Members& m) {
    const Json& keys = m.list("keys");
    const int64_t hold = m.number_if("hold-time").value_or(100);
    m.end();
    std::vector<uint8_t> codes;
    for (const Json& key : keys) codes.push_back(key_value(key, "keys[" + std::to_string(codes.size()) + "]"));
    c.send_keys(codes, std::clamp<int64_t>(hold, 0, 60'000) * kMillisecond);
    return nothing();
}

// What all events together do, checked before any of it is done.
struct InputActions {
    std::vector<std::pair<uint8_t, bool>> keys;
    int dx = 0, dy = 0, dz = 0;
    uint8_t buttons = 0;
    bool pressed = false;

    void add(const Json& event, const std::string& at) {
        if (!event.is_object()) throw QmpError(fmt::format("Invalid parameter type for '{}', expected: object", at));
        Members m(event, at + ".");
        const std::string type = m.text("type");
        Members data(m.object("data"), at + ".data.");
        m.end();
        if (type == "key") {
            const bool down = data.flag("down", false);
            keys.emplace_back(key_value(data.need("key"), at + ".data.key"), down);
        } else if (type == "btn") {
            button(data.text("button"), data.flag("down", false), at);
        } else if (type == "rel") {
            const std::string axis = data.text("axis");
            const auto value = static_cast<int>(std::clamp<int64_t>(data.number("value"), -10'000, 10'000));
            if (axis != "x" && axis != "y")
                throw QmpError(fmt::format("Parameter '{}.data.axis' does not accept value '{}'", at, axis));
            (axis == "x" ? dx : dy) += value;
        } else if (type == "abs") {
            throw QmpError("there is no device that takes absolute positions; send 'rel'");
        } else {
            throw QmpError(fmt::format("Parameter '{}.type' does not accept value '{}'", at, type));
        }
        data.end();
    }

private:
    void button(const std::string& name, bool down, const std::string& at) {
        static constexpr std::pair<const char*, uint8_t> kButtons[] = {
            {"left", 1}, {"right", 2}, {"middle", 4}, {"side", 8}, {"extra", 16}};
        if (name == "wheel-up" || name == "wheel-down") {
            if (down) dz += name == "wheel-up" ? -1 : 1;
            return;
        }
        for (const auto& [known, bit] : kButtons) {
            if (name != known) continue;
            buttons = static_cast<uint8_t>(down ? buttons | bit : buttons & ~bit);
            pressed = true;
            return;
        }
        throw QmpError(fmt::format("Parameter '{}.data.button' does not accept value '{}'", at, name));
    }
};

Ordered input_send_event(MachineControl& c, Members& m) {
    const Json& events = m.list("events");
    m.text_if("device");
    m.number_if("head");
    m.end();
    InputActions all{.buttons = c.mouse_buttons()};
    size_t n = 0;
    for (const Json& event : events) all.add(event, "events[" + std::to_string(n++) + "]");
    for (const auto& [key, down] : all.keys) c.key(key, down);
    if (all.dx || all.dy || all.dz) c.move_mouse(all.dx, all.dy, all.dz);
    if (all.pressed) c.mouse_buttons(all.buttons);
    return nothing();
}

// --- media ----------------------------------------------------------------------------------------------------------

// QEMU has two names for a device: of its drive, and of itself.
std::string device_of(Members& m) {
    const auto device = m.text_if("device"), id = m.text_if("id");
    if (device.has_value() == id.has_value()) throw QmpError("Need exactly one of 'device' and 'id'");
    return device ? *device : *id;
}

Ordered eject(MachineControl& c, Members& m) {
    const std::string device = device_of(m);
    const bool force = m.flag("force", false);
    m.end();
    if (!c.find_drive(device)) throw QmpError(fmt::format("Device '{}' not found", device), "DeviceNotFound");
    c.eject(device, force);
    return nothing();
}

Ordered blockdev_change_medium(MachineControl& c, Members& m) {
    const std::string device = device_of(m), file = m.text("filename"), format = m.text_if("format").value_or(""),
                      mode = m.text_if("read-only-mode").value_or("retain");
    m.flag("force", false);
    m.end();
    if (!c.find_drive(device)) throw QmpError(fmt::format("Device '{}' not found", device), "DeviceNotFound");
    if (mode != "retain" && mode != "read-only" && mode != "read-write")
        throw QmpError(fmt::format("Parameter 'read-only-mode' does not accept value '{}'", mode));
    c.change(device, file, format, mode == "retain" ? std::nullopt : std::optional(mode == "read-only"));
    return nothing();
}

struct Command {
    const char* name;
    Run run;
    bool takes_arguments;
};
constexpr Command kCommands[] = {
    {"blockdev-change-medium", blockdev_change_medium, true},
    {"change-vnc-password", change_vnc_password, true},
    {"cont", cont, false},
    {"eject", eject, true},
    {"human-monitor-command", human_monitor_command, true},
    {"input-send-event", input_send_event, true},
    {"memsave", memsave, true},
    {"pmemsave", pmemsave, true},
    {"query-block", query_block, false},
    {"query-commands", query_commands, false},
    {"query-cpus-fast", query_cpus_fast, false},
    {"query-kvm", query_kvm, false},
    {"query-name", query_name, false},
    {"query-status", query_status, false},
    {"query-uuid", query_uuid, false},
    {"query-version", query_version, false},
    {"quit", quit, false},
    {"screendump", screendump, true},
    {"send-key", send_key, true},
    {"set_password", set_password, true},
    {"stop", stop, false},
    {"system_powerdown", system_powerdown, false},
    {"system_reset", system_reset, false},
};

Ordered query_commands(MachineControl&, Members&) {
    Ordered all = Ordered::array({{{"name", "qmp_capabilities"}}});
    for (const Command& command : kCommands) all.push_back({{"name", command.name}});
    return all;
}

}  // namespace

Ordered run_qmp_command(MachineControl& control, const std::string& name, const Json& arguments) {
    const auto found = std::ranges::find_if(kCommands, [&](const Command& c) { return name == c.name; });
    if (found == std::end(kCommands))
        throw QmpError(fmt::format("The command {} has not been found", name), "CommandNotFound");
    Members members(arguments);
    if (!found->takes_arguments) members.end();
    return found->run(control, members);
}

}  // namespace ringfold
