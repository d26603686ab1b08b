// Gathers the parts' counts into the -stats file.
#include "vmm/statistics.h"

#include <cerrno>
#include <cstring>
#include <fstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "translator/interpreted_cpu.h"
#include "translator/translated_cpu.h"
#include "vmm/base/result.h"
#include "vmm/host/tsc.h"

namespace ringfold {

namespace {

using Json = nlohmann::ordered_json;
constexpr size_t kTopInterpreted = 20;

double seconds_of(Nanoseconds n) {
    return static_cast<double>(n) * 1e-9;
}

Json times_json(const LoopTimes& t) {
    return {{"cpu", seconds_of(t.cpu)},
            {"devices", seconds_of(t.devices)},
            {"idle", seconds_of(t.idle)},
            {"runs", t.runs},
            {"sleeps", t.sleeps}};
}

Json run_json(const RunSummary& s) {
    return {{"accel", s.accel},   {"seconds", s.seconds},         {"cpu_seconds", s.cpu_seconds}, {"resets", s.resets},
            {"ending", s.ending}, {"exit_status", s.exit_status}, {"times", times_json(s.times)}};
}

Json memory_json(const GuestMemory::Counts& c) {
    return {{"soft_tlb", {{"fills", c.tlb_fills}, {"special", c.tlb_special}}},
            {"faults", {{"true", c.page_faults}, {"hidden", c.hidden_faults}}},
            {"windows",
             {{"maps", c.window_maps},
              {"unmaps", c.window_unmaps},
              {"evictions", c.window_evictions},
              {"mappings", c.window_mappings}}},
            {"address_spaces",
             {{"cr3_loads", c.cr3_loads}, {"known", c.cr3_known}, {"evicted", c.views_evicted}, {"invlpg", c.invlpg}}},
            {"unsynchronised_tables",
             {{"let_go", c.tables_let_go},
              {"traced_again", c.tables_traced_again},
              {"compared", c.tables_compared},
              {"entries_changed", c.entries_found_changed}}}};
}

Json traces_json(const MemoryTracer::Counts& c) {
    static constexpr const char* kKinds[kTraceKinds] = {"page_table", "gdt",       "ldt",    "idt",
                                                        "code",       "read_only", "decoded", "first_write"};
    static constexpr const char* kRoads[kTraceRoads] = {"soft", "window_fault", "dma", "interpreter"};
    Json handled, beside;
    for (size_t k = 0; k < kTraceKinds; ++k)
        for (size_t r = 0; r < kTraceRoads; ++r) handled[kKinds[k]][kRoads[r]] = c.handled[k][r];
    for (size_t r = 0; r < kTraceRoads; ++r) beside[kRoads[r]] = c.beside[r];
    return {{"handled", handled}, {"beside", beside}, {"pages", c.pages}};
}

double share(uint64_t part, uint64_t all) {
    return all ? static_cast<double>(part) / static_cast<double>(all) : 0;
}

Json interpreted_json(const InterpretedCpu& cpu) {
    const auto& decoded = cpu.decode_counts();
    return {{"instructions", cpu.counts().instructions},
            {"interrupts", cpu.counts().interrupts},
            {"decode_cache",
             {{"decoded", decoded.decoded}, {"pages_dropped", decoded.pages_dropped}, {"flushes", decoded.flushes}}}};
}

// Executed guest instructions, by what ran them.
Json instructions_json(const TranslatedCpu::Counts& c, const BlockTable::Counts& b) {
    const uint64_t all = b.ident + b.simulated + b.called + c.interpreted;
    return {{"all", all},
            {"ident", b.ident},
            {"simulated", b.simulated},
            {"monitor_calls", b.called},
            {"interpreter", c.interpreted},
            {"interpreter_cold", c.cold},
            {"share",
             {{"ident", share(b.ident, all)},
              {"simulated", share(b.simulated, all)},
              {"monitor_calls", share(b.called, all)},
              {"interpreter", share(c.interpreted, all)},
              {"code_cache", share(b.ident + b.simulated, all)}}}};
}

Json adaptation_json(const TranslatedCpu& cpu) {
    const auto& a = cpu.adaptation().counts();
    Json traps, convictions;
    for (size_t t = 0; t < kTraps; ++t) {
        const auto name = name_of(static_cast<Trap>(t));
        traps[name] = a.traps[t];
        convictions[name] = a.convictions[t];
    }
    return {{"hot_blocks", cpu.counts().hot_blocks},
            {"windows_earned", cpu.counts().windows_earned},
            {"traps", traps},
            {"convictions", convictions},
            {"retrials", cpu.counts().retrials},
            {"acquitted", a.acquitted}};
}

// `seconds`: of the CPU, all in all.
Json translation_json(const Translator::Counts& c, double translating, double seconds) {
    const auto per = [](uint64_t n, uint64_t of) { return of ? static_cast<double>(n) / static_cast<double>(of) : 0; };
    return {{"blocks", c.blocks},
            {"instructions", c.instructions},
            {"guest_bytes", c.guest_bytes},
            {"host_bytes", c.host_bytes},
            {"cycles_per_instruction", per(c.cycles, c.instructions)},
            {"host_bytes_per_guest_byte", per(c.host_bytes, c.guest_bytes)},
            {"share_of_cpu_seconds", seconds > 0 ? translating / seconds : 0}};
}

Json translated_json(const TranslatedCpu& cpu, double seconds) {
    const auto& c = cpu.counts();
    const double translation_seconds = static_cast<double>(cpu.translation().cycles) / (host::tsc_khz() * 1e3);
    const auto b = cpu.block_counts();
    Json top = Json::array();
    for (const auto& [name, times] : cpu.top_interpreted(kTopInterpreted))
        top.push_back({{"instruction", name}, {"times", times}});
    return {{"instructions", instructions_json(c, b)},
            {"top_interpreted", top},
            {"code_cache",
             {{"translations", b.translations},
              {"chains", b.chains},
              {"unchains", b.unchains},
              {"invalidations", b.invalidations},
              {"replacements", b.replacements},
              {"evictions", b.evictions}}},
            {"monitor",
             {{"soft_misses", c.soft_misses},
              {"soft_special", c.soft_special},
              {"device_accesses", c.device_accesses},
              {"fetch_faults", c.fetch_faults},
              {"steps", c.steps},
              {"stops", c.stops},
              {"port_calls", c.port_calls},
              {"lookups", c.lookups},
              {"links", c.links},
              {"fpu_loads", c.fpu_loads},
              {"divide_errors", c.divide_errors},
              {"writes_beside_code", cpu.writes_beside_code()},
              {"host_faults", c.host_faults},
              {"polls", c.polls}}},
            {"untranslated",
             {{"exits", c.untranslated_exits},
              {"page_faults", c.untranslated_page_faults},
              {"instructions", c.untranslated_instructions},
              {"segment_loads", c.untranslated_loads}}},
            {"adaptation", adaptation_json(cpu)},
            {"translation", translation_json(cpu.translation(), translation_seconds, seconds)},
            {"seconds",
             {{"guest", seconds - translation_seconds - c.fault_seconds},
              {"translation", translation_seconds},
              {"host_faults", c.fault_seconds}}},
            {"true_faults", c.true_faults},
            {"interrupts", c.interrupts}};
}

Json cpu_json(const Cpu& cpu, double seconds) {
    if (const auto* interpreted = dynamic_cast<const InterpretedCpu*>(&cpu)) return interpreted_json(*interpreted);
    if (const auto* translated = dynamic_cast<const TranslatedCpu*>(&cpu)) return translated_json(*translated, seconds);
    return Json::object();
}

}  // namespace

namespace {

[[noreturn]] void fail(const std::string& path) {
    throw HostError(fmt::format("-stats {}: cannot write it: {}; give another path", path, strerror(errno)));
}

}  // namespace

void check_statistics_file(const std::string& path) {
    if (!std::ofstream(path)) fail(path);
}

void write_statistics(const std::string& path, Machine& machine, const RunSummary& summary) {
    const Json all = {{"run", run_json(summary)},
                      {"cpu", cpu_json(machine.cpu(), seconds_of(summary.times.cpu))},
                      {"memory", memory_json(machine.memory().counts())},
                      {"traces", traces_json(machine.tracer().counts())}};
    std::ofstream file(path);
    file << all.dump(2) << '\n';
    file.close();
    if (!file) fail(path);
}

}  // namespace ringfold
