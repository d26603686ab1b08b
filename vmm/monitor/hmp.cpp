// The table of commands, and the short ones.
#include "vmm/monitor/hmp.h"

#include <algorithm>

#include <fmt/format.h>

#include "vmm/base/result.h"
#include "vmm/monitor/expression.h"
#include "vmm/monitor/key_names.h"
#include "vmm/options.h"
#include "vmm/screenshot.h"

namespace ringfold {

using Command = Hmp::Command;

struct HmpTables {
    static constexpr Command kCommands[] = {
        {"change", "", "device filename [format [read-only-mode]]", "change a removable medium, or vnc password PASSWORD",
         &Hmp::change},
        {"cont", "c", "", "resume emulation", &Hmp::cont},
        {"delvm", "", "tag", "delete a VM snapshot from its tag", &Hmp::delvm},
        {"eject", "", "[-f] device", "eject a removable medium (use -f to force it)", &Hmp::eject},
        {"help", "?", "[cmd]", "show the help", &Hmp::help},
        {"info", "", "[subcommand]", "show various information about the system state", &Hmp::info},
        {"loadvm", "", "tag", "restore a VM snapshot from its tag, or from a file: ./NAME", &Hmp::loadvm},
        {"memsave", "", "addr size file", "save to disk virtual memory dump starting at 'addr' of size 'size'",
         &Hmp::memsave},
        {"mouse_button", "", "state", "change mouse button state (1=L, 2=M, 4=R)", &Hmp::mouse_button},
        {"mouse_move", "", "dx dy [dz]", "send mouse move events", &Hmp::mouse_move},
        {"pmemsave", "", "addr size file", "save to disk physical memory dump starting at 'addr' of size 'size'",
         &Hmp::pmemsave},
        {"print", "p", "/fmt expr", "print expression value (use $reg for CPU register access)", &Hmp::print},
        {"quit", "q", "", "quit the emulator", &Hmp::quit},
        {"savevm", "", "tag", "save a VM snapshot into the disks, or into a file: ./NAME", &Hmp::savevm},
        {"screendump", "", "filename [-f format]", "save screen into PPM or PNG image 'filename'", &Hmp::screendump},
        {"sendkey", "", "keys [hold_ms]", "send keys to the VM (e.g. 'sendkey ctrl-alt-f1', default hold time=100 ms)",
         &Hmp::sendkey},
        {"set_password", "", "protocol password [action-if-connected]", "set vnc password", &Hmp::set_password},
        {"stop", "s", "", "stop emulation", &Hmp::stop},
        {"system_powerdown", "", "", "send system power down event", &Hmp::system_powerdown},
        {"system_reset", "", "", "reset the system", &Hmp::system_reset},
        {"x", "", "/fmt addr", "virtual memory dump starting at 'addr'", &Hmp::x},
        {"xp", "", "/fmt addr", "physical memory dump starting at 'addr'", &Hmp::xp},
    };
    static constexpr Command kInfo[] = {
        {"block", "", "[-v] [device]", "show info of one block device or all block devices", &Hmp::info_block},
        {"irq", "", "", "show the interrupts statistics (if available)", &Hmp::info_irq},
        {"jit", "", "", "show dynamic compiler info", &Hmp::info_jit},
        {"mem", "", "", "show the active virtual memory mappings", &Hmp::info_mem},
        {"name", "", "", "show the current VM name", &Hmp::info_name},
        {"network", "", "", "show the network state", &Hmp::info_network},
        {"lapic", "", "", "show local apic state", &Hmp::info_lapic},
        {"pci", "", "", "show PCI info", &Hmp::info_pci},
        {"pic", "", "", "show PIC state", &Hmp::info_pic},
        {"registers", "", "[-a]", "show the cpu registers (-a: all - show register info for all cpus)",
         &Hmp::info_registers},
        {"snapshots", "", "", "show the currently saved VM snapshots", &Hmp::info_snapshots},
        {"state", "", "[part]", "show the state of a device, or the names of all", &Hmp::info_state},
        {"status", "", "", "show the current VM status (running|paused)", &Hmp::info_status},
        {"tlb", "", "", "show virtual to physical memory mappings", &Hmp::info_tlb},
        {"uuid", "", "", "show the current VM UUID", &Hmp::info_uuid},
        {"version", "", "", "show the version of QEMU that this monitor speaks like", &Hmp::info_version},
    };
    static const Command* find(std::span<const Command> table, std::string_view name) {
        const auto found = std::ranges::find_if(
            table, [name](const Command& c) { return c.name == name || (!c.alias.empty() && c.alias == name); });
        return found == table.end() ? nullptr : &*found;
    }
};

// --- arguments
// --------------------------------------------------------------------------------------------------------

void Hmp::Arguments::skip() {
    while (!text_.empty() && (text_.front() == ' ' || text_.front() == '\t')) text_.remove_prefix(1);
}

std::string Hmp::Arguments::word(const char* what) {
    if (text_.empty()) throw HostError(fmt::format("{} expected", what));
    std::string result;
    if (text_.front() == '"') {
        size_t n = 1;
        for (; n < text_.size() && text_[n] != '"'; ++n) {
            if (text_[n] == '\\' && n + 1 < text_.size()) ++n;
            result += text_[n];
        }
        if (n == text_.size()) throw HostError("unterminated string");
        text_.remove_prefix(n + 1);
    } else {
        const size_t n = std::min(text_.find_first_of(" \t"), text_.size());
        result = text_.substr(0, n);
        text_.remove_prefix(n);
    }
    skip();
    return result;
}

int64_t Hmp::Arguments::number() {
    return take_expression(text_, control_.machine().state());
}

std::string Hmp::Arguments::format() {
    if (text_.empty() || text_.front() != '/') return "";
    text_.remove_prefix(1);
    return text_.empty() || text_.front() == ' ' ? (skip(), std::string()) : word("format");
}

bool Hmp::Arguments::flag(char letter) {
    if (text_.size() < 2 || text_[0] != '-' || text_[1] != letter || (text_.size() > 2 && text_[2] != ' '))
        return false;
    text_.remove_prefix(2);
    skip();
    return true;
}

void Hmp::Arguments::end(std::string_view command) const {
    if (!empty()) throw HostError(fmt::format("{}: extraneous characters at the end of line", command));
}

// --- running
// ----------------------------------------------------------------------------------------------------------

std::string Hmp::greeting() {
    wants_password_ = false;
    std::string version = version_text();
    version[0] = 'R';
    version.pop_back();
    return fmt::format("{} monitor - type 'help' for more information\n", version);
}

std::string Hmp::run(std::string_view line) {
    try {
        if (std::exchange(wants_password_, false)) return control_.set_password("vnc", std::string(line), "keep"), "";
        return run_checked(line);
    } catch (const HostError& e) {
        return fmt::format("Error: {}\n", e.what());
    } catch (const std::bad_alloc&) {
        return "Error: the host is out of memory\n";
    }
}

std::string Hmp::run_checked(std::string_view line) {
    while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
    while (!line.empty() && (line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
    if (line.empty() || line.front() == '#') return "";
    const size_t n = std::min(line.find_first_of(" \t/"), line.size());
    const std::string_view name = line.substr(0, n);
    const Command* command = HmpTables::find(HmpTables::kCommands, name);
    if (!command) return fmt::format("unknown command: '{}'\n", name);
    Arguments arguments(line.substr(n), control_);
    return (this->*command->run)(arguments);
}

std::string Hmp::help(Arguments& a) {
    std::span<const Command> table = HmpTables::kCommands;
    std::string text, only = a.word_or(""), before;
    if (only == "info") {
        table = HmpTables::kInfo;
        before = "info ";
        only = a.word_or("");
    }
    for (const Command& c : table) {
        if (!only.empty() && only != c.name && only != c.alias) continue;
        text += fmt::format("{}{}{}{} {} -- {}\n", before, c.name, c.alias.empty() ? "" : "|", c.alias, c.parameters,
                            c.summary);
    }
    return text;
}

std::string Hmp::info(Arguments& a) {
    if (a.empty()) return run_checked("help info");
    const std::string name = a.word("");
    const Command* command = HmpTables::find(HmpTables::kInfo, name);
    if (!command) return fmt::format("unknown command: 'info {}'\n", name);
    return (this->*command->run)(a);
}

std::string Hmp::stop(Arguments&) {
    control_.stop();
    return "";
}
std::string Hmp::cont(Arguments&) {
    control_.cont();
    return "";
}
std::string Hmp::quit(Arguments&) {
    control_.quit();
    return "";
}
std::string Hmp::system_reset(Arguments&) {
    control_.system_reset();
    return "";
}
std::string Hmp::system_powerdown(Arguments&) {
    control_.system_powerdown();
    return "";
}

std::string Hmp::sendkey(Arguments& a) {
    const std::string keys = a.word("sendkey: string");
    const int64_t hold = a.empty() ? 100 : a.number();
    std::vector<uint8_t> codes;
    for (size_t at = 0; at <= keys.size();) {
        // "-" itself is written "minus"; a key named nothing is an error.
        const size_t end = std::min(keys.find('-', at), keys.size());
        const std::string_view name = std::string_view(keys).substr(at, end - at);
        const auto code = key_named(name);
        if (!code) return fmt::format("invalid parameter: {}\n", name);
        codes.push_back(*code);
        at = end + 1;
    }
    control_.send_keys(codes, std::clamp<int64_t>(hold, 0, 60'000) * kMillisecond);
    return "";
}

std::string Hmp::mouse_move(Arguments& a) {
    const auto distance = [&a] { return static_cast<int>(std::clamp<int64_t>(a.number(), -10'000, 10'000)); };
    const int dx = distance(), dy = distance();
    control_.move_mouse(dx, dy, a.empty() ? 0 : distance());
    return "";
}

// QEMU counts left, middle, right; the mouse left, right, middle.
std::string Hmp::mouse_button(Arguments& a) {
    const int64_t state = a.number();
    control_.mouse_buttons(static_cast<uint8_t>((state & 1) | (state & 4 ? 2 : 0) | (state & 2 ? 4 : 0)));
    return "";
}

std::string Hmp::screendump(Arguments& a) {
    const auto format_named = [](const std::string& name) {
        if (name == "png") return ScreenFormat::Png;
        if (name == "ppm") return ScreenFormat::Ppm;
        throw HostError(fmt::format("Parameter 'format' does not accept value '{}'", name));
    };
    std::optional<ScreenFormat> format;
    if (a.flag('f')) format = format_named(a.word("screendump: format"));
    const std::string file = a.word("screendump: filename");
    if (a.flag('f')) format = format_named(a.word("screendump: format"));
    control_.screendump(file, format.value_or(screen_format(file)));
    return "";
}

std::string Hmp::eject(Arguments& a) {
    const bool force = a.flag('f');
    control_.eject(a.word("eject: string"), force);
    return "";
}

std::string Hmp::change(Arguments& a) {
    a.flag('f');
    const std::string device = a.word("change: string"), file = a.word("change: string");
    if (device == "vnc") {
        if (file != "password") throw HostError("Expected 'password' after 'vnc'");
        if (!a.empty())
            control_.set_password(device, a.word(""), "keep");
        else if (can_ask_)
            wants_password_ = true;
        else
            throw HostError("change vnc password: string expected: nobody can be asked here");
        return "";
    }
    const std::string format = a.word_or(""), mode = a.word_or("retain");
    std::optional<bool> read_only;
    if (mode == "read-only")
        read_only = true;
    else if (mode == "read-write")
        read_only = false;
    else if (mode != "retain")
        throw HostError(fmt::format("Parameter 'read-only-mode' does not accept value '{}'", mode));
    control_.change(device, file, format, read_only);
    return "";
}

std::string Hmp::set_password(Arguments& a) {
    const std::string protocol = a.word("set_password: string"), password = a.word("set_password: string");
    control_.set_password(protocol, password, a.word_or("keep"));
    return "";
}

std::string Hmp::savevm(Arguments& a) {
    control_.save_snapshot(a.word("savevm: name"));
    return "";
}
std::string Hmp::loadvm(Arguments& a) {
    control_.load_snapshot(a.word("loadvm: string"));
    return "";
}
std::string Hmp::delvm(Arguments& a) {
    control_.delete_snapshot(a.word("delvm: string"));
    return "";
}

std::string Hmp::pmemsave(Arguments& a) {
    const auto address = static_cast<uint64_t>(a.number()), size = static_cast<uint64_t>(a.number());
    control_.save_memory(address, size, a.word("pmemsave: string"), true);
    return "";
}
std::string Hmp::memsave(Arguments& a) {
    const auto address = static_cast<uint64_t>(a.number()), size = static_cast<uint64_t>(a.number());
    control_.save_memory(address, size, a.word("memsave: string"), false);
    return "";
}

}  // namespace ringfold
