// All the rows, in the order in which they run.
#include "rows.h"

std::span<const Row> all_rows() {
    static constexpr Row kRows[] = {
        {"getppid", getppid_calls},
        {"signal", signals},
        {"mmap-touch-munmap", map_touch_unmap},
        {"fork-wait", fork_and_wait},
        {"fork-exec-wait", fork_and_exec},
        {"pipe-ping-pong", pipe_ping_pong},
        {"shell-script", shell_script},
        {"gzip-32m", gzip_text, prepare_text},
    };
    return kRows;
}
