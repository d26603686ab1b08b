// The 16550A at register level, against the PC16550D data sheet.
#include "devices/uart.h"

#include <catch2/catch.hpp>

#include "test/unit/devices/support.h"

using namespace ringfold;

namespace {

constexpr uint32_t kData = 0, kIer = 1, kIir = 2, kFcr = 2, kLcr = 3, kMcr = 4, kLsr = 5, kMsr = 6, kScr = 7;

struct Fixture {
    ManualClock clock;
    WatchedLines lines;
    FakeSink sink;
    FakeSource source;
    Uart uart{clock, IrqLine(lines, 4), &sink, &source};

    void type(const std::string& text) {
        source.add(text);
        uart.input_ready();
    }
    unsigned identity() { return get(uart, kIir) & 0x0f; }
    bool interrupts() const { return lines.level(4); }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "power-on values") {
    CHECK(get(uart, kIer) == 0x00);
    CHECK(get(uart, kIir) == 0x01);
    CHECK(get(uart, kLcr) == 0x00);
    CHECK(get(uart, kMcr) == 0x00);
    CHECK(get(uart, kLsr) == 0x60);
    CHECK(get(uart, kMsr) == 0xb0);
}

TEST_CASE_METHOD(Fixture, "what is written is sent, in order") {
    for (char c : std::string("Ringfold\r\n")) put(uart, kData, static_cast<uint8_t>(c));
    CHECK(sink.text == "Ringfold\r\n");
    CHECK(get(uart, kLsr) == 0x60);
}

TEST_CASE_METHOD(Fixture, "DLAB shows the divisor instead of data and IER") {
    put(uart, kIer, 0x05);
    put(uart, kLcr, 0x83);
    put(uart, kData, 0x01);
    put(uart, kIer, 0xc2);
    CHECK(get(uart, kData) == 0x01);
    CHECK(get(uart, kIer) == 0xc2);
    put(uart, kLcr, 0x03);
    CHECK(get(uart, kIer) == 0x05);
    CHECK(sink.text.empty());
}

TEST_CASE_METHOD(Fixture, "the scratch register holds; IER's and MCR's upper bits do not exist") {
    put(uart, kScr, 0xa5);
    CHECK(get(uart, kScr) == 0xa5);
    put(uart, kIer, 0xf0);
    CHECK(get(uart, kIer) == 0x00);
    put(uart, kMcr, 0xe3);
    CHECK(get(uart, kMcr) == 0x03);
}

TEST_CASE_METHOD(Fixture, "FIFOs show in IIR, as a 16550A's and not a 16750's") {
    put(uart, kFcr, 0x01);
    CHECK(get(uart, kIir) == 0xc1);
    put(uart, kLcr, 0x80);
    put(uart, kFcr, 0x21);
    CHECK(get(uart, kIir) == 0xc1);
    put(uart, kFcr, 0x00);
    CHECK(get(uart, kIir) == 0x01);
}

TEST_CASE_METHOD(Fixture, "without FIFOs one byte is held, and the rest waits outside") {
    type("ab");
    CHECK(get(uart, kLsr) == 0x61);
    CHECK(source.bytes.size() == 1);
    CHECK_FALSE(uart.wants_input());
    CHECK(get(uart, kData) == 'a');
    CHECK(get(uart, kLsr) == 0x61);
    CHECK(get(uart, kData) == 'b');
    CHECK(get(uart, kLsr) == 0x60);
    CHECK(uart.wants_input());
}

TEST_CASE_METHOD(Fixture, "a byte received interrupts, and each further one is a new edge") {
    put(uart, kIer, 0x01);
    type("xy");
    CHECK(interrupts());
    CHECK(identity() == 0x04);
    CHECK(lines.take_rises(4) == 1);
    CHECK(get(uart, kData) == 'x');
    CHECK(interrupts());
    CHECK(lines.take_rises(4) == 1);
    CHECK(get(uart, kData) == 'y');
    CHECK_FALSE(interrupts());
    CHECK(identity() == 0x01);
}

TEST_CASE_METHOD(Fixture, "with FIFOs the interrupt waits for the trigger level") {
    const auto [bits, level] = GENERATE(table<unsigned, unsigned>({{0x01, 1}, {0x41, 4}, {0x81, 8}, {0xc1, 14}}));
    put(uart, kFcr, bits);
    put(uart, kIer, 0x01);
    type(std::string(level - 1, 'x'));
    CHECK_FALSE(interrupts());
    type("y");
    CHECK(interrupts());
    CHECK(identity() == 0x04);
    get(uart, kData);
    CHECK_FALSE(interrupts());
}

TEST_CASE_METHOD(Fixture, "the receive FIFO holds 16") {
    put(uart, kFcr, 0x01);
    type("0123456789abcdefgh");
    CHECK(source.bytes.size() == 2);
    std::string read;
    while (get(uart, kLsr) & 1) read += static_cast<char>(get(uart, kData));
    CHECK(read == "0123456789abcdefgh");
}

TEST_CASE_METHOD(Fixture, "bytes below the trigger level time out after four character times") {
    put(uart, kLcr, 0x80);
    put(uart, kData, 12);  // 9600 baud
    // 8 data bits, then with two stop bits, with parity, and 5 data bits: with the start bit so many in all.
    const auto [format, bits] = GENERATE(table<unsigned, unsigned>({{0x03, 10}, {0x07, 11}, {0x0b, 11}, {0x00, 7}}));
    put(uart, kLcr, format);
    put(uart, kFcr, 0x81);
    put(uart, kIer, 0x01);
    unsigned moved = 0;
    uart.on_deadline_moved([&] { moved++; });
    type("a");
    CHECK(moved > 0);
    REQUIRE(uart.next_deadline());
    const Nanoseconds expected = 4 * bits * kSecond / 9600;
    CHECK(*uart.next_deadline() >= expected - 1000);
    CHECK(*uart.next_deadline() <= expected + 1000);
    clock.set(expected / 2);
    uart.advance(clock.now());
    CHECK_FALSE(interrupts());
    type("b");  // starts the time again
    clock.set(expected + 1000);
    uart.advance(clock.now());
    CHECK_FALSE(interrupts());
    clock.set(expected * 3 / 2 + 1000);
    uart.advance(clock.now());
    CHECK(interrupts());
    CHECK(identity() == 0x0c);
    CHECK(get(uart, kData) == 'a');
    CHECK_FALSE(interrupts());  // a read ends it, and starts the time again
    clock.step(expected + 1000);
    uart.advance(clock.now());
    CHECK(identity() == 0x0c);
}

TEST_CASE_METHOD(Fixture, "no timeout without bytes, without its interrupt, or at the trigger level") {
    put(uart, kFcr, 0x41);
    CHECK_FALSE(uart.next_deadline());
    type("abc");
    CHECK_FALSE(uart.next_deadline());
    put(uart, kIer, 0x01);
    CHECK(uart.next_deadline());
    type("d");
    CHECK_FALSE(uart.next_deadline());
}

TEST_CASE_METHOD(Fixture, "an empty transmitter interrupts when that is enabled, until IIR is read") {
    put(uart, kIer, 0x02);
    CHECK(interrupts());
    CHECK(identity() == 0x02);
    CHECK_FALSE(interrupts());
    CHECK(identity() == 0x01);
    SECTION("and again after each byte, as a new edge") {
        lines.take_rises(4);
        put(uart, kData, 'a');
        CHECK(lines.take_rises(4) == 1);
        put(uart, kData, 'b');
        CHECK(lines.take_rises(4) == 1);
        CHECK(identity() == 0x02);
    }
    SECTION("and again when it is disabled and enabled, which Linux tests") {
        put(uart, kIer, 0x00);
        CHECK_FALSE(interrupts());
        put(uart, kIer, 0x02);
        CHECK(interrupts());
    }
    SECTION("but not when it is merely written again") {
        put(uart, kIer, 0x03);
        CHECK_FALSE(interrupts());
    }
}

TEST_CASE_METHOD(Fixture, "a host that takes nothing holds THRE down and loses no byte") {
    put(uart, kIer, 0x02);
    identity();
    sink.room = 2;
    for (char c : std::string("abcd")) put(uart, kData, static_cast<uint8_t>(c));
    CHECK(sink.text == "ab");
    CHECK(uart.wants_output());
    CHECK(get(uart, kLsr) == 0x00);
    CHECK(identity() == 0x01);
    sink.room = 1;
    uart.output_ready();
    CHECK(sink.text == "abc");
    CHECK(get(uart, kLsr) == 0x00);
    sink.room = 100;
    uart.output_ready();
    CHECK(sink.text == "abcd");
    CHECK_FALSE(uart.wants_output());
    CHECK(get(uart, kLsr) == 0x60);
    CHECK(identity() == 0x02);
}

TEST_CASE_METHOD(Fixture, "interrupts are reported by priority") {
    put(uart, kIer, 0x0f);  // the transmitter is empty already
    put(uart, kMcr, 0x10);  // loopback drops CTS, DSR and DCD
    uart.input_ready();
    put(uart, kMcr, 0x00);
    type("a");
    uart.receive_break();  // its 0 overruns the one-byte buffer
    CHECK(identity() == 0x06);
    CHECK((get(uart, kLsr) & 0x12) == 0x12);
    CHECK(identity() == 0x04);
    get(uart, kData);
    CHECK(identity() == 0x02);
    CHECK(identity() == 0x00);
    CHECK((get(uart, kMsr) & 0x0f) == 0x0b);
    CHECK(identity() == 0x01);
    CHECK_FALSE(interrupts());
}

TEST_CASE_METHOD(Fixture, "loopback ties the modem outputs to the inputs") {
    put(uart, kMcr, 0x1a);  // as Linux looks for a port
    CHECK((get(uart, kMsr) & 0xf0) == 0x90);
    put(uart, kMcr, 0x15);
    CHECK((get(uart, kMsr) & 0xf0) == 0x60);
    get(uart, kMsr);
    put(uart, kMcr, 0x11);  // OUT1 off: RI's trailing edge
    CHECK(get(uart, kMsr) == 0x24);
    put(uart, kMcr, 0x15);  // on again: no change is reported
    CHECK(get(uart, kMsr) == 0x60);
}

TEST_CASE_METHOD(Fixture, "loopback returns the bytes, sends none, and can overrun") {
    put(uart, kMcr, 0x10);
    put(uart, kData, 'a');
    CHECK(get(uart, kLsr) == 0x61);
    put(uart, kData, 'b');
    CHECK(get(uart, kLsr) == 0x63);
    CHECK(get(uart, kLsr) == 0x61);  // reading clears the error
    CHECK(get(uart, kData) == 'b');  // without FIFOs the newer byte replaces the older
    CHECK(sink.text.empty());
    type("host");
    CHECK(source.bytes.size() == 4);
    put(uart, kMcr, 0x00);
    CHECK(get(uart, kData) == 'h');
}

TEST_CASE_METHOD(Fixture, "a full receive FIFO loses the newest byte in loopback") {
    put(uart, kFcr, 0x01);
    put(uart, kMcr, 0x10);
    for (unsigned i = 0; i < 17; i++) put(uart, kData, i);
    CHECK((get(uart, kLsr) & 2) == 2);
    for (unsigned i = 0; i < 16; i++) CHECK(get(uart, kData) == i);
    CHECK((get(uart, kLsr) & 1) == 0);
}

TEST_CASE_METHOD(Fixture, "FCR clears the receive FIFO on request and when FIFOs go on or off") {
    put(uart, kFcr, 0x01);
    put(uart, kMcr, 0x10);
    const unsigned command = GENERATE(0x03u, 0x00u);
    put(uart, kData, 'a');
    CHECK((get(uart, kLsr) & 1) == 1);
    put(uart, kFcr, 0x01);
    CHECK((get(uart, kLsr) & 1) == 1);
    put(uart, kFcr, command);
    CHECK((get(uart, kLsr) & 1) == 0);
}

TEST_CASE_METHOD(Fixture, "a break is a zero with its own status bit and, with FIFOs, the error summary") {
    put(uart, kFcr, 0x01);
    put(uart, kIer, 0x04);
    uart.receive_break();
    CHECK(identity() == 0x06);
    CHECK(get(uart, kLsr) == 0xf1);
    CHECK(get(uart, kLsr) == 0x61);
    CHECK(get(uart, kData) == 0);
}

TEST_CASE_METHOD(Fixture, "a port without streams sends into the void and receives nothing") {
    Uart alone{clock, IrqLine::none(), nullptr, nullptr};
    put(alone, kData, 'a');
    alone.input_ready();
    CHECK(get(alone, kLsr) == 0x60);
}

TEST_CASE_METHOD(Fixture, "a restored port has its bytes and its interrupt") {
    put(uart, kFcr, 0x01);
    put(uart, kIer, 0x01);
    type("ab");
    sink.room = 0;
    put(uart, kData, 'z');
    WatchedLines other_lines;
    FakeSink other_sink;
    Uart other{clock, IrqLine(other_lines, 4), &other_sink, nullptr};
    other.restore(uart.state());
    CHECK(other_lines.level(4));
    CHECK(get(other, kData) == 'a');
    CHECK(get(other, kData) == 'b');
    other.output_ready();
    CHECK(other_sink.text == "z");
}
