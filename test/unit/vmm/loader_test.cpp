// Kernel loading: what the boot protocols promise the guest, and files that are not what they should be.
#include "vmm/loader.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "vmm/base/result.h"

using namespace ringfold;

namespace {

constexpr uint64_t kRam = 32 << 20;
using Bytes = std::vector<uint8_t>;

template <class T>
void put(Bytes& b, size_t at, T value) {
    memcpy(&b.at(at), &value, sizeof value);
}
template <class T>
T get(const Ram& ram, uint64_t at) {
    T value;
    memcpy(&value, ram.host(GuestPhys(at)), sizeof value);
    return value;
}

class TemporaryFile {
public:
    explicit TemporaryFile(const Bytes& bytes) {
        const int fd = mkstemp(path_.data());
        REQUIRE(fd >= 0);
        REQUIRE(write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
        close(fd);
    }
    ~TemporaryFile() { unlink(path_.c_str()); }
    const std::string& path() const { return path_; }

private:
    std::string path_ = "/tmp/ringfold_loader_test_XXXXXX";
};

// A bzImage of protocol 2.15 with one setup sector and a payload of `payload` bytes, all 0x90.
Bytes bzimage(size_t payload = 4096) {
    Bytes b(1024 + payload, 0x90);
    std::fill(b.begin(), b.begin() + 1024, 0);
    b[0x1f1] = 1;
    put<uint16_t>(b, 0x1fe, 0xaa55);
    b[0x200] = 0xeb;
    b[0x201] = 0x6a;
    memcpy(&b[0x202], "HdrS", 4);
    put<uint16_t>(b, 0x206, 0x20f);
    b[0x211] = 1;
    put<uint32_t>(b, 0x22c, 0x37ffffff);
    put<uint32_t>(b, 0x238, 2047);
    put<uint64_t>(b, 0x258, 0x1000000);
    put<uint32_t>(b, 0x260, 0x400000);
    return b;
}

Bytes flat_multiboot(uint32_t load = 0x100000, const Bytes& code = Bytes(64, 0xf4)) {
    Bytes b(32 + code.size());
    put<uint32_t>(b, 0, 0x1badb002);
    put<uint32_t>(b, 4, 0x10003);
    put<uint32_t>(b, 8, 0u - 0x1badb002 - 0x10003);
    put<uint32_t>(b, 12, load);
    put<uint32_t>(b, 16, load);
    put<uint32_t>(b, 28, load + 32);
    std::copy(code.begin(), code.end(), b.begin() + 32);
    return b;
}

Bytes elf_multiboot() {
    Bytes b(0x2000);
    memcpy(&b[0], "\177ELF\1\1\1", 7);
    put<uint16_t>(b, 16, 2);
    put<uint16_t>(b, 18, 3);
    put<uint32_t>(b, 24, 0xc0200010);  // entry, virtual
    put<uint32_t>(b, 28, 52);          // program headers
    put<uint16_t>(b, 42, 32);
    put<uint16_t>(b, 44, 1);
    put<uint32_t>(b, 52, 1);
    put<uint32_t>(b, 56, 0x1000);
    put<uint32_t>(b, 60, 0xc0200000);
    put<uint32_t>(b, 64, 0x200000);
    put<uint32_t>(b, 68, 0x1000);
    put<uint32_t>(b, 72, 0x3000);
    put<uint32_t>(b, 0x1000, 0x1badb002);
    put<uint32_t>(b, 0x1008, 0u - 0x1badb002);
    return b;
}

std::string error_of(const KernelFiles& files, uint64_t ram = kRam) {
    try {
        make_loader(files, ram);
    } catch (const HostError& e) {
        return e.what();
    }
    return "";
}

}  // namespace

TEST_CASE("a bzImage is entered as the 32-bit boot protocol says") {
    const Bytes initrd(5000, 0xab);
    const TemporaryFile kernel_file(bzimage()), initrd_file(initrd);
    Ram ram(kRam);
    CpuState cpu;
    make_loader({kernel_file.path(), initrd_file.path(), "console=ttyS0"}, kRam)->place(ram, cpu);

    CHECK(cpu.eip == 0x100000);
    CHECK(get<uint32_t>(ram, 0x100000) == 0x90909090);
    CHECK((cpu.cr0 & (cr0::PE | cr0::PG)) == cr0::PE);
    CHECK(cpu.eflags() == flag::kAlwaysSet);
    CHECK(cpu.segment[CS] == SegmentRegister{0x10, 0xc09b, 0, 0xffffffff});
    for (auto s : {DS, ES, SS}) CHECK(cpu.segment[s] == SegmentRegister{0x18, 0xc093, 0, 0xffffffff});
    CHECK(get<uint64_t>(ram, cpu.gdtr.base + 0x10) == 0x00cf9b000000ffff);
    CHECK(get<uint64_t>(ram, cpu.gdtr.base + 0x18) == 0x00cf93000000ffff);
    CHECK(cpu.gpr[EBX] + cpu.gpr[EBP] + cpu.gpr[EDI] == 0);

    const uint32_t params = cpu.gpr[ESI];
    CHECK(get<uint32_t>(ram, params + 0x202) == 0x53726448);
    CHECK(get<uint8_t>(ram, params + 0x210) == 0xff);
    CHECK(std::string(reinterpret_cast<char*>(ram.host(GuestPhys(get<uint32_t>(ram, params + 0x228))))) ==
          "console=ttyS0");
    const uint32_t image = get<uint32_t>(ram, params + 0x218);
    REQUIRE(get<uint32_t>(ram, params + 0x21c) == initrd.size());
    CHECK(image % 4096 == 0);
    CHECK(image >= 0x1400000);  // behind the room that the kernel unpacks into
    CHECK(image + initrd.size() <= kRam);
    CHECK(memcmp(ram.host(GuestPhys(image)), initrd.data(), initrd.size()) == 0);

    REQUIRE(get<uint8_t>(ram, params + 0x1e8) == 3);
    CHECK(get<uint64_t>(ram, params + 0x2d0 + 8) == 0x9fc00);
    CHECK(get<uint32_t>(ram, params + 0x2d0 + 20 + 16) == 2);
    CHECK(get<uint64_t>(ram, params + 0x2d0 + 40) == 0x100000);
    CHECK(get<uint64_t>(ram, params + 0x2d0 + 48) == kRam - 0x100000);
}

TEST_CASE("a flat Multiboot kernel is entered as the specification says") {
    const Bytes first(5000, 1), second(10, 2);
    const TemporaryFile kernel(flat_multiboot()), one(first), two(second);
    Ram ram(kRam);
    CpuState cpu;
    make_loader({kernel.path(), one.path() + " alpha," + two.path(), "x=1"}, kRam)->place(ram, cpu);
    CHECK(cpu.gpr[EAX] == 0x2badb002);
    CHECK(cpu.eip == 0x100020);
    CHECK(get<uint8_t>(ram, cpu.eip) == 0xf4);
    CHECK((cpu.cr0 & (cr0::PE | cr0::PG)) == cr0::PE);
    CHECK(cpu.segment[CS].limit == 0xffffffff);
    CHECK(get<uint64_t>(ram, cpu.gdtr.base + cpu.segment[CS].selector) == 0x00cf9b000000ffff);

    const uint32_t info = cpu.gpr[EBX];
    CHECK(get<uint32_t>(ram, info) == 0x24d);
    CHECK(get<uint32_t>(ram, info + 4) == 639);
    CHECK(get<uint32_t>(ram, info + 8) == (kRam >> 10) - 1024);
    const auto text = [&](uint32_t at) {
        return std::string(reinterpret_cast<char*>(ram.host(GuestPhys(get<uint32_t>(ram, at)))));
    };
    CHECK(text(info + 16) == kernel.path() + " x=1");
    REQUIRE(get<uint32_t>(ram, info + 20) == 2);
    const uint32_t modules = get<uint32_t>(ram, info + 24);
    CHECK(get<uint32_t>(ram, modules + 4) - get<uint32_t>(ram, modules) == first.size());
    CHECK(text(modules + 8) == one.path() + " alpha");
    CHECK(get<uint32_t>(ram, get<uint32_t>(ram, modules + 16)) == 0x02020202);
    REQUIRE(get<uint32_t>(ram, info + 44) == 72);
    const uint32_t map = get<uint32_t>(ram, info + 48);
    CHECK(get<uint32_t>(ram, map) == 20);
    CHECK(get<uint64_t>(ram, map + 48 + 4) == 0x100000);
}

TEST_CASE("an ELF Multiboot kernel loads at physical addresses, and its virtual entry is translated") {
    const TemporaryFile kernel(elf_multiboot());
    Ram ram(kRam);
    memset(ram.host(GuestPhys(0x201000)), 0xff, 0x2000);
    CpuState cpu;
    make_loader({kernel.path(), "", ""}, kRam)->place(ram, cpu);
    CHECK(cpu.eip == 0x200010);
    CHECK(get<uint32_t>(ram, 0x200000) == 0x1badb002);
    CHECK(get<uint64_t>(ram, 0x202ff8) == 0);  // the part that the file does not hold
}

TEST_CASE("a flat kernel may load into low memory") {
    const TemporaryFile kernel(flat_multiboot(0x8000));
    Ram ram(1 << 20);
    CpuState cpu;
    make_loader({kernel.path(), "", ""}, 1 << 20)->place(ram, cpu);
    CHECK(cpu.eip == 0x8020);
    CHECK(cpu.gpr[EBX] < 0x9fc00);
}

TEST_CASE("bad files are refused with a line that names them") {
    const TemporaryFile empty({}), good(bzimage()), text(Bytes{'h', 'e', 'l', 'l', 'o'}), big(Bytes(20 << 20, 1));
    Bytes cut = bzimage();
    cut.resize(600);
    const TemporaryFile truncated(cut);
    Bytes zimage = bzimage();
    zimage[0x211] = 0;
    const TemporaryFile low(zimage);
    const struct {
        KernelFiles files;
        std::string names, says;
    } cases[] = {
        {{"/nonexistent/vmlinuz", "", ""}, "-kernel /nonexistent/vmlinuz: ", "No such file"},
        {{"/", "", ""}, "-kernel /: ", "directory"},
        {{empty.path(), "", ""}, "-kernel " + empty.path(), "empty"},
        {{text.path(), "", ""}, "-kernel " + text.path(), "neither"},
        {{truncated.path(), "", ""}, "-kernel " + truncated.path(), "truncated"},
        {{low.path(), "", ""}, "-kernel " + low.path(), "bzImage"},
        {{good.path(), "/nonexistent/initrd", ""}, "-initrd /nonexistent/initrd: ", "No such file"},
        {{good.path(), empty.path(), ""}, "-initrd " + empty.path(), "empty"},
        {{good.path(), big.path(), ""}, "-initrd " + big.path(), "-m"},
        {{good.path(), "", std::string(3000, 'a')}, "-append", "2047"},
    };
    for (const auto& c : cases) {
        INFO(c.names);
        const std::string error = error_of(c.files);
        CHECK(error.rfind(c.names, 0) == 0);
        CHECK(error.find(c.says) != std::string::npos);
        CHECK(error.find('\n') == std::string::npos);
    }
    CHECK(error_of({good.path(), "", ""}, 16 << 20).find("-m") != std::string::npos);
    const TemporaryFile hole(flat_multiboot(0x9f000, Bytes(8192, 0x90)));
    CHECK(error_of({hole.path(), "", ""}).find("usable memory") != std::string::npos);
}

TEST_CASE("damaged kernels load or are refused, and never write outside RAM") {
    std::mt19937 random(2006);
    const Bytes originals[] = {bzimage(), flat_multiboot(), elf_multiboot()};
    int refused = 0;
    for (int round = 0; round < 600; ++round) {
        Bytes bytes = originals[round % 3];
        const size_t header = round % 3 == 0 ? 0x1f1 : 0, span = round % 3 == 0 ? 0x80 : 0x60;
        for (unsigned n = 1 + random() % 4; n > 0; --n)
            bytes[header + random() % span] = static_cast<uint8_t>(random());
        if (random() % 4 == 0) bytes.resize(1 + random() % bytes.size());
        const TemporaryFile file(bytes);
        INFO("round " << round);
        try {
            const auto loader = make_loader({file.path(), "", "a"}, kRam);
            Ram ram(kRam);
            CpuState cpu;
            loader->place(ram, cpu);
            CHECK(cpu.protected_mode());
        } catch (const HostError& e) {
            ++refused;
            CHECK(std::string(e.what()).find('\n') == std::string::npos);
        }
    }
    CHECK(refused > 0);
    CHECK(refused < 600);
}
