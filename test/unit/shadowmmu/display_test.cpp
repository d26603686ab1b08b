// Display memory that the CPU reaches as it does RAM: where it is shown, what was cached when it moves, and the first
// writes to its pages.
#include <catch2/catch.hpp>

#include "test/unit/shadowmmu/fixture.h"

using namespace ringfold;
using namespace ringfold::test;

namespace {

constexpr uint64_t kRamBytes = 16 << 20, kDisplayBytes = 1 << 20;
constexpr uint32_t kPlace = 0xfd000000;

struct DisplayGuest {
    Ram ram{kRamBytes, kDisplayBytes};
    Device device;
    MemoryTracer tracer{ram.file_bytes()};
    CpuState cpu;
    GuestMemory memory{ram, device, tracer, cpu};

    void show(std::vector<Ram::DisplayWindow> windows) { memory.show_display(windows); }
    uint32_t read(uint32_t a) { return memory.read<uint32_t>(GuestVirt(a), kSupervisor); }
    void write(uint32_t a, uint32_t value) { memory.write<uint32_t>(GuestVirt(a), value, kSupervisor); }
    uint32_t shown(uint32_t offset) {
        uint32_t value;
        memcpy(&value, &ram.display()[offset], 4);
        return value;
    }
    Fill window(uint32_t a, Access access) {
        GuestFault fault{};
        return memory.fill_window(GuestVirt(a), access, kSupervisor, &fault);
    }
};

}  // namespace

TEST_CASE("display memory is found at each of its windows, and moves at once") {
    DisplayGuest g;
    g.show({{GuestPhys(0xa0000), 0x10000, 0x20000}, {GuestPhys(kPlace), kDisplayBytes, 0}});
    g.write(0xa0008, 0x1234);
    CHECK(g.shown(0x20008) == 0x1234);
    CHECK(g.read(kPlace + 0x20008) == 0x1234);
    CHECK(g.window(0xa0000, Access::Write) == Fill::Ram);
    CHECK(g.device.log.empty());
    CHECK(g.memory.audit().empty());

    g.show({{GuestPhys(0xa0000), 0x10000, 0x30000}, {GuestPhys(kPlace), kDisplayBytes, 0}});
    CHECK(g.memory.audit().empty());
    g.write(0xa0008, 0x5678);
    CHECK(g.shown(0x20008) == 0x1234);
    CHECK(g.shown(0x30008) == 0x5678);

    g.show({});
    CHECK(g.memory.audit().empty());
    CHECK(g.window(0xa0000, Access::Read) == Fill::Special);
    g.write(0xa0008, 1);
    g.write(kPlace, 2);
    CHECK(g.device.log.size() == 2);
    CHECK(std::get<1>(g.device.log[0]) == 0xa0008);
    CHECK(std::get<1>(g.device.log[1]) == kPlace);
    CHECK(g.memory.known_device(GuestVirt(kPlace), Access::Write, kSupervisor) == GuestPhys(kPlace));
    g.show({{GuestPhys(kPlace), kDisplayBytes, 0}});
    CHECK(g.memory.known_device(GuestVirt(kPlace), Access::Write, kSupervisor) == GuestMemory::kNoDevice);
    g.write(kPlace, 3);
    CHECK(g.shown(0) == 3);
}

TEST_CASE("no address behind RAM is the display's memory, and no window leaves it") {
    DisplayGuest g;
    g.show({{GuestPhys(kPlace), kDisplayBytes, 0},
            {GuestPhys(0xa0000), 0x10000, kDisplayBytes},  // nonsense is left out
            {GuestPhys(0xb0000), 0x10000, kDisplayBytes - 0x1000},
            {GuestPhys(0xb8001), 0x1000, 0},
            {GuestPhys(0x5000), 0x1000, 0}});
    g.write(kRamBytes + 0x100, 1);
    g.write(0xa0000, 1);
    g.write(0xb0000, 1);
    g.write(0xb8004, 1);
    CHECK(g.device.log.size() == 4);
    g.write(0x5000, 7);  // RAM comes first
    CHECK(g.shown(0) == 0);
    CHECK(g.shown(0x100) == 0);
    const uint8_t bytes[] = {1, 2, 3, 4};
    CHECK_FALSE(g.memory.dma_write(GuestPhys(kRamBytes), bytes));
    CHECK(g.memory.dma_write(GuestPhys(kPlace + 0x10), bytes));
    CHECK(g.shown(0x10) == 0x04030201);
}

TEST_CASE("the first write to a page of it is heard, by slots, windows and DMA, and its neighbours stay watched") {
    DisplayGuest g;
    std::vector<uint64_t> told;
    g.tracer.on_first_write([&](GuestPhys page) { told.push_back(page.value - kRamBytes); });
    g.show({{GuestPhys(kPlace), kDisplayBytes, 0}});
    for (uint32_t at = 0; at < 0x8000; at += kPageSize) {
        g.write(kPlace + at, 1);
        CHECK(g.window(kPlace + at, Access::Write) == Fill::Ram);
    }
    CHECK(told.empty());
    g.tracer.watch_first_writes(GuestPhys(kRamBytes), 8);
    CHECK(g.memory.audit().empty());
    g.read(kPlace);
    CHECK(told.empty());
    g.write(kPlace + 4, 2);
    g.write(kPlace + 8, 3);
    CHECK(told == std::vector<uint64_t>{0});
    CHECK(g.window(kPlace + 0x3000, Access::Read) == Fill::Ram);
    CHECK(told.size() == 1);
    CHECK(g.window(kPlace + 0x3000, Access::Write) == Fill::Ram);
    CHECK(told == std::vector<uint64_t>{0, 0x3000});
    const uint8_t byte[] = {9};
    g.memory.dma_write(GuestPhys(kPlace + 0x6001), byte);
    CHECK(told == std::vector<uint64_t>{0, 0x3000, 0x6000});
    CHECK(g.memory.audit().empty());
    CHECK(g.tracer.traced(GuestPhys(kRamBytes + 0x7000)));
}

TEST_CASE("what relies on page tables in display memory goes when that moves") {
    DisplayGuest g;
    g.show({{GuestPhys(kPlace), kDisplayBytes, 0}});
    const uint32_t directory[] = {kPlace | P | W | U}, table[] = {0x5000 | P | W | U};
    memcpy(g.ram.host(GuestPhys(0x1000)), directory, 4);
    memcpy(g.ram.display().data(), table, 4);
    const uint32_t value = 0x77;
    memcpy(g.ram.host(GuestPhys(0x5000)), &value, 4);
    g.cpu.cr3 = 0x1000;
    g.cpu.cr0 |= cr0::PE | cr0::PG;
    g.memory.paging_mode_changed();
    CHECK(g.memory.read<uint32_t>(GuestVirt(0), kUser) == 0x77);
    g.show({});
    CHECK(g.memory.audit().empty());
    CHECK(g.memory.read<uint32_t>(GuestVirt(0), kUser) == 0x44332211);  // an entry of ones leads to the device
}
