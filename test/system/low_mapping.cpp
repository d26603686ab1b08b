// To be preloaded: something in the process that has addresses below 4 GiB, as a sanitizer or an old library may.
#include <sys/mman.h>

__attribute__((constructor)) static void map_low() {
    [[maybe_unused]] void* at = mmap(reinterpret_cast<void*>(0x10000000), 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}
