// Counts checks, prints their lines to both consoles and leaves with the verdict.
#include "report.h"

#include <stdarg.h>

#include "protocol.h"

static u32 checks_made, checks_failed;

struct sink {
    char* to;  // null: the consoles
    size_t room;
};

static void put(struct sink* s, char c) {
    if (s->to) {
        if (s->room > 1) *s->to++ = c, --s->room;
        return;
    }
    outb(PROTOCOL_CONSOLE_PORT, (u8)c);
    outb(PROTOCOL_SERIAL_PORT, (u8)c);
}

static void put_number(struct sink* s, u32 v, u32 base, u32 digits) {
    char text[12];
    u32 n = 0;
    do {
        text[n++] = "0123456789abcdef"[v % base];
        v /= base;
    } while (v || n < digits);
    while (n) put(s, text[--n]);
}

static void put_formatted(struct sink* s, const char* f, va_list a) {
    for (; *f; ++f) {
        if (*f != '%') {
            put(s, *f);
            continue;
        }
        switch (*++f) {
            case 's':
                for (const char* t = va_arg(a, const char*); *t; ++t) put(s, *t);
                break;
            case 'c': put(s, (char)va_arg(a, int)); break;
            case 'u': put_number(s, va_arg(a, u32), 10, 1); break;
            case 'x': put_number(s, va_arg(a, u32), 16, 1); break;
            case 'X': put_number(s, va_arg(a, u32), 16, 8); break;
            case 'd': {
                const int v = va_arg(a, int);
                if (v < 0) put(s, '-');
                put_number(s, v < 0 ? -(u32)v : (u32)v, 10, 1);
                break;
            }
            default: put(s, *f);
        }
    }
}

void print(const char* format, ...) {
    struct sink s = {0};
    va_list a;
    va_start(a, format);
    put_formatted(&s, format, a);
    va_end(a);
}

const char* named(const char* format, ...) {
    static char text[4][120];
    static u32 turn;
    char* to = text[turn++ % 4];
    struct sink s = {to, sizeof text[0]};
    va_list a;
    va_start(a, format);
    put_formatted(&s, format, a);
    va_end(a);
    *s.to = 0;
    return to;
}

static void print_verdict(bool good, const char* name, va_list a) {
    struct sink s = {0};
    print("%s %u - ", good ? "ok" : "not ok", ++checks_made);
    put_formatted(&s, name, a);
    if (!good) ++checks_failed;
}

void check(bool good, const char* name, ...) {
    va_list a;
    va_start(a, name);
    print_verdict(good, name, a);
    va_end(a);
    print("\n");
}

void check_equal(u32 got, u32 want, const char* name, ...) {
    va_list a;
    va_start(a, name);
    print_verdict(got == want, name, a);
    va_end(a);
    if (got != want) print(" # got %x, want %x", got, want);
    print("\n");
}

static _Noreturn void leave(void) {
    outl(PROTOCOL_EXIT_PORT, checks_failed ? PROTOCOL_EXIT_FAILED : PROTOCOL_EXIT_PASSED);
    for (;;) asm volatile("cli; hlt");
}

void finish(void) {
    print("1..%u\n%s\n", checks_made, checks_failed || !checks_made ? "failed" : "passed");
    leave();
}

void give_up(const char* format, ...) {
    va_list a;
    va_start(a, format);
    print_verdict(false, format, a);
    va_end(a);
    print("\n");
    finish();
}
