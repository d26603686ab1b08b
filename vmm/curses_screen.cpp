// -display curses, by ncurses with wide characters.
#define NCURSES_NOMACROS
#define NCURSES_WIDECHAR 1
#include "vmm/curses_screen.h"

#include <locale.h>
#include <ncurses.h>

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "vmm/base/result.h"
#include "vmm/terminal.h"
#include "vmm/terminal_keys.h"

namespace ringfold {

namespace {

constexpr Nanoseconds kInterval = kSecond / 30;
constexpr size_t kTypedAhead = 1024;
constexpr uint8_t kShiftKey = 0x2a, kCtrlKey = 0x1d, kAltKey = 0x38;

// The PC's colours have red and blue the other way round.
constexpr short kColours[] = {COLOR_BLACK, COLOR_BLUE,    COLOR_GREEN,  COLOR_CYAN,
                              COLOR_RED,   COLOR_MAGENTA, COLOR_YELLOW, COLOR_WHITE};

short pair_of(uint8_t attribute) {
    return static_cast<short>(1 + (attribute & 7) + (attribute >> 4 & 7) * 8);
}

// The part of a row or column of `all` cells that is shown where there is room for fewer: with the cursor in it.
struct Part {
    unsigned first = 0, count = 0;

    Part(unsigned all, int room, int cursor) : count(std::min(all, static_cast<unsigned>(std::max(room, 0)))) {
        const auto at = static_cast<unsigned>(std::max(cursor, 0));
        if (at >= count && at < all) first = at - count + 1;
    }
    int place(int cursor) const { return cursor - static_cast<int>(first); }
    bool holds(int cursor) const { return place(cursor) >= 0 && place(cursor) < static_cast<int>(count); }
};

}  // namespace

CursesScreen::CursesScreen(const Clock& clock) : next_(clock.now()) {
    setlocale(LC_CTYPE, "");
    if (!newterm(nullptr, stdout, stdin)) {
        const char* name = getenv("TERM");
        throw HostError(
            fmt::format("-display curses: the terminal '{}' is not one that curses knows; set TERM, or write "
                        "-display none",
                        name ? name : ""));
    }
    set_full_screen(true);
    if (has_colors()) {
        start_color();
        for (uint8_t background = 0; background < 8; ++background)
            for (uint8_t foreground = 0; foreground < 8; ++foreground)
                init_pair(pair_of(static_cast<uint8_t>(foreground | background << 4)), kColours[foreground],
                          kColours[background]);
    }
}

CursesScreen::~CursesScreen() {
    endwin();
    set_full_screen(false);
}

void CursesScreen::connect(const Vga& vga, I8042& keyboard) {
    vga_ = &vga;
    keyboard_ = &keyboard;
    events_.clear();
}

void CursesScreen::type(ByteSource& typed) {
    std::string bytes;
    while (events_.size() + bytes.size() < kTypedAhead) {
        const auto byte = typed.take();
        if (!byte) break;
        bytes += static_cast<char>(*byte);
    }
    for (const KeyStroke& stroke : decode_terminal_keys(bytes)) {
        const std::pair<bool, uint8_t> held[] = {
            {stroke.shift, kShiftKey}, {stroke.ctrl, kCtrlKey}, {stroke.alt, kAltKey}};
        for (const auto& [wanted, key] : held)
            if (wanted) events_.push_back({key, true});
        events_.push_back({stroke.key, true});
        events_.push_back({stroke.key, false});
        for (const auto& [wanted, key] : held)
            if (wanted) events_.push_back({key, false});
    }
    press_keys();
}

void CursesScreen::press_keys() {
    while (!events_.empty() && keyboard_->key(events_.front().key, events_.front().down)) events_.pop_front();
}

void CursesScreen::advance(Nanoseconds now) {
    if (now < next_ || !vga_) return;
    next_ = now + kInterval;
    press_keys();
    draw();
}

void CursesScreen::draw() {
    const TextScreen screen = vga_->text_screen();
    werase(stdscr);
    if (screen.cells.empty()) {
        mvwaddstr(stdscr, 0, 0, "(the guest shows graphics)");
    }
    const Part rows(screen.rows, getmaxy(stdscr), screen.cursor_row);
    const Part columns(screen.columns, getmaxx(stdscr), screen.cursor_column);
    for (unsigned y = 0; y < rows.count; ++y) {
        wmove(stdscr, static_cast<int>(y), 0);
        for (unsigned x = 0; x < columns.count; ++x) {
            const TextScreen::Cell cell = screen.cells[(rows.first + y) * screen.columns + columns.first + x];
            const wchar_t character[] = {static_cast<wchar_t>(from_code_page_437(cell.character)), 0};
            cchar_t shown;
            setcchar(&shown, character, cell.attribute & 8 ? A_BOLD : A_NORMAL, pair_of(cell.attribute), nullptr);
            wadd_wch(stdscr, &shown);
        }
    }
    const bool cursor = rows.holds(screen.cursor_row) && columns.holds(screen.cursor_column);
    curs_set(cursor ? 1 : 0);
    if (cursor) wmove(stdscr, rows.place(screen.cursor_row), columns.place(screen.cursor_column));
    wrefresh(stdscr);
}

}  // namespace ringfold
