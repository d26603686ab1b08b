// What a user program of GNU Mach needs of its kernel: traps, messages, and calls made of messages.
//
// From the kernel's own headers and .defs files, as the package gnumach-dev ships them: mach/syscall_sw.h for the traps,
// mach/message.h for messages, mach/mach.defs and device/device.defs for the calls, numbered in their order.
#pragma once

typedef unsigned natural;
typedef natural port;

// Traps, by a far call through the kernel's call gate.
int mach_msg(void* message, natural option, natural send_size, natural receive_size, port receive_from, natural timeout, port notify);
port mach_reply_port(void);
port mach_task_self(void);
int task_create(port parent, natural inherit_memory, port* child);
int mach_port_allocate(port task, natural right, port* name);
int mach_port_insert_right(port task, port name, port right, natural right_type);

enum { SEND = 1, RECEIVE = 2 };
enum { RIGHT_RECEIVE = 1 };
enum { CHAR = 8, BYTE = 9, INTEGER = 2, STRING = 12, MOVE_SEND_ONCE = 18, COPY_SEND = 19, MAKE_SEND = 20, MAKE_SEND_ONCE = 21 };

struct header {
    natural bits, size;
    port remote, local;
    natural sequence, id;
};
#define BITS(remote, local) ((remote) | (local) << 8)
enum { INLINE = 1 << 28, LONG_FORM = 1 << 29, COMPLEX = 1u << 31 };
#define TYPE(name, bits, number) ((name) | (bits) << 8 | (number) << 16 | INLINE)
#define ONE_INTEGER TYPE(INTEGER, 32, 1)

// For elements of more than 255 bits; without INLINE, the address of the data follows.
struct long_form {
    natural form;
    unsigned short name, bits;
    natural number;
};

// Sends the message at `header`, of `size` bytes, to `to` as call number `id`, and puts the reply in its place, of at most
// `capacity` bytes. What the call returned: 0 is success.
int call(struct header* header, port to, natural id, natural size, natural capacity);

int device_open(port master, const char* name, port* device);
int device_write_inband(port device, const char* text, natural length);
int device_read_inband(port device, char* text, natural capacity, natural* length);
int device_read(port device, natural record, natural bytes, void** data, natural* read);
int device_write(port device, natural record, void* data, natural bytes);

// A thread of `task` at `entry`, which never returns, with its stack below `stack`.
int start_thread(port task, void (*entry)(void), void* stack);
int host_reboot(port host);
