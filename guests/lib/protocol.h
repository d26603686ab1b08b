// What a guest program and whoever runs it agree on: ports, exit values and the shape of the report.
//
// A guest prints one line for each check, "ok N - name" or "not ok N - name # details", then "1..N" and
// "passed" or "failed", and leaves through isa-debug-exit. A failed check does not stop the program. Lines that open
// with anything else are talk.
#pragma once

#define PROTOCOL_CONSOLE_PORT 0xe9    // debugcon
#define PROTOCOL_SERIAL_PORT 0x3f8    // COM1
#define PROTOCOL_EXIT_PORT 0xf4       // isa-debug-exit: the process ends with status (value << 1) | 1
#define PROTOCOL_EXIT_PASSED 0
#define PROTOCOL_EXIT_FAILED 1
