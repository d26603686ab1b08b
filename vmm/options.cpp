// Parses the command line: one table names each option, one small function reads its argument.
#include "vmm/options.h"

#include <getopt.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "translator/classify/classifier.h"
#include "translator/engine/engine.h"
#include "vmm/base/log.h"
#include "vmm/base/result.h"
#include "vmm/boot_paths.h"
#include "vmm/not_here.h"
#include "vmm/option_words.h"

namespace ringfold {

namespace {

constexpr uint64_t kMinMemory = uint64_t{1} << 20, kMaxMemory = 0xe0000000;

enum Id : int {
    kKernel = 256,
    kMemory,
    kLog,
    kLogFile,
    kShowHelp,
    kChardev,
    kMon,
    kCpu,
    kFirmwareFolder,
    kCurses,
    kSdl,
    kInitrd,
    kAppend,
    kSerial,
    kNographic,
    kDisplay,
    kNoReboot,
    kAccel,
    kEngine,
    kUser,
    kAdapt,
    kDevice,
    kDebugcon,
    kStats,
    kVersion,
    kMachine,
    kBios,
    kBoot,
    kVga,
    kVnc,
    kKeyboardLayout,
    kGlobal,
    kNoAcpi,
    kNoHpet,
    kNet,
    kNic,
    kNetdev,
    kNoDefaults,
    kParallel,
    kSmp,
    kScreendump,
    kMeansNothing,
    kDrive,
    kHda,
    kHdb,
    kHdc,
    kHdd,
    kCdrom,
    kFda,
    kFdb,
    kSnapshot,
    kMonitor,
    kQmp,
    kStartStopped,
    kPidFile,
    kLoadSnapshot,
    kNoShutdown,
    kName,
    kRtc,
    kDaemonize,
    kMemPath,
    kMemPrealloc,
    kFwCfg,
    kOptionRom,
    kSmbios,
    kUuid,
    kAction,
    kTbSize,
    kHostMemory,
};

constexpr option kOptions[] = {
    {"m", required_argument, nullptr, kMemory},
    {"mem-path", required_argument, nullptr, kMemPath},
    {"mem-prealloc", no_argument, nullptr, kMemPrealloc},
    {"kernel", required_argument, nullptr, kKernel},
    {"initrd", required_argument, nullptr, kInitrd},
    {"append", required_argument, nullptr, kAppend},
    {"serial", required_argument, nullptr, kSerial},
    {"nographic", no_argument, nullptr, kNographic},
    {"display", required_argument, nullptr, kDisplay},
    {"no-reboot", no_argument, nullptr, kNoReboot},
    {"accel", required_argument, nullptr, kAccel},
    {"engine", required_argument, nullptr, kEngine},
    {"user", required_argument, nullptr, kUser},
    {"adapt", required_argument, nullptr, kAdapt},
    {"device", required_argument, nullptr, kDevice},
    {"debugcon", required_argument, nullptr, kDebugcon},
    {"d", required_argument, nullptr, kLog},
    {"D", required_argument, nullptr, kLogFile},
    {"stats", required_argument, nullptr, kStats},
    {"version", no_argument, nullptr, kVersion},
    {"help", no_argument, nullptr, kShowHelp},
    {"h", no_argument, nullptr, kShowHelp},
    {"chardev", required_argument, nullptr, kChardev},
    {"mon", required_argument, nullptr, kMon},
    {"cpu", required_argument, nullptr, kCpu},
    {"L", required_argument, nullptr, kFirmwareFolder},
    {"curses", no_argument, nullptr, kCurses},
    {"sdl", no_argument, nullptr, kSdl},
    {"machine", required_argument, nullptr, kMachine},
    {"M", required_argument, nullptr, kMachine},
    {"bios", required_argument, nullptr, kBios},
    {"boot", required_argument, nullptr, kBoot},
    {"vga", required_argument, nullptr, kVga},
    {"vnc", required_argument, nullptr, kVnc},
    {"k", required_argument, nullptr, kKeyboardLayout},
    {"global", required_argument, nullptr, kGlobal},
    {"no-acpi", no_argument, nullptr, kNoAcpi},
    {"no-hpet", no_argument, nullptr, kNoHpet},
    {"net", required_argument, nullptr, kNet},
    {"nic", required_argument, nullptr, kNic},
    {"netdev", required_argument, nullptr, kNetdev},
    {"parallel", required_argument, nullptr, kParallel},
    {"smp", required_argument, nullptr, kSmp},
    {"screendump", required_argument, nullptr, kScreendump},
    // Of QEMU's, what changes nothing about this machine.
    {"nodefaults", no_argument, nullptr, kNoDefaults},
    {"no-user-config", no_argument, nullptr, kMeansNothing},
    {"no-fd-bootchk", no_argument, nullptr, kMeansNothing},
    {"no-kvm", no_argument, nullptr, kMeansNothing},
    {"name", required_argument, nullptr, kName},
    {"monitor", required_argument, nullptr, kMonitor},
    {"qmp", required_argument, nullptr, kQmp},
    {"S", no_argument, nullptr, kStartStopped},
    {"pidfile", required_argument, nullptr, kPidFile},
    {"loadvm", required_argument, nullptr, kLoadSnapshot},
    {"no-shutdown", no_argument, nullptr, kNoShutdown},
    {"rtc", required_argument, nullptr, kRtc},
    {"daemonize", no_argument, nullptr, kDaemonize},
    {"fw_cfg", required_argument, nullptr, kFwCfg},
    {"option-rom", required_argument, nullptr, kOptionRom},
    {"smbios", required_argument, nullptr, kSmbios},
    {"uuid", required_argument, nullptr, kUuid},
    {"action", required_argument, nullptr, kAction},
    {"tb-size", required_argument, nullptr, kTbSize},
    {"overcommit", required_argument, nullptr, kHostMemory},
    {"realtime", required_argument, nullptr, kHostMemory},
    {"drive", required_argument, nullptr, kDrive},
    {"snapshot", no_argument, nullptr, kSnapshot},
    {"hda", required_argument, nullptr, kHda},
    {"hdb", required_argument, nullptr, kHdb},
    {"hdc", required_argument, nullptr, kHdc},
    {"hdd", required_argument, nullptr, kHdd},
    {"cdrom", required_argument, nullptr, kCdrom},
    {"fda", required_argument, nullptr, kFda},
    {"fdb", required_argument, nullptr, kFdb},
    {nullptr, 0, nullptr, 0},
};

template <class T>
bool parse_number(std::string_view text, T& out, int base = 10) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
    return error == std::errc{} && end == text.data() + text.size();
}

[[noreturn]] void bad(std::string_view name, std::string_view value, std::string_view remedy) {
    throw HostError(fmt::format("-{} {}: {}", name, value.empty() ? "''" : value, remedy));
}

// A size in MiB, or with a suffix K, M or G.
std::optional<uint64_t> parse_size(std::string_view text) {
    unsigned shift = 20;
    if (!text.empty()) {
        constexpr std::string_view kSuffixes = "kKmMgG";
        if (const size_t suffix = kSuffixes.find(text.back()); suffix != kSuffixes.npos) {
            shift = 10 + 10 * static_cast<unsigned>(suffix / 2);
            text.remove_suffix(1);
        }
    }
    uint64_t count = 0;
    if (!parse_number(text, count) || count > UINT64_MAX >> shift) return std::nullopt;
    return count << shift;
}

// QEMU's "size=" may stand before it.
uint64_t parse_memory(std::string_view text) {
    const std::string_view whole = text;
    if (text.starts_with("size=")) text.remove_prefix(5);
    const auto bytes = parse_size(text);
    if (text.find(',') != text.npos) bad("m", whole, "memory cannot be added later; write its size alone, for example -m 256M");
    if (!bytes) bad("m", whole, "not a size; write for example -m 256M or -m 1G");
    if (*bytes > kMaxMemory || *bytes < kMinMemory) bad("m", whole, "guest memory must be from 1M to 3584M; try -m 256M");
    if (*bytes % 4096) bad("m", whole, "guest memory must be a multiple of 4K; try -m 256M");
    return *bytes;
}

uint16_t parse_port(std::string_view device, std::string_view key, std::string_view value) {
    unsigned port = 0;
    const bool hex = value.starts_with("0x") || value.starts_with("0X");
    if (!parse_number(hex ? value.substr(2) : value, port, hex ? 16 : 10) || port > 0xffff)
        bad("device", device, fmt::format("{}={} is not a port number; write for example {}=0xf4", key, value, key));
    return static_cast<uint16_t>(port);
}

// "a,b,c" without its first word, which is returned.
std::string_view next_word(std::string_view& text, char separator) {
    const auto end = text.find(separator);
    const std::string_view word = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    return word;
}

DebugExit parse_device(std::string_view text) {
    const std::string_view whole = text;
    constexpr std::string_view kRemedy = "known devices are isa-debug-exit,iobase=0xf4,iosize=0x04, isa-serial and isa-debugcon with chardev=NAME, network cards, as e1000,netdev=NAME, and disks: ide-hd, ide-cd and virtio-blk-pci, with drive=NAME";
    const std::string_view name = next_word(text, ',');
    if (const auto why = why_no_device(name); !why.empty()) bad("device", whole, why);
    if (name != "isa-debug-exit") bad("device", whole, kRemedy);
    DebugExit result;
    while (!text.empty()) {
        const std::string_view word = next_word(text, ',');
        const auto equals = word.find('=');
        const std::string_view key = word.substr(0, equals);
        const std::string_view value = equals == std::string_view::npos ? std::string_view{} : word.substr(equals + 1);
        if (key == "iobase")
            result.base = parse_port(whole, key, value);
        else if (key == "iosize")
            result.size = parse_port(whole, key, value);
        else
            bad("device", whole, kRemedy);
    }
    if (result.size == 0 || result.size > 4 || result.base + result.size > 0x10000)
        bad("device", whole, "iosize must be 1 to 4, below port 0x10000; " + std::string(kRemedy));
    return result;
}

// Families of emitters.def, as "call+ret", to be left to the interpreter.
uint64_t parse_families(std::string_view whole, std::string_view text) {
    const auto names = emit_kind_names();
    uint64_t families = 0;
    while (!text.empty()) {
        const std::string_view word = next_word(text, '+');
        const auto found = std::find(names.begin(), names.end(), word);
        if (found == names.end())
            bad("accel", whole, fmt::format("{} is not a family of instructions; known are {}", word.empty() ? "''" : word, fmt::join(names, " ")));
        families |= uint64_t{1} << (found - names.begin());
    }
    return families;
}

// "interp", or "bt" with ",tb-size=MIB" and ",simulate=FAMILY+FAMILY" behind it.
// QEMU takes the first of several that works: what others it names does not matter once there is one of ours.
struct AccelChoice {
    std::string refused;  // "-accel kvm"
    bool chosen = false;
};

void parse_accel(std::string_view value, Options& o, AccelChoice& choice) {
    if (value == "kvm" || value.starts_with("kvm,") || value == "hax" || value == "whpx" || value == "hvf" || value == "xen") {
        choice.refused = value;
        return;
    }
    if (std::exchange(choice.chosen, true)) return;
    constexpr std::string_view kSize = "tb-size=", kSimulate = "simulate=";
    constexpr size_t kLeastMib = 2, kMostMib = 1024;
    if (value == "interp") {
        o.accel = Accel::Interpreter;
        return;
    }
    std::string_view rest = value;
    const std::string_view name = next_word(rest, ',');
    if (name != "bt" && name != "tcg" && !name.ends_with(":tcg"))
        bad("accel", value, "unknown way to run the guest; known are bt (the translator; tcg is the same) and interp (the interpreter)");
    o.accel = Accel::Translator;
    while (!rest.empty()) {
        const std::string_view word = next_word(rest, ',');
        if (word.starts_with(kSimulate)) {
            o.translator.emit.simulate_families = parse_families(value, word.substr(kSimulate.size()));
            continue;
        }
        if (word == "thread=single" || word == "thread=multi") continue;  // there is one CPU
        if (!word.starts_with(kSize)) bad("accel", value, "bt knows tb-size=MIB and simulate=FAMILY+FAMILY");
        size_t mib = 0;
        if (!parse_number(word.substr(kSize.size()), mib) || mib < kLeastMib || mib > kMostMib)
            bad("accel", value, fmt::format("tb-size is the code cache's size in MiB, {} to {}", kLeastMib, kMostMib));
        o.translator.engine_options.cache_bytes = mib << 20;
    }
}

std::string engines_with(EngineFeature feature) {
    std::string names;
    for (const EngineInfo& e : all_engines())
        if (e.has(feature)) names += fmt::format("{}-engine {}", names.empty() ? "" : ", ", e.name);
    return names;
}

// "NAME", and where the engine has a hole ",hole=SIZE" behind it.
void parse_engine(std::string_view value, TranslatorOptions& o) {
    constexpr std::string_view kHole = "hole=";
    std::string_view rest = value;
    const std::string_view name = next_word(rest, ',');
    const EngineInfo* engine = find_engine(name);
    if (!engine) {
        std::vector<std::string_view> known;
        for (const EngineInfo& e : all_engines()) known.push_back(e.name);
        bad("engine", value, fmt::format("unknown engine; known are {}", fmt::join(known, ", ")));
    }
    for (; !rest.empty();) {
        const std::string_view word = next_word(rest, ',');
        if (!word.starts_with(kHole)) bad("engine", value, "an engine's options are hole=SIZE");
        if (!engine->has(EngineFeature::Hole))
            bad("engine", value, fmt::format("{} needs no hole in the guest's addresses; one that does is {}", name, engines_with(EngineFeature::Hole)));
        const uint64_t bytes = parse_size(word.substr(kHole.size())).value_or(0);
        if (bytes < EngineOptions::kLeastHole || bytes > EngineOptions::kMostHole || bytes % EngineOptions::kHoleUnit)
            bad("engine", value, "hole is the part of the 4 GiB that the monitor keeps for itself, in whole MiB: 32M to 1G");
        o.engine_options.hole_bytes = static_cast<uint32_t>(bytes);
    }
    o.engine = name;
    if (!o.policy_chosen) o.policy.name = engine->policy;
}

void parse_user(std::string_view value, TranslatorOptions& o) {
    if (value != "direct" && value != "translated") bad("user", value, "user mode's code is translated, or direct: run as it is");
    o.engine_options.user_direct = value == "direct";
}

void check_user(const Options& o) {
    if (!o.translator.engine_options.user_direct) return;
    const bool can = o.accel == Accel::Translator && find_engine(o.translator.engine)->has(EngineFeature::UserDirect);
    if (!can) throw HostError(fmt::format("-user direct: only {} can run user mode without translation", engines_with(EngineFeature::UserDirect)));
}

void parse_adapt(std::string_view value, TranslatorOptions& o) {
    constexpr std::string_view kHot = "hot=";  // short for hot,direct-after=
    const std::string spelled =
        value.starts_with(kHot) ? fmt::format("hot,direct-after={}", value.substr(kHot.size())) : std::string(value);
    std::string_view rest = spelled;
    const auto next = [&] {
        const std::string_view part = rest.substr(0, rest.find(','));
        rest.remove_prefix(std::min(part.size() + 1, rest.size()));
        return part;
    };
    const std::string_view name = next();
    if (!find_policy(name)) {
        std::string known;
        for (const PolicyInfo& p : all_policies()) known += fmt::format("{}{}", known.empty() ? "" : ", ", p.name);
        bad("adapt", value, fmt::format("unknown policy; known are {}", known));
    }
    o.policy = {.name = std::string(name)};
    o.policy_chosen = true;
    while (!rest.empty()) {
        const std::string_view part = next(), key = part.substr(0, part.find('='));
        uint64_t number = 0;
        if (key.size() == part.size() || !parse_number(part.substr(key.size() + 1), number) || number == 0 ||
            !set_threshold(o.policy.thresholds, key, number))
            bad("adapt", value,
                fmt::format("after the policy come thresholds, whole numbers from 1: {}", describe({})));
    }
}

// Seconds since 1970 of "2026-11-25T12:00:00" or "2026-11-25", in UTC; none for the host's time, which may be `local`.
std::optional<int64_t> parse_rtc_base(std::string_view text, bool& local) {
    constexpr std::string_view kRemedy = "write base=utc, base=localtime, base=YYYY-MM-DD or base=YYYY-MM-DDTHH:MM:SS";
    const std::string_view whole = text;
    std::optional<int64_t> base;
    while (!text.empty()) {
        const std::string_view word = next_word(text, ',');
        if (word == "clock=host" || word == "clock=vm" || word == "driftfix=none" || word == "driftfix=slew") continue;
        if (!word.starts_with("base=")) bad("rtc", whole, kRemedy);
        const std::string_view date = word.substr(5);
        local = date == "localtime";
        if (date == "utc" || local) continue;
        int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, end = 0;
        const std::string copy(date);
        const int n = sscanf(copy.c_str(), "%4d-%2d-%2d%nT%2d:%2d:%2d%n", &year, &month, &day, &end, &hour, &minute,
                             &second, &end);
        const std::chrono::year_month_day ymd{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                                              std::chrono::day{static_cast<unsigned>(day)}};
        const bool in_range = hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second >= 0 && second < 60;
        if ((n != 3 && n != 6) || static_cast<size_t>(end) != copy.size() || !ymd.ok() || year < 1970 || !in_range)
            bad("rtc", whole, kRemedy);
        base = int64_t{std::chrono::sys_days(ymd).time_since_epoch().count()} * 86400 + hour * 3600 + minute * 60 + second;
    }
    return base;
}

// "1", or "cpus=1,sockets=1,...": all that is said of it is one.
void expect_one_cpu(std::string_view value) {
    const std::string shown = fmt::format("-smp {}", value.empty() ? "''" : value);
    bool one = !value.empty();
    for (bool first = true; !value.empty(); first = false) {
        const OptionWord w = take_option_word(value);
        const bool known = w.key == "cpus" || w.key == "cores" || w.key == "threads" || w.key == "sockets" || w.key == "dies" || w.key == "maxcpus";
        one = one && (w.has_value ? known && w.value == "1" : first && w.key == "1");
    }
    if (!one) throw HostError(fmt::format("{}: there is one CPU; write -smp 1 or leave it out", shown));
}

// What a reset and a switched-off machine lead to, as -no-reboot and -no-shutdown say too.
void parse_action(std::string_view value, Options& o) {
    const std::string shown = fmt::format("-action {}", value.empty() ? "''" : value);
    bool good = !value.empty();
    while (!value.empty()) {
        const std::string word = take_option_word(value).whole();
        if (word == "reboot=reset" || word == "reboot=shutdown")
            o.no_reboot = word == "reboot=shutdown";
        else if (word == "shutdown=poweroff" || word == "shutdown=pause")
            o.no_shutdown = word == "shutdown=pause";
        else
            good = false;
    }
    if (!good) throw HostError(fmt::format("{}: write reboot=reset|shutdown or shutdown=poweroff|pause", shown));
}

std::string parse_name(std::string_view value) {
    const std::string shown = fmt::format("-name {}", value);
    std::string name;
    for (bool first = true; !value.empty(); first = false) {
        const OptionWord w = take_option_word(value);
        if (w.key == "guest" || (first && !w.has_value))
            name = w.has_value ? w.value : w.key;
        else if (w.key == "debug-threads")
            option_switch(shown, w);
        else if (w.key != "process")
            throw HostError(fmt::format("{}: {} is not known; write -name TEXT", shown, w.key));
    }
    return name;
}

std::string file_name(std::string_view name, std::string_view value) {
    if (value.empty()) bad(name, value, "give the name of a file");
    return std::string(value);
}

void apply(Options& o, ChardevOptions& chardevs, AccelChoice& accels, int id, const char* argument) {
    const std::string_view value = argument ? argument : "";
    switch (id) {
        case kMemory:
            o.memory_bytes = parse_memory(value);
            break;
        case kMemPath:
            if (value.empty()) bad("mem-path", value, "give a folder on a tmpfs, for example /dev/shm");
            o.ram_source.folder = value;
            break;
        case kMemPrealloc:
            o.ram_source.at_once = true;
            break;
        case kKernel:
            o.kernel = file_name("kernel", value);
            break;
        case kInitrd:
            o.initrd = file_name("initrd", value);
            break;
        case kAppend:
            o.append = value;
            break;
        case kSerial:
            chardevs.serials.push_back({"serial", std::string(value)});
            break;
        case kChardev:
            parse_chardev(value, chardevs);
            break;
        case kMon:
            parse_mon(value, chardevs);
            break;
        case kCpu:
            // Names for the CPU that there is, or less.
            if (value != "max" && value != "qemu32")
                bad("cpu", value, "there is one kind of CPU, P6 class with SSE up to SSE4.2; leave it out, or write -cpu max");
            break;
        case kFirmwareFolder:
            o.pc.firmware_folders.push_back(file_name("L", value));
            break;
        case kCurses:
            o.pc.display = Display::Curses;
            break;
        case kSdl:
            o.pc.display = Display::Sdl;
            break;
        case kNographic:
            o.pc.no_graphic = true;
            o.pc.display = Display::None;
            break;
        case kDisplay:
            if (constexpr std::string_view kVncPrefix = "vnc="; value.starts_with(kVncPrefix))
                o.vnc = parse_vnc(value.substr(kVncPrefix.size()));
            else
                parse_display(value, o.pc);
            break;
        case kMachine:
            if (const std::string accel = parse_machine(value, o.pc); !accel.empty()) parse_accel(accel, o, accels);
            break;
        case kBios:
            o.pc.bios = file_name("bios", value);
            break;
        case kBoot:
            parse_boot(value, o.pc);
            break;
        case kVga:
            parse_vga(value, o.pc);
            break;
        case kVnc:
            o.vnc = parse_vnc(value);
            break;
        case kKeyboardLayout:
            o.keyboard_layout = value;
            break;
        case kGlobal:
            parse_global(value, o.pc);
            break;
        case kNoHpet:
            o.pc.hpet = false;
            break;
        case kNoAcpi:
            o.pc.acpi = false;
            break;
        case kNet:
            parse_net(value, o.nics);
            break;
        case kNic:
            parse_nic(value, o.nics);
            break;
        case kNetdev:
            parse_netdev(value, o.nics);
            break;
        case kNoDefaults:
            o.no_defaults = true;
            break;
        case kParallel:
            expect("parallel", value, "none", "there is no parallel port");
            break;
        case kSmp:
            expect_one_cpu(value);
            break;
        case kScreendump:
            o.pc.screendump = file_name("screendump", value);
            break;
        case kDrive:
            parse_drive(value, o.drives);
            break;
        case kHda:
        case kHdb:
        case kHdc:
        case kHdd:
        case kCdrom:
        case kFda:
        case kFdb: {
            constexpr std::string_view kNames[] = {"hda", "hdb", "hdc", "hdd", "cdrom", "fda", "fdb"};
            add_drive(kNames[id - kHda], value, o.drives);
            break;
        }
        case kSnapshot:
            o.drives.snapshot = true;
            break;
        case kMonitor:
            chardevs.monitors.push_back({{"monitor", std::string(value)}, false});
            break;
        case kQmp:
            chardevs.monitors.push_back({{"qmp", std::string(value)}, true});
            break;
        case kStartStopped:
            o.start_stopped = true;
            break;
        case kPidFile:
            o.pid_file = file_name("pidfile", value);
            break;
        case kLoadSnapshot:
            if (value.empty()) bad("loadvm", value, "give the name of a snapshot, or of a file as ./NAME");
            o.load_snapshot = value;
            break;
        case kNoShutdown:
            o.no_shutdown = true;
            break;
        case kName:
            o.name = parse_name(value);
            break;
        case kAction:
            parse_action(value, o);
            break;
        case kTbSize:
            accels.chosen = false;
            parse_accel(fmt::format("bt,tb-size={}", value), o, accels);
            break;
        case kHostMemory:
            for (std::string_view rest = value; !rest.empty();)
                if (const OptionWord w = take_option_word(rest); option_switch(fmt::format("-overcommit {}", value), w))
                    throw HostError(fmt::format("-overcommit {}: memory is not locked, nor is the CPU kept; -mem-prealloc has all memory from the start", value));
            break;
        case kFwCfg:
            o.fw_cfg_items.push_back(parse_fw_cfg(value));
            break;
        case kOptionRom:
            o.fw_cfg_items.push_back(parse_option_rom(value));
            break;
        case kSmbios:
            parse_smbios(value, o.smbios);
            break;
        case kUuid:
            o.smbios.uuid = parse_uuid("-uuid", value);
            break;
        case kRtc:
            o.rtc_base = parse_rtc_base(value, o.rtc_local);
            break;
        case kDaemonize:
            throw HostError("-daemonize: it stays in the foreground; write setsid ringfold ... & in the shell");
        case kMeansNothing:
            break;
        case kNoReboot:
            o.no_reboot = true;
            break;
        case kAccel:
            parse_accel(value, o, accels);
            break;
        case kEngine:
            parse_engine(value, o.translator);
            break;
        case kUser:
            parse_user(value, o.translator);
            break;
        case kAdapt:
            parse_adapt(value, o.translator);
            break;
        case kDevice:
            if (value == "VGA") {
                o.pc.vga = VgaKind::Std;
                break;
            }
            if (!parse_nic_device(value, o.nics) && !parse_drive_device(value, o.drives) &&
                !parse_char_device(value, chardevs, o.pc.debugcon_port))
                o.debug_exit = parse_device(value);
            break;
        case kDebugcon:
            chardevs.debugcon = ChardevOptions::Use{"debugcon", std::string(value)};
            break;
        case kLog:
            log::parse_categories(value);
            o.log_categories = value;
            break;
        case kLogFile:
            o.log_file = file_name("D", value);
            break;
        case kStats:
            o.stats_file = file_name("stats", value);
            break;
        case kVersion:
            o.action = Options::Action::ShowVersion;
            break;
        case kShowHelp:
            o.action = Options::Action::ShowHelp;
            break;
    }
}

[[noreturn]] void reject(int code, const char* word) {
    std::string_view name = word;
    name.remove_prefix(std::min(name.find_first_not_of('-'), name.size()));
    name = name.substr(0, name.find('='));
    if (const auto why = why_no_option(name); !why.empty()) throw HostError(fmt::format("-{}: {}", name, why));
    if (code == ':') throw HostError(fmt::format("{}: needs an argument; see -help", word));
    throw HostError(fmt::format("{}: not an option that I know, or not one that takes an argument; see -help", word));
}

// getopt takes the beginning of a name for it: another option's name, or one of QEMU's that is not here.
bool is_shortened(std::string_view word, std::string_view name) {
    if (!word.starts_with('-')) return false;
    word.remove_prefix(word.starts_with("--") ? 2 : 1);
    return word.substr(0, word.find('=')) != name;
}

// Standard input belongs to one: a monitor or QMP takes it from a serial port that nobody asked for.
void share_terminal(Options& o) {
    CharEnds& ends = o.ends;
    const auto on_terminal = [](const CharAddress& a) { return a.kind == CharAddress::Kind::Stdio; };
    const auto monitors = std::ranges::count_if(ends.monitors, on_terminal) + std::ranges::count_if(ends.qmp, on_terminal);
    const bool debugcon = ends.debugcon && on_terminal(*ends.debugcon);
    if (std::ranges::count_if(ends.serials, [&](const auto& a) { return a && on_terminal(*a); }) > 1)
        throw HostError("-serial stdio: only one of the ports can have the terminal");
    if (monitors > 0) {
        if (monitors > 1) throw HostError("-monitor stdio, -qmp stdio: only one of them can have the terminal");
        if (ends.serial_chosen && ends.port_on_terminal())
            throw HostError("-serial stdio: the monitor has the terminal; write -serial mon:stdio, or -serial file:PATH");
        if (o.pc.display == Display::Curses) throw HostError("-display curses: the monitor has the terminal");
        if (debugcon) throw HostError("-debugcon stdio: the monitor has the terminal; write -debugcon file:PATH");
        if (ends.port_on_terminal()) ends.serials[0].reset();
    }
    // The terminal can be one thing only.
    if (o.pc.display == Display::Curses)
        if (const auto port = ends.port_on_terminal()) ends.serials[*port] = CharAddress{};
}

void check_board(const Options& o) {
    if (o.pc.board == BoardKind::Bare && o.kernel.empty())
        throw HostError("-machine bare: it has no firmware; give a kernel with -kernel FILE, or write -machine pc");
    if (o.pc.board == BoardKind::Bare && o.pc.vga == VgaKind::Std)
        throw HostError("-vga std: the bare machine has no bus to put it on; write -machine pc");
    const auto virtio = std::ranges::count(o.drives.list, DriveOption::Interface::Virtio, &DriveOption::interface);
    if (o.nics.nics.size() + static_cast<size_t>(virtio) > kCardSlots)
        throw HostError(fmt::format("-nic: the bus has room for {} network cards and virtio disks", kCardSlots));
    for (const DriveOption& d : o.drives.list)
        if (o.pc.board == BoardKind::Bare && d.interface == DriveOption::Interface::Virtio)
            throw HostError(fmt::format("{}: the bare machine has no bus for virtio; write -machine pc", d.shown));
    if (o.pc.board == BoardKind::Bare && !o.nics.nics.empty())
        throw HostError(fmt::format("{}: the bare machine has no bus for a network card; write -machine pc", o.nics.nics[0].shown));
    if (!o.kernel.empty() && !o.pc.bios.empty())
        throw HostError("-bios: a kernel given with -kernel starts without firmware; leave one of them out");
    const auto rom = std::ranges::find_if(o.fw_cfg_items, &FwCfgItem::is_rom);
    if (!o.kernel.empty() && rom != o.fw_cfg_items.end())
        throw HostError(fmt::format("{}: a kernel given with -kernel starts without firmware, which would run it; leave one of them out", rom->shown));
    if (!o.smbios.fields.empty() && !o.has_board())
        throw HostError("-smbios: the bare machine has no such tables; write -machine pc");
    if (o.pc.display == Display::Curses && !o.has_vga())
        throw HostError("-display curses: this machine has no display card; add -vga std");
    if (o.pc.display == Display::Sdl && !o.has_vga())
        throw HostError("-display sdl: this machine has no display card; add -vga std");
    if (o.pc.display == Display::Curses && o.ends.debugcon && o.ends.debugcon->kind == CharAddress::Kind::Stdio)
        throw HostError("-debugcon stdio: -display curses has the terminal; write -debugcon file:PATH");
    if (o.vnc && !o.has_vga()) throw HostError("-vnc: this machine has no display card; add -vga std");
    if (!o.pc.screendump.empty() && !o.has_vga())
        throw HostError("-screendump: this machine has no display card; add -vga std");
}

}  // namespace

Options parse_options(int argc, char* const argv[]) {
    Options result;
    ChardevOptions chardevs;
    AccelChoice accels;
    optind = 0;  // glibc: start over, so that a process can parse more than one command line
    opterr = 0;
    for (;;) {
        const int before = optind == 0 ? 1 : optind;
        int row = 0;
        const int id = getopt_long_only(argc, argv, ":", kOptions, &row);
        if (id == -1) break;
        const char* const word = argv[before < argc ? before : argc - 1];
        if (id == '?' || id == ':') reject(id, word);
        if (is_shortened(word, kOptions[row].name)) reject('?', word);
        apply(result, chardevs, accels, id, optarg);
        if (result.action != Options::Action::Run) return result;
    }
    // QEMU's shortest form: one image and nothing before it.
    if (optind < argc) add_drive("hda", argv[optind], result.drives);
    if (optind + 1 < argc)
        throw HostError(fmt::format("{}: this is not an option, and {} is the disk already; write -hdb FILE", argv[optind + 1], argv[optind]));
    if (!accels.chosen && !accels.refused.empty()) bad("accel", accels.refused, kNoKvm);
    result.ends = connect_chardevs(std::move(chardevs));
    place_drives(result.drives);
    connect_nics(result.nics, result.has_board() && !result.no_defaults);
    check_board(result);
    check_user(result);
    share_terminal(result);
    return result;
}

std::string version_text() {
    return "ringfold 0.1.0\n";
}

// One line for each policy, then the thresholds.
static std::string policies_help() {
    std::string text;
    for (const PolicyInfo& p : all_policies()) text += fmt::format("    {:<17}{}\n", p.name, p.summary);
    return text + fmt::format("    thresholds       {}\n", describe({}));
}

static std::string engines_help() {
    std::string text;
    for (const EngineInfo& e : all_engines()) text += fmt::format("    {:<17}{}\n", e.name, e.summary);
    return text;
}

std::string help_text() {
    return std::string(R"(usage: ringfold [options]
       ringfold -kernel FILE [options]

Runs an unmodified 32-bit x86 operating system inside this process, without hardware virtualization.
Options are spelled as QEMU's, with one dash or two.

The guest
  -bios FILE           firmware, when no kernel is given (default: SeaBIOS of Debian's package seabios)
  -L FOLDER            where a -bios FILE without a folder is looked for too
  -boot [order=LETTERS][,once=LETTERS][,menu=on[,splash-time=MS]][,reboot-timeout=MS]
                       what firmware boots from: a floppy, c disk, d CD-ROM, n network (default cad); once= until the
                       first reset; how long it offers its menu, and waits before it starts anew when nothing boots
  -kernel FILE         started without firmware: a Linux bzImage, or a Multiboot kernel (ELF or flat)
  -initrd FILE         its initial RAM disk; for Multiboot a list of modules: "FILE ARGUMENTS,FILE,..."
  -append TEXT         its command line, for example "console=ttyS0"
  -cpu max             the CPU that there is
  -m SIZE              its memory in MiB, or with a suffix K, M or G: 1M to 3584M (default 256M)
  -mem-path FOLDER     its memory in an unnamed file there, all of it from the start: a tmpfs mounted with
                       -o huge=always backs it with huge pages (hugetlbfs cannot)
  -mem-prealloc        all of its memory from the start

Devices
  -serial END          COM1, and COM2 to COM4 when given again; END is one of
         mon:stdio     this terminal, with the keys below (default)
         stdio         the same, but Ctrl-C ends ringfold instead of reaching the guest
         pty           a new pseudo-terminal, whose name is printed
         file:PATH     what the guest sends, into a file
         unix:PATH[,server][,nowait], tcp:HOST:PORT[,...], telnet:HOST:PORT[,...]
                       a socket: server listens there (nowait: the guest starts before somebody has come), else it goes there
         none, null    nothing connected
  -debugcon END        what the guest writes to port 0xE9, or to -global isa-debugcon.iobase=PORT
  -chardev socket|stdio|pty|file|null,id=NAME,...
                       an end in QEMU's long form, for -serial chardev:NAME, -device isa-serial,chardev=NAME[,index=N],
                       -device isa-debugcon,chardev=NAME[,iobase=0x402] and -mon chardev=NAME[,mode=control]
  -device isa-debug-exit[,iobase=0x501][,iosize=2]
                       a write of V to that port ends ringfold with status (V << 1) | 1
  FILE, -hda FILE ... -hdd
                       an IDE disk: a raw or qcow2 image, as master and slave of the two channels
  -cdrom FILE          a CD-ROM drive (in the place of -hdc) with an ISO image in it
  -fda FILE, -fdb FILE a floppy drive with an image in it
  -drive [file=FILE][,format=raw|qcow2][,if=ide|virtio|floppy|none][,media=disk|cdrom][,index=N][,bus=N,unit=N]
         [,snapshot=on][,readonly=on][,id=NAME][,serial=TEXT][,cache=writeback|writethrough|unsafe|none]
         [,werror=report|enospc|stop|ignore][,rerror=report|stop|ignore]
                       the same in full; a removable drive may be empty; werror=stop: a write that fails on the host stops
                       the machine, and is tried again by the monitor's cont (enospc: if the host's disk is full)
  -device ide-hd|ide-cd|virtio-blk-pci,drive=NAME[,bus=ide.N,unit=N][,bootindex=N][,serial=TEXT][,werror=...][,rerror=...]
                       takes a -drive if=none,id=NAME; firmware tries the lowest bootindex first
  -snapshot            writes to disks are forgotten at the end
  -nic user[,model=e1000|ne2k_pci|virtio-net-pci][,mac=MAC][,hostfwd=tcp:[ADDR]:PORT-[ADDR]:PORT][,restrict=on][,hostname=NAME]
                       a network card on a network of its own that reaches the world by the host's sockets (default
                       with the board, unless -nodefaults); more in docs/network.md
  -nic tap,ifname=NAME,script=no
                       a network card on an interface of the host
  -nic none            no network card
  -netdev user|tap,id=NAME[,...] -device e1000,netdev=NAME[,mac=MAC][,bootindex=N]
                       the same in two parts
  -machine pc          an i440FX board with PCI, ACPI, APICs and HPET (default with firmware); pc,acpi=off without
                       ACPI tables, pc,hpet=off (or -no-hpet) without HPET
  -machine bare        none of that (default with -kernel)
  -vga std|none        a VGA card with Bochs VBE on that board (default std)
  -display none        nobody looks at it (default)
  -display curses      its text on this terminal, which then is the keyboard; the serial port goes nowhere
  -display vnc=:N      the same as -vnc :N
  -display sdl         a window with its screen, keyboard and mouse; Ctrl-Alt-G gives the mouse back
  -vnc [ADDRESS]:N[,password=on|,password-file=FILE]
                       its screen, keyboard and mouse for VNC viewers on port 5900 + N of this host, or of ADDRESS;
                       password=on: with one that the monitor's set_password sets, and nobody before that
  -k LAYOUT            the layout of the guest's keyboard, for -vnc: en-us (default), de, fr, ch(fr)...
  -nographic           no display, and firmware uses the serial port
  -fw_cfg name=opt/ORG/KEY,file=FILE|string=TEXT
                       an item that the guest finds under that name (Linux: /sys/firmware/qemu_fw_cfg)
  -option-rom FILE[,bootindex=N]
                       a ROM that firmware runs before it boots
  -smbios type=0|1|2|3|4|11|17,FIELD=TEXT,...
                       what dmidecode shows of the machine: manufacturer, product, version, serial, asset, sku, family...
  -uuid UUID           its number there, and in query-uuid
  -rtc base=utc|localtime|YYYY-MM-DDTHH:MM:SS
                       where the clock starts (default utc, the host's time)
  -action reboot=shutdown|shutdown=pause
                       as -no-reboot and -no-shutdown
  -no-reboot           exit instead of resetting when the guest reboots or crashes

How it runs
  -accel bt            by dynamic binary translation (default; tcg is the same)
  -accel bt,tb-size=N  ... with a code cache of N MiB (default 128)
  -accel bt,simulate=A+B  ... with these families of instructions left to the interpreter, to find a wrong one
  -accel interp        by the reference interpreter, about a hundred times slower
  -engine NAME[,hole=SIZE]
                       what keeps translated code inside the guest's memory:
)") + engines_help() +
           R"(  -user translated     the guest's user mode as its kernel (default)
  -user direct         ... without translation: for trusted guests, under -engine segments; see docs/segments.md
  -adapt POLICY[,THRESHOLD=N...]
                       how translated code adapts to what the guest does with memory
)" + policies_help() +
           R"(
Driving it from outside (docs/monitor.md)
  -monitor stdio|unix:PATH,server,nowait|tcp:HOST:PORT,server,nowait|telnet:HOST:PORT,server,nowait|none
                       QEMU's monitor: info, stop, cont, sendkey, screendump, change, savevm, loadvm, help ...
  -qmp ADDRESS         the same for programs, in QMP's form
  -mon chardev=NAME[,mode=control]
                       the same in QEMU's long form
  -S                   do not start: wait for "cont"
  -loadvm NAME|./FILE  go on from a snapshot in the qcow2 disks, or in a file
  -no-shutdown         stop instead of ending when the guest switches off
  -name TEXT, -pidfile FILE
                       told by query-name; our process number goes there

Seeing inside
  -screendump FILE     write the screen to FILE when ringfold ends: .png, .txt for its text, anything else PPM
  -d LIST              log in_asm, out_asm, int, exec, mmu, guest_errors, audit, bios, cpu_reset (comma-separated)
  -D FILE              the log goes to FILE instead of standard error
  -stats FILE          write counts and times to FILE as JSON when ringfold ends

  -version             print the version
  -help                print this text

Keys, with -serial mon:stdio or stdio on a terminal
  Ctrl-A x             leave ringfold
  Ctrl-A c             from the serial port to the monitor, and back
  Ctrl-A h             show these keys
  Ctrl-A Ctrl-A        send Ctrl-A to the guest

Exit status: 0 the guest ended or was left; 1 bad options, files or host; (V << 1) | 1 from isa-debug-exit;
2 the guest crashed under -no-reboot; 134 a bug in ringfold; 128 + N ended by signal N.
)";
}

}  // namespace ringfold
