// Steps: a change here, a run there, a checksum of everything at fixed points.
#include "stress.h"

#include "multiboot.h"

bool tracing, with_devices = true, with_interrupts, with_globals, wide;
static u32 steps = 2000, trace_from = ~0u, trace_to, dump_at = ~0u;

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
