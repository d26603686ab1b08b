// The first program of GNU Mach, where the Hurd would be: it has the kernel's own drivers work disks and the
// keyboard, makes a task that shares its memory by copying on write, and exchanges messages with it.
//
// usage, as a Multiboot module: server DEVICE-PORT HOST-PORT [DISK KIBIBYTES]...
#include "mach.h"

static port console, master;

static void print(const char* text) {
    natural length = 0;
    while (text[length])
        ++length;
    device_write_inband(console, text, length);
}

static void print_hex(natural value) {
    char digits[9] = {0};
    for (int n = 0; n < 8; ++n)
        digits[n] = "0123456789abcdef"[value >> (28 - 4 * n) & 15];
    print(digits);
}

static void report(const char* what, natural value, int failed) {
    print(failed ? "\r\nnot ok: " : "\r\nok: ");
    print(what);
    print(" ");
    print_hex(failed ? (natural)failed : value);
}

static natural number(const char* text) {
    natural value = 0;
    while (*text >= '0' && *text <= '9')
        value = value * 10 + *text++ - '0';
    return value;
}

// Adler's checksum, RFC 1950, which the test computes from the images.
static natural adler(natural sum, const unsigned char* data, natural bytes) {
    natural a = sum & 0xffff, b = sum >> 16;
    for (natural n = 0; n < bytes; ++n) {
        a = (a + data[n]) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

// Reads the whole disk. What is in its first 16 sectors, it writes to the next 16.
enum { SECTOR = 512, PIECE = 32 << 10 };

static void work_disk(const char* name, natural bytes) {
    port device;
    int failed = device_open(master, name, &device);
    natural sum = 1;
    for (natural at = 0; !failed && at < bytes; at += PIECE) {
        void* data;
        natural read;
        failed = device_read(device, at / SECTOR, PIECE, &data, &read);
        if (!failed && read != PIECE)
            failed = 1;
        if (!failed)
            sum = adler(sum, data, read);
        if (!failed && !at)
            failed = device_write(device, 16, data, 16 * SECTOR);
    }
    report(name, sum, failed);
}

// The child's view of `memory` is of the moment when it was made.
enum { WORDS = 1 << 18, ROUNDS = 10000, TO_PARENT = 0x1000, BEFORE = 0x11111111, AFTER = 0x22222222, CHILDS = 0x33333333 };
static natural memory[WORDS], child_stack[4096];

static natural others(natural than) {
    natural count = 0;
    for (natural n = 0; n < WORDS; ++n)
        count += memory[n] != than;
    return count;
}

static void fill(natural value) {
    for (natural n = 0; n < WORDS; ++n)
        memory[n] = value;
}

struct question {
    struct header header;
    natural type, value;
};

static void child(void) {
    natural wrong = others(BEFORE);
    fill(CHILDS);
    wrong += others(CHILDS);
    port reply = mach_reply_port();
    struct question m;
    for (natural n = 0; n < ROUNDS; ++n) {
        m = (struct question){{BITS(COPY_SEND, MAKE_SEND_ONCE), 0, TO_PARENT, reply, 0, n}, ONE_INTEGER, n};
        wrong += mach_msg(&m, SEND | RECEIVE, sizeof m, sizeof m, reply, 0, 0) || m.value != n + 1;
    }
    m = (struct question){{BITS(COPY_SEND, 0), 0, TO_PARENT, 0, 0, ROUNDS}, ONE_INTEGER, wrong};
    mach_msg(&m, SEND, sizeof m, 0, 0, 0, 0);
    for (;;)
        mach_msg(&m, RECEIVE, 0, sizeof m, reply, 0, 0);
}

static int serve_child(port from, natural* wrong) {
    struct question m;
    for (;;) {
        int failed = mach_msg(&m, RECEIVE, 0, sizeof m, from, 0, 0);
        if (failed)
            return failed;
        if (m.header.id == ROUNDS) {
            *wrong = m.value;
            return 0;
        }
        m.header.bits = BITS(MOVE_SEND_ONCE, 0);
        m.header.local = 0;
        ++m.value;
        if ((failed = mach_msg(&m, SEND, sizeof m, 0, 0, 0, 0)))
            return failed;
    }
}

static void work_tasks(void) {
    port self = mach_task_self(), task, questions;
    natural wrong = 0;
    fill(BEFORE);
    int failed = mach_port_allocate(self, RIGHT_RECEIVE, &questions);
    if (!failed)
        failed = task_create(self, 1, &task);
    if (!failed)
        failed = mach_port_insert_right(task, TO_PARENT, questions, MAKE_SEND);
    fill(AFTER);
    if (!failed)
        failed = start_thread(task, child, child_stack + 4096);
    if (!failed)
        failed = serve_child(questions, &wrong);
    report("a task and its messages, wrong ones:", wrong + others(AFTER), failed);
}

static void work_keyboard(void) {
    print("\r\ntype a line: ");
    for (;;) {
        char text[64];
        natural length;
        if (device_read_inband(console, text, sizeof text, &length))
            return;
        device_write_inband(console, text, length);
        for (natural n = 0; n < length; ++n)
            if (text[n] == '\r' || text[n] == '\n')
                return;
    }
}

void serve(int count, char** arguments) {
    if (count < 3)
        return;
    master = number(arguments[1]);
    if (device_open(master, "console", &console))
        return;
    for (int n = 3; n + 1 < count; n += 2)
        work_disk(arguments[n], number(arguments[n + 1]) << 10);
    work_tasks();
    work_keyboard();
    print("\r\nbye");
    host_reboot(number(arguments[2]));
}
