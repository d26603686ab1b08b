// The 8042 keyboard controller with the PS/2 second port (IBM PS/2 technical reference), ports 0x60 and 0x64.
#include "devices/i8042.h"

#include "devices/scancodes.h"
#include "vmm/base/log.h"

namespace ringfold {

namespace {

// Status register. Bit 5 says that the output buffer's byte is the mouse's.
constexpr uint8_t kOutputFull = 0x01, kSystemFlag = 0x04, kWasCommand = 0x08, kUnlocked = 0x10, kFromMouse = 0x20;
// Command byte.
constexpr uint8_t kKeyboardIrq = 0x01, kMouseIrq = 0x02, kSystem = 0x04, kKeyboardOff = 0x10, kMouseOff = 0x20,
                  kTranslate = 0x40;
// Output port.
constexpr uint8_t kNotReset = 0x01, kA20 = 0x02, kPortKeyboardFull = 0x10, kPortMouseFull = 0x20;

enum Command : uint8_t {
    kReadRam = 0x20,
    kWriteRam = 0x60,
    kDisableMouse = 0xa7,
    kEnableMouse = 0xa8,
    kTestMouse = 0xa9,
    kSelfTest = 0xaa,
    kTestKeyboard = 0xab,
    kDisableKeyboard = 0xad,
    kEnableKeyboard = 0xae,
    kReadInputPort = 0xc0,
    kReadOutputPort = 0xd0,
    kWriteOutputPort = 0xd1,
    kWriteKeyboardBuffer = 0xd2,
    kWriteMouseBuffer = 0xd3,
    kWriteMouse = 0xd4,
    kDisableA20 = 0xdd,
    kEnableA20 = 0xdf,
    kPulse = 0xf0,
};

}  // namespace

I8042::I8042(IrqLine keyboard_irq, IrqLine mouse_irq, A20Gate& a20, std::function<void()> request_reset)
    : keyboard_irq_(keyboard_irq), mouse_irq_(mouse_irq), a20_(a20), request_reset_(std::move(request_reset)) {
    reset();
}

// As firmware leaves it: interrupts and translation on, system flag set. A kernel started directly finds that.
void I8042::reset() {
    registers_ = Registers{};
    registers_.ram[0] = kKeyboardIrq | kMouseIrq | kSystem | kTranslate;
    registers_.status |= kSystemFlag;
    keyboard_.reset();
    mouse_.reset();
    update_irqs();
}

uint32_t I8042::read(uint32_t offset, unsigned) {
    if (offset == 0) return read_data();
    return static_cast<uint32_t>(registers_.status | (registers_.source != kEmpty ? kOutputFull : 0) |
                                 (registers_.source == kMouse ? kFromMouse : 0));
}

void I8042::write(uint32_t offset, unsigned, uint32_t value) {
    if (offset == 0) {
        registers_.status &= static_cast<uint8_t>(~kWasCommand);
        write_data(static_cast<uint8_t>(value));
    } else {
        registers_.status |= kWasCommand;
        write_command(static_cast<uint8_t>(value));
    }
    fill_output_buffer();
}

uint8_t I8042::read_data() {
    const uint8_t byte = registers_.output;
    registers_.source = kEmpty;
    update_irqs();  // drops the line first: the next byte is a new edge
    fill_output_buffer();
    return byte;
}

void I8042::write_command(uint8_t command) {
    registers_.command = 0;
    if (command >= kPulse) {  // bits 0-3 that are clear pulse low; bit 0 is the reset line
        if (!(command & kNotReset) && request_reset_) request_reset_();
        return;
    }
    if (command >= kReadRam && command < kReadRam + 0x20) return answer(registers_.ram[command & 0x1f]);
    if (command >= kWriteRam && command < kWriteRam + 0x20) {
        registers_.command = command;
        return;
    }
    switch (command) {
        case kDisableMouse:
            registers_.ram[0] |= kMouseOff;
            break;
        case kEnableMouse:
            registers_.ram[0] &= static_cast<uint8_t>(~kMouseOff);
            break;
        case kDisableKeyboard:
            registers_.ram[0] |= kKeyboardOff;
            break;
        case kEnableKeyboard:
            registers_.ram[0] &= static_cast<uint8_t>(~kKeyboardOff);
            break;
        case kTestMouse:
        case kTestKeyboard:
            return answer(0x00);  // wires in order
        case kSelfTest:
            registers_.status |= kSystemFlag;
            return answer(0x55);
        case kReadInputPort:
            return answer(0x80);  // bit 7: keyboard not locked
        case kReadOutputPort:
            return answer(output_port());
        case kDisableA20:
            a20_.set(false);
            break;
        case kEnableA20:
            a20_.set(true);
            break;
        case kWriteOutputPort:
        case kWriteKeyboardBuffer:
        case kWriteMouseBuffer:
        case kWriteMouse:
            registers_.command = command;
            break;
        default:
            log::print(log::GuestErrors, "8042: unknown command {:#x}\n", command);
    }
}

void I8042::write_data(uint8_t value) {
    const uint8_t command = std::exchange(registers_.command, uint8_t{0});
    if (command >= kWriteRam && command < kWriteRam + 0x20) {
        registers_.ram[command & 0x1f] = value;
        if (command == kWriteRam) {
            registers_.status = static_cast<uint8_t>((registers_.status & ~kSystemFlag) | (value & kSystem));
            update_irqs();
        }
        return;
    }
    switch (command) {
        case kWriteOutputPort:
            write_output_port(value);
            break;
        case kWriteKeyboardBuffer:
            put(value, kKeyboard);
            break;
        case kWriteMouseBuffer:
            put(value, kMouse);
            break;
        case kWriteMouse:
            registers_.ram[0] &= static_cast<uint8_t>(~kMouseOff);  // sending needs the clock line
            mouse_.receive(value);
            break;
        default:
            registers_.ram[0] &= static_cast<uint8_t>(~kKeyboardOff);
            keyboard_.receive(value);
    }
}

uint8_t I8042::output_port() const {
    return static_cast<uint8_t>(0xcc | kNotReset | (a20_.enabled() ? kA20 : 0) |
                                (registers_.source == kKeyboard ? kPortKeyboardFull : 0) |
                                (registers_.source == kMouse ? kPortMouseFull : 0));
}

void I8042::write_output_port(uint8_t value) {
    a20_.set(value & kA20);
    if (!(value & kNotReset) && request_reset_) request_reset_();
}

void I8042::answer(uint8_t byte) {
    registers_.answers.push({byte});
}

void I8042::put(uint8_t byte, Source source) {
    registers_.output = byte;
    registers_.source = source;
    update_irqs();
}

// The next byte that goes to the output buffer; in translation F0 only marks the byte behind it as a release.
std::optional<uint8_t> I8042::byte_from_keyboard() {
    while (const auto byte = keyboard_.send()) {
        if (!(registers_.ram[0] & kTranslate)) return byte;
        if (*byte == 0xf0) {
            registers_.break_prefix = true;
            continue;
        }
        const uint8_t set1 = translate_set2_to_set1(*byte);
        return static_cast<uint8_t>(set1 | (std::exchange(registers_.break_prefix, false) ? 0x80 : 0));
    }
    return std::nullopt;
}

void I8042::fill_output_buffer() {
    if (registers_.source != kEmpty) return;
    if (const auto own = registers_.answers.pop()) return put(*own, kKeyboard);
    if (!(registers_.ram[0] & kKeyboardOff)) {
        if (const auto byte = byte_from_keyboard()) return put(*byte, kKeyboard);
    }
    if (!(registers_.ram[0] & kMouseOff)) {
        if (const auto byte = mouse_.send()) return put(*byte, kMouse);
    }
}

void I8042::update_irqs() {
    keyboard_irq_.set(registers_.source == kKeyboard && (registers_.ram[0] & kKeyboardIrq));
    mouse_irq_.set(registers_.source == kMouse && (registers_.ram[0] & kMouseIrq));
}

bool I8042::key(uint8_t key, bool down) {
    const bool typed = keyboard_.key(key, down);
    fill_output_buffer();
    return typed;
}

void I8042::move_mouse(int dx, int dy, int dz, uint8_t buttons) {
    mouse_.move(dx, dy, dz, buttons);
    fill_output_buffer();
}

void I8042::restore(const State& s) {
    registers_ = s.registers;
    keyboard_.restore(s.keyboard);
    mouse_.restore(s.mouse);
    update_irqs();
}

}  // namespace ringfold
