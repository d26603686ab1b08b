// The MC146818A real-time clock with its CMOS memory, behind ports 0x70 and 0x71.
#include "devices/rtc.h"

#include <algorithm>
#include <chrono>

namespace ringfold {

namespace {

enum Register : uint8_t {
    kSeconds = 0,
    kSecondsAlarm = 1,
    kMinutes = 2,
    kMinutesAlarm = 3,
    kHours = 4,
    kHoursAlarm = 5,
    kDayOfWeek = 6,
    kDayOfMonth = 7,
    kMonth = 8,
    kYear = 9,
    kA = 10,
    kB = 11,
    kC = 12,
    kD = 13,
    kCentury = 0x32,
};

// Register A: rate select below, UIP on top. Register B and the flags of C share bit positions.
constexpr uint8_t kUip = 0x80, kRate = 0x0f, kDivider = 0x70, kDivider32768 = 0x20;
constexpr uint8_t kSet = 0x80, kPeriodic = 0x40, kAlarm = 0x20, kUpdateEnded = 0x10, kBinary = 0x04, kHours24 = 0x02;
constexpr uint8_t kIrqf = 0x80, kValidRam = 0x80;
constexpr uint8_t kDontCare = 0xc0;  // an alarm register with both top bits set matches anything

constexpr Nanoseconds kUipBeforeUpdate = 244 * kMicrosecond;  // tBUC
constexpr int64_t kCrystal = 32768;

bool is_time(uint8_t index) {
    return index == kSeconds || index == kMinutes || index == kHours || (index >= kDayOfWeek && index <= kYear) ||
           index == kCentury;
}

// Division that rounds down: a guest may set the clock to before 1970.
int64_t floor_div(int64_t a, int64_t b) {
    return a / b - (a % b < 0 ? 1 : 0);
}

int64_t crystal_ticks(Nanoseconds t) {
    return static_cast<int64_t>(static_cast<__int128>(t) * kCrystal / kSecond);
}

Nanoseconds crystal_time(int64_t ticks) {
    return static_cast<Nanoseconds>((static_cast<__int128>(ticks) * kSecond + kCrystal - 1) / kCrystal);
}

}  // namespace

Rtc::Rtc(const Clock& clock, IrqLine irq8) : clock_(clock), irq8_(irq8) {
    const Nanoseconds now = clock.now(), offset = clock.wall() - now;
    state_.epoch = floor_div(offset, kSecond);
    state_.phase = offset - state_.epoch * kSecond;
    state_.wall_offset = offset;
    state_.seen = now;
    state_.cmos[kA] = kDivider32768 | 6;  // 1024 Hz, as firmware sets it
    state_.cmos[kB] = kHours24;
    state_.cmos[kD] = kValidRam;
}

// The RESET pin ends interrupts and leaves the time, the memory and register A alone (data sheet, RESET).
void Rtc::reset() {
    advance(clock_.now());
    state_.cmos[kB] &= static_cast<uint8_t>(~(kPeriodic | kAlarm | kUpdateEnded | 0x08));
    state_.cmos[kC] = 0;
    update_irq();
    deadline_moved();
}

bool Rtc::divider_running() const {
    return (state_.cmos[kA] & kDivider) <= kDivider32768;
}

bool Rtc::running() const {
    return divider_running() && !(state_.cmos[kB] & kSet);
}

bool Rtc::update_in_progress() const {
    return running() && (clock_.now() + state_.phase) % kSecond >= kSecond - kUipBeforeUpdate;
}

uint32_t Rtc::read(uint32_t offset, unsigned) {
    return offset == 1 ? read_register() : 0xff;  // the index register is write-only
}

void Rtc::write(uint32_t offset, unsigned, uint32_t value) {
    if (offset == 0)
        state_.index = value & 0x7f;  // bit 7 masks NMI, which nothing here raises
    else
        write_register(static_cast<uint8_t>(value));
}

uint8_t Rtc::read_register() {
    const uint8_t index = state_.index;
    if (is_time(index) && running()) advance(clock_.now());
    if (is_time(index) && running()) store_time(seconds(clock_.now()));
    if (index == kA) return static_cast<uint8_t>((state_.cmos[kA] & ~kUip) | (update_in_progress() ? kUip : 0));
    if (index != kC) return state_.cmos[index];
    advance(clock_.now());
    const uint8_t flags = state_.cmos[kC];
    state_.cmos[kC] = 0;
    irq8_.lower();
    deadline_moved();
    return flags;
}

void Rtc::write_register(uint8_t value) {
    const Nanoseconds now = clock_.now();
    const uint8_t index = state_.index;
    advance(now);
    switch (index) {
        case kA:
            write_control_a(value, now);
            break;
        case kB:
            write_control_b(value, now);
            break;
        case kC:
        case kD:
            break;  // read-only
        default:
            if (is_time(index))
                write_time(index, value, now);
            else
                state_.cmos[index] = value;
    }
    deadline_moved();
}

void Rtc::write_control_a(uint8_t value, Nanoseconds now) {
    const bool ran = running(), divider_ran = divider_running();
    state_.cmos[kA] = value & ~kUip;
    if (ran && !running()) stop(now);
    // The first update comes half a second after the divider is let go (data sheet, register A).
    if (!divider_ran && divider_running()) state_.phase = (kSecond - now % kSecond + kSecond / 2) % kSecond;
    if (!ran && running()) start(now);
}

void Rtc::write_control_b(uint8_t value, Nanoseconds now) {
    if (value & kSet) value &= ~kUpdateEnded;  // SET clears UIE
    const bool ran = running();
    // The registers freeze in the old format; they are read back in the one that holds when they are let go,
    // because DM and 24/12 convert nothing (data sheet, register B).
    if (ran && (value & kSet)) stop(now);
    state_.cmos[kB] = value;
    if (!ran && running()) start(now);
    update_irq();
}

void Rtc::write_time(uint8_t index, uint8_t value, Nanoseconds now) {
    const bool runs = running();
    if (runs) stop(now);
    state_.cmos[index] = value;
    if (runs) start(now);
}

void Rtc::stop(Nanoseconds now) {
    store_time(seconds(now));
}

void Rtc::start(Nanoseconds now) {
    state_.epoch += load_time() - seconds(now);
}

uint8_t Rtc::encode(unsigned value) const {
    return static_cast<uint8_t>(state_.cmos[kB] & kBinary ? value : value / 10 << 4 | value % 10);
}

unsigned Rtc::decode(uint8_t value) const {
    return state_.cmos[kB] & kBinary ? value : (value >> 4) * 10u + (value & 15);
}

uint8_t Rtc::encode_hour(unsigned hour) const {
    if (state_.cmos[kB] & kHours24) return encode(hour);
    const unsigned twelve = hour % 12 == 0 ? 12 : hour % 12;
    return static_cast<uint8_t>(encode(twelve) | (hour >= 12 ? 0x80 : 0));
}

unsigned Rtc::decode_hour(uint8_t value) const {
    if (state_.cmos[kB] & kHours24) return decode(value);
    return decode(value & 0x7f) % 12 + (value & 0x80 ? 12 : 0);
}

void Rtc::store_time(int64_t time) {
    using namespace std::chrono;
    const sys_days day{days{floor_div(time, 86400)}};
    const year_month_day date{day};
    const auto of_day = static_cast<unsigned>(time - floor_div(time, 86400) * 86400);
    const auto year = static_cast<unsigned>(std::clamp(static_cast<int>(date.year()), 0, 9999));
    auto& r = state_.cmos;
    r[kSeconds] = encode(of_day % 60);
    r[kMinutes] = encode(of_day / 60 % 60);
    r[kHours] = encode_hour(of_day / 3600);
    r[kDayOfWeek] = encode(weekday{day}.c_encoding() + 1);  // Sunday is 1
    r[kDayOfMonth] = encode(static_cast<unsigned>(date.day()));
    r[kMonth] = encode(static_cast<unsigned>(date.month()));
    r[kYear] = encode(year % 100);
    r[kCentury] = encode(year / 100);
}

int64_t Rtc::load_time() const {
    using namespace std::chrono;
    const auto& r = state_.cmos;
    // The guest may have written anything: an impossible month is pulled into range, too large a day, hour,
    // minute or second runs over into the next.
    const unsigned month_number = std::clamp(decode(r[kMonth]), 1u, 12u);
    const int year_number = static_cast<int>(decode(r[kCentury]) * 100 + decode(r[kYear]));
    const sys_days first{year{year_number} / month{month_number} / day{1}};
    const int64_t days_since = first.time_since_epoch().count() + static_cast<int64_t>(decode(r[kDayOfMonth])) - 1;
    return days_since * 86400 + decode_hour(r[kHours]) * 3600 + decode(r[kMinutes]) * 60 + decode(r[kSeconds]);
}

// Does the alarm match any second in (after, until]?
bool Rtc::alarm_between(int64_t after, int64_t until) const {
    const auto& r = state_.cmos;
    const auto matches = [](uint8_t alarm, auto decoded, unsigned now) {
        return (alarm & kDontCare) == kDontCare || decoded == now;
    };
    until = std::min(until, after + 86400);  // a whole day holds every time of day
    for (int64_t t = after + 1; t <= until; t++) {
        const auto s = static_cast<unsigned>(t - floor_div(t, 86400) * 86400);
        if (matches(r[kSecondsAlarm], decode(r[kSecondsAlarm]), s % 60) &&
            matches(r[kMinutesAlarm], decode(r[kMinutesAlarm]), s / 60 % 60) &&
            matches(r[kHoursAlarm], decode_hour(r[kHoursAlarm]), s / 3600))
            return true;
    }
    return false;
}

// In 32768ths of a second, 0 for never. Rates 1 and 2 give 256 and 128 Hz, as 8 and 9 do; from 3 on each step
// halves 8192 Hz (data sheet, table 5).
int64_t Rtc::periodic_interval() const {
    const unsigned rate = state_.cmos[kA] & kRate;
    if (rate == 0) return 0;
    return int64_t{1} << (rate < 3 ? rate + 6 : rate - 1);
}

void Rtc::follow_wall() {
    const Nanoseconds moved = clock_.wall() - clock_.now() - state_.wall_offset;
    const int64_t whole = moved / kSecond;
    state_.wall_offset += whole * kSecond;
    state_.epoch += whole;
}

void Rtc::advance(Nanoseconds now) {
    const Nanoseconds from = state_.seen;
    const int64_t shown = seconds(from);
    follow_wall();
    if (now <= from) return;
    state_.seen = now;
    const int64_t interval = periodic_interval();
    // SET holds the time, not the divider chain that makes the periodic interrupt.
    if (divider_running() && interval &&
        crystal_ticks(now + state_.phase) / interval > crystal_ticks(from + state_.phase) / interval)
        state_.cmos[kC] |= kPeriodic;
    if (running() && seconds(now) > shown) {
        state_.cmos[kC] |= kUpdateEnded;
        if (!(state_.cmos[kC] & kAlarm) && alarm_between(shown, seconds(now))) state_.cmos[kC] |= kAlarm;
    }
    update_irq();
}

void Rtc::update_irq() {
    const bool asks = state_.cmos[kC] & state_.cmos[kB] & (kPeriodic | kAlarm | kUpdateEnded);
    if (asks)
        state_.cmos[kC] |= kIrqf;
    else
        state_.cmos[kC] &= static_cast<uint8_t>(~kIrqf);
    irq8_.set(asks);
}

std::optional<Nanoseconds> Rtc::next_deadline() const {
    // While IRQF is up the line stays raised until register C is read: nothing more can happen to it.
    if (state_.cmos[kC] & kIrqf) return std::nullopt;
    const uint8_t enabled = state_.cmos[kB];
    const Nanoseconds seen = state_.seen + state_.phase;
    std::optional<Nanoseconds> next;
    // The alarm, too, is looked at once a second, when the time changes.
    if (running() && (enabled & (kUpdateEnded | kAlarm))) next = (seen / kSecond + 1) * kSecond;
    const int64_t interval = periodic_interval();
    if (divider_running() && (enabled & kPeriodic) && interval) {
        const Nanoseconds tick = crystal_time((crystal_ticks(seen) / interval + 1) * interval);
        next = next ? std::min(*next, tick) : tick;
    }
    if (next) *next -= state_.phase;
    return next;
}

void Rtc::set_memory_size(uint64_t bytes) {
    const auto store = [this](uint8_t low, uint64_t value) {
        const uint64_t capped = std::min<uint64_t>(value, 0xffff);
        state_.cmos[low] = static_cast<uint8_t>(capped);
        state_.cmos[low + 1] = static_cast<uint8_t>(capped >> 8);
    };
    const auto above = [bytes](uint64_t start) { return bytes > start ? bytes - start : 0; };
    store(0x15, std::min<uint64_t>(bytes >> 10, 640));
    store(0x17, above(1 << 20) >> 10);
    store(0x30, above(1 << 20) >> 10);
    store(0x34, above(16 << 20) >> 16);
}

// Registers 3Dh and 38h of QEMU's and SeaBIOS's CMOS map: a nibble for each place.
void Rtc::set_boot_order(std::string_view letters) {
    constexpr std::string_view kCodes = "acdn";  // 1 to 4
    uint8_t nibbles[3] = {};
    for (size_t n = 0; n < 3 && n < letters.size(); ++n) {
        const size_t code = kCodes.find(letters[n]);
        nibbles[n] = static_cast<uint8_t>(code == std::string_view::npos ? 0 : code + 1);
    }
    constexpr uint8_t kSkipSignatureCheck = 1;  // of floppies, as QEMU has it
    state_.cmos[0x3d] = static_cast<uint8_t>(nibbles[0] | nibbles[1] << 4);
    state_.cmos[0x38] = static_cast<uint8_t>(nibbles[2] << 4 | kSkipSignatureCheck);
}

void Rtc::restore(const State& s) {
    state_ = s;
    state_.wall_offset = clock_.wall() - clock_.now();  // a restored machine goes on from its own time
    update_irq();
    deadline_moved();
}

}  // namespace ringfold
