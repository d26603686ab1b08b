// main(): runs the rows, or those whose names are given, and prints for each the nanoseconds of every pass, the CPU
// time of all, and the checksum: "sort: 20812345 19912345 19898765 cpu 60623455 sum 1c0ffee2".
//
// usage: PROGRAM [--passes N] [ROW...]
#include "runner.h"

#include <termios.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include <sys/resource.h>

namespace {

unsigned long long nanoseconds() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1'000'000'000ull + t.tv_nsec;
}

// Of this process and of those that it has waited for.
unsigned long long cpu_nanoseconds() {
    unsigned long long sum = 0;
    for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
        rusage used;
        getrusage(who, &used);
        for (const timeval& t : {used.ru_utime, used.ru_stime})
            sum += t.tv_sec * 1'000'000'000ull + t.tv_usec * 1000ull;
    }
    return sum;
}

// Nothing may still be on its way to a slow terminal when the next row starts.
void end_line() {
    std::printf("\n");
    std::fflush(stdout);
    tcdrain(1);
}

// The runner holds this machine's clock against its own between two of these.
void print_clock() {
    std::printf("clock %llu", nanoseconds());
    end_line();
}

void time_row(const Row& row, int passes) {
    if (row.prepare) row.prepare();
    std::printf("begin %s", row.name);  // from here on the runner may count CPU time too
    end_line();
    std::printf("%s:", row.name);
    const unsigned long long cpu = cpu_nanoseconds();
    uint32_t sum = 0;
    for (int pass = 0; pass < passes; ++pass) {
        const unsigned long long start = nanoseconds();
        const uint32_t result = row.run();
        std::printf(" %llu", nanoseconds() - start);
        if (pass && result != sum) {
            std::printf(" failed: %08x in one pass, %08x in the next\n", sum, result);
            std::exit(1);
        }
        sum = result;
    }
    std::printf(" cpu %llu sum %08x", cpu_nanoseconds() - cpu, sum);
    end_line();
}

[[noreturn]] void usage(const char* program) {
    std::fprintf(stderr, "usage: %s [--passes N] [ROW...]\nrows:", program);
    for (const Row& row : all_rows()) std::fprintf(stderr, " %s", row.name);
    std::fprintf(stderr, "\n");
    std::exit(1);
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<std::string_view> wanted(argv + 1, argv + argc);
    int passes = 4;
    if (wanted.size() >= 2 && wanted[0] == "--passes") {
        passes = std::atoi(argv[2]);
        wanted.erase(wanted.begin(), wanted.begin() + 2);
    }
    for (const std::string_view name : wanted)
        if (std::ranges::find(all_rows(), name, &Row::name) == all_rows().end()) usage(argv[0]);
    if (passes < 1) usage(argv[0]);

    print_clock();
    for (const Row& row : all_rows())
        if (wanted.empty() || std::ranges::find(wanted, row.name) != wanted.end()) time_row(row, passes);
    print_clock();
}
