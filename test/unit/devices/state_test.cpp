// What describes itself once is saved, loaded, shown and told apart from what is made otherwise.
#include <catch2/catch.hpp>

#include "devices/ps2_mouse.h"
#include "devices/ps2_queue.h"
#include "devices/vga_picture.h"
#include "vmm/base/cpu_state.h"
#include "vmm/base/state/printer.h"
#include "vmm/base/state/reader.h"
#include "vmm/base/state/shape.h"
#include "vmm/base/state/writer.h"

using namespace ringfold;

namespace {

enum class Colour : uint8_t { Red, Green };

struct Inner {
    uint16_t a = 1;
    bool b = true;

    template <class Archive>
    void describe(Archive& archive) {
        archive.fields(*this, "a", a, "b", b);
    }
    bool operator==(const Inner&) const = default;
};

struct Outer {
    Colour colour = Colour::Red;
    int64_t time = -5;
    std::array<Inner, 2> inner{};
    std::vector<uint8_t> bytes;
    std::deque<uint8_t> queue;
    std::optional<uint32_t> maybe;

    template <class Archive>
    void describe(Archive& archive) {
        archive.fields(*this, "colour", colour, "time", time, "inner", inner, "bytes", bytes, "queue", queue, "maybe",
                       maybe);
        archive.require(colour <= Colour::Green, "colour");
    }
    bool operator==(const Outer&) const = default;
};

struct Renamed {
    uint16_t c = 1;
    bool b = true;

    template <class Archive>
    void describe(Archive& archive) {
        archive.fields(*this, "c", c, "b", b);
    }
};

template <class T>
std::vector<uint8_t> save(T value) {
    std::vector<uint8_t> bytes;
    state::Writer(bytes).value("", value);
    return bytes;
}

template <class T>
T load(std::span<const uint8_t> bytes) {
    T value{};
    state::Reader reader(bytes, "test");
    reader.value("", value);
    reader.end();
    return value;
}

Outer example() {
    return {Colour::Green, -1234567890123, {Inner{7, false}, Inner{8, true}}, {1, 2, 3}, {4, 5}, 99};
}

}  // namespace

TEST_CASE("fields are counted, whatever their kinds") {
    CHECK(state::field_count<Inner> == 2);
    CHECK(state::field_count<Outer> == 6);
    CHECK(state::field_count<SegmentRegister> == 4);
}

TEST_CASE("a state comes back as it was") {
    CHECK(load<Outer>(save(example())) == example());
    CHECK(load<Outer>(save(Outer{})) == Outer{});
}

TEST_CASE("a state that is cut short or too long is refused") {
    const auto bytes = save(example());
    for (size_t n = 0; n < bytes.size(); ++n) CHECK_THROWS_AS(load<Outer>(std::span(bytes).first(n)), HostError);
    auto longer = bytes;
    longer.push_back(0);
    CHECK_THROWS_WITH(load<Outer>(longer), "test: its end cannot be");
}

TEST_CASE("values that cannot be are refused") {
    auto bytes = save(example());
    bytes[0] = 2;
    CHECK_THROWS_WITH(load<Outer>(bytes), "test: colour cannot be");
    bytes = save(Inner{});
    bytes[2] = 2;
    CHECK_THROWS_WITH(load<Inner>(bytes), "test: b cannot be");
    bytes = save(Outer{});
    bytes[1 + 8 + 6] = 0xff;  // the length of `bytes`
    CHECK_THROWS_WITH(load<Outer>(bytes), "test: bytes cannot be");

    bytes = save(Ps2Queue{});
    bytes.back() = 129;
    CHECK_THROWS_WITH(load<Ps2Queue>(bytes), "test: count cannot be");
    CpuState cpu;
    cpu.fpu[27] = 1;  // a bit of MXCSR with which FXRSTOR would fault
    CHECK_THROWS_WITH(load<CpuState>(save(cpu)), "test: mxcsr cannot be");
}

TEST_CASE("a display or a mouse that would reach beyond its memory is refused") {
    CHECK(load<VgaState>(save(VgaState{})).vbe == VgaState{}.vbe);
    const auto [index, value] = GENERATE(std::pair(vga::kBpp, 40), std::pair(vga::kBank, 256), std::pair(vga::kXres, 16001));
    VgaState s;
    s.vbe[index] = static_cast<uint16_t>(value);
    CHECK_THROWS_WITH(load<VgaState>(save(s)), "test: vbe cannot be");
    Ps2Mouse::State mouse;
    mouse.dy = -Ps2Mouse::kFarthest;
    CHECK(load<Ps2Mouse::State>(save(mouse)).dy == mouse.dy);
    mouse.dx = INT32_MAX;
    CHECK_THROWS_WITH(load<Ps2Mouse::State>(save(mouse)), "test: movement cannot be");
}

TEST_CASE("the shape tells names, kinds and order apart") {
    CHECK(state::shape_of<Inner>() == state::shape_of<Inner>());
    CHECK(state::shape_of<Inner>() != state::shape_of<Renamed>());
    CHECK(state::shape_of<Outer>() != state::shape_of<Inner>());
}

TEST_CASE("a state is shown by name") {
    Outer outer = example();
    state::Printer printer;
    printer.value("", outer);
    CHECK(printer.text() ==
          "colour=1\ntime=-1234567890123\ninner[0].a=0x7\ninner[0].b=no\ninner[1].a=0x8\ninner[1].b=yes\n"
          "bytes=01 02 03\nqueue=04 05\nmaybe=0x63\n");
}
