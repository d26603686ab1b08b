#include "mach.h"

struct reply {
    struct header header;
    natural type;
    int result;
};

int call(struct header* header, port to, natural id, natural size, natural capacity) {
    static port reply_port;
    if (!reply_port)
        reply_port = mach_reply_port();
    header->bits = BITS(COPY_SEND, MAKE_SEND_ONCE) | (header->bits & COMPLEX);
    header->remote = to;
    header->local = reply_port;
    header->id = id;
    int failed = mach_msg(header, SEND | RECEIVE, size, capacity, reply_port, 0, 0);
    return failed ? failed : ((struct reply*)header)->result;
}

static void copy(void* to, const void* from, natural bytes) {
    for (natural n = 0; n < bytes; ++n)
        ((char*)to)[n] = ((const char*)from)[n];
}

int device_open(port master, const char* name, port* device) {
    union {
        struct { struct header header; natural mode_type, mode; struct long_form name_type; char name[128]; } request;
        struct { struct reply reply; natural type; port device; } answer;
    } m = {.request = {.mode_type = ONE_INTEGER, .mode = 3, .name_type = {INLINE | LONG_FORM, STRING, 8 * 128, 1}}};
    for (natural n = 0; name[n]; ++n)
        m.request.name[n] = name[n];
    int result = call(&m.request.header, master, 2800, sizeof m.request, sizeof m);
    *device = m.answer.device;
    return result;
}

// Every transfer begins with the mode, 0, and the number of the first record.
#define TRANSFER struct header header; natural mode_type, mode, record_type, record
#define TRANSFER_OF(record_number) .mode_type = ONE_INTEGER, .record_type = ONE_INTEGER, .record = (record_number)

int device_write_inband(port device, const char* text, natural length) {
    union {
        struct { TRANSFER; natural data_type; char data[128]; } request;
        struct { struct reply reply; natural type, written; } answer;
    } m = {.request = {TRANSFER_OF(0), .data_type = TYPE(CHAR, 8, length)}};
    copy(m.request.data, text, length);
    return call(&m.request.header, device, 2803, sizeof m.request - 128 + ((length + 3) & ~3u), sizeof m);
}

int device_read_inband(port device, char* text, natural capacity, natural* length) {
    union {
        struct { TRANSFER; natural bytes_type, bytes; } request;
        struct { struct reply reply; natural type; char data[128]; } answer;
    } m = {.request = {TRANSFER_OF(0), .bytes_type = ONE_INTEGER, .bytes = capacity}};
    int result = call(&m.request.header, device, 2805, sizeof m.request, sizeof m);
    *length = result ? 0 : m.answer.type >> 16 & 0xfff;
    copy(text, m.answer.data, *length);
    return result;
}

int device_read(port device, natural record, natural bytes, void** data, natural* read) {
    union {
        struct { TRANSFER; natural bytes_type, bytes; } request;
        struct { struct reply reply; struct long_form type; void* data; } answer;
    } m = {.request = {TRANSFER_OF(record), .bytes_type = ONE_INTEGER, .bytes = bytes}};
    int result = call(&m.request.header, device, 2804, sizeof m.request, sizeof m);
    *data = m.answer.data;
    *read = result ? 0 : m.answer.type.number;
    return result;
}

int device_write(port device, natural record, void* data, natural bytes) {
    union {
        struct { TRANSFER; struct long_form type; void* data; } request;
        struct { struct reply reply; natural type, written; } answer;
    } m = {.request = {TRANSFER_OF(record), .type = {LONG_FORM, BYTE, 8, bytes}, .data = data}};
    m.request.header.bits = COMPLEX;
    int result = call(&m.request.header, device, 2802, sizeof m.request, sizeof m);
    return result ? result : m.answer.written != bytes;
}

// mach/i386/thread_status.h: segments, edi esi ebp esp ebx edx ecx eax, eip cs eflags esp ss.
enum { THREAD_STATE = 1, EIP = 12, ESP = 15, REGISTERS = 17 };

int start_thread(port task, void (*entry)(void), void* stack) {
    union {
        struct { struct header header; } request;
        struct { struct reply reply; natural type; port thread; } answer;
    } create = {0};
    int failed = call(&create.request.header, task, 2061, sizeof create.request, sizeof create);
    if (failed)
        return failed;
    port thread = create.answer.thread;
    union {
        struct { struct header header; natural flavor_type, flavor, state_type, state[REGISTERS]; } request;
        struct reply reply;
    } set = {.request = {.flavor_type = ONE_INTEGER, .flavor = THREAD_STATE, .state_type = TYPE(INTEGER, 32, REGISTERS)}};
    set.request.state[EIP] = (natural)entry;
    set.request.state[ESP] = (natural)stack;
    failed = call(&set.request.header, thread, 2018, sizeof set.request, sizeof set);
    struct reply resume = {0};
    return failed ? failed : call(&resume.header, thread, 2063, sizeof resume.header, sizeof resume);
}

int host_reboot(port host) {
    union {
        struct { struct header header; natural type, options; } request;
        struct reply reply;
    } m = {.request = {.type = ONE_INTEGER}};
    return call(&m.request.header, host, 2635, sizeof m.request, sizeof m);
}
