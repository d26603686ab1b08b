// Reads the command line that the loader left.
#include "multiboot.h"

#define HAS_COMMAND_LINE (1u << 2)

const u32* multiboot_information;  // kept by start.S

u32 option(const char* name, u32 otherwise) {
    if (!(multiboot_information[0] & HAS_COMMAND_LINE)) return otherwise;
    for (const char* at = (const char*)multiboot_information[4]; *at;) {
        const char* n = name;
        while (*n && *at == *n) ++n, ++at;
        if (!*n && *at == '=') {
            u32 value = 0;
            for (++at; *at >= '0' && *at <= '9'; ++at) value = value * 10 + (u32)(*at - '0');
            return value;
        }
        while (*at && *at != ' ') ++at;
        while (*at == ' ') ++at;
    }
    return otherwise;
}
