// Gathers the parts' counts into the -stats file.
#include "vmm/statistics.h"

#include <cerrno>
#include <cstring>
#include <fstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "translator/interpreted_cpu.h"
#include "vmm/base/result.h"

namespace ringfold {

namespace {

using Json = nlohmann::ordered_json;

Json run_json(const RunSummary& s) {
    return {{"accel", s.accel},   {"seconds", s.seconds}, {"cpu_seconds", s.cpu_seconds},
            {"resets", s.resets}, {"ending", s.ending},   {"exit_status", s.exit_status}};
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
             {{"cr3_loads", c.cr3_loads}, {"known", c.cr3_known}, {"evicted", c.views_evicted}, {"invlpg", c.invlpg}}}};
}

Json traces_json(const MemoryTracer::Counts& c) {
    static constexpr const char* kKinds[kTraceKinds] = {"page_table", "gdt", "ldt", "idt", "code"};
    static constexpr const char* kRoads[kTraceRoads] = {"soft", "window_fault", "dma", "interpreter"};
    Json handled, beside;
    for (size_t k = 0; k < kTraceKinds; ++k)
        for (size_t r = 0; r < kTraceRoads; ++r) handled[kKinds[k]][kRoads[r]] = c.handled[k][r];
    for (size_t r = 0; r < kTraceRoads; ++r) beside[kRoads[r]] = c.beside[r];
    return {{"handled", handled}, {"beside", beside}, {"pages", c.pages}};
}

Json cpu_json(const Cpu& cpu) {
    if (const auto* interpreted = dynamic_cast<const InterpretedCpu*>(&cpu))
        return {{"instructions", interpreted->counts().instructions},
                {"interrupts", interpreted->counts().interrupts},
                {"decode_cache",
                 {{"decoded", interpreted->decode_counts().decoded},
                  {"pages_dropped", interpreted->decode_counts().pages_dropped},
                  {"flushes", interpreted->decode_counts().flushes}}}};
    return Json::object();
}

}  // namespace

void write_statistics(const std::string& path, Machine& machine, const RunSummary& summary) {
    const Json all = {{"run", run_json(summary)},
                      {"cpu", cpu_json(machine.cpu())},
                      {"memory", memory_json(machine.memory().counts())},
                      {"traces", traces_json(machine.tracer().counts())}};
    std::ofstream file(path);
    file << all.dump(2) << '\n';
    file.close();
    if (!file) throw HostError(fmt::format("-stats {}: cannot write it: {}; give another path", path, strerror(errno)));
}

}  // namespace ringfold
