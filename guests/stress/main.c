// Steps: a change here, a run there, a checksum of everything at fixed points.
#include "stress.h"

#include "multiboot.h"

bool tracing, with_devices = true, with_interrupts, with_globals, wide;
static u32 seed = 1, steps = 2000, trace_from = ~0u, trace_to, dump_at = ~0u, checksum = 0x811c9dc5;

// splitmix32
u32 any32(void) {
    u32 z = seed += 0x9e3779b9;
    z = (z ^ z >> 16) * 0x85ebca6b;
    z = (z ^ z >> 13) * 0xc2b2ae35;
    return z ^ z >> 16;
}

u32 below(u32 n) { return (u32)((u64)any32() * n >> 32); }

void mix(u32 value) { checksum = (checksum << 5 | checksum >> 27) * 0x9e3779b1 ^ value; }

static void read_options(void) {
    with_devices = option("devices", 1);
    with_interrupts = option("interrupts", 0);
    with_globals = option("globals", 1);
    wide = option("pae", 0);
    seed = option("seed", seed);
    steps = option("steps", steps);
    trace_from = option("from", ~0u);
    trace_to = option("to", trace_from);
    dump_at = option("dump", ~0u);
}

static void checkpoint(u32 step) {
    checksum_world();
    print("# step %u: %X\n", step, checksum);
}

int main(void) {
    read_options();
    print("# seed %u, %u steps%s%s%s%s\n", seed, steps, wide ? ", PAE" : "", with_globals ? "" : ", no global pages", with_devices ? "" : ", no devices", with_interrupts ? ", interrupts" : "");
    build_tables();
    build_world();
    prepare_runs();
    for (u32 step = 1; step <= steps; ++step) {
        tracing = step >= trace_from && step <= trace_to;
        switch (below(8)) {
            case 0: case 1: case 2: change_something(); break;
            case 3: run_loop_of_accesses(); break;
            default: run_function();
        }
        if (tracing || step % 100 == 0) checkpoint(step);
        if (step == dump_at) print_world();
    }
    check(true, "%u steps", steps);
    return 0;
}
