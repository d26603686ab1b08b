// All the rows, in the order in which they run.
#include "rows.h"

std::span<const Row> all_rows() {
    static constexpr Row kRows[] = {
        {"integer-loop", integer_loop},
        {"branches", branches},
        {"wide-arithmetic", wide_arithmetic},
        {"recursion", recursion},
        {"function-pointers", function_pointers},
        {"virtual-calls", virtual_calls},
        {"byte-code", byte_code},
        {"sort", sort},
        {"sieve", sieve},
        {"chase-256k", chase_near, prepare_near},
        {"chase-16m", chase_far, prepare_far},
        {"memcpy-libc", copy_library},
        {"memcpy-rep", copy_repeat},
        {"sha256", sha256},
        {"hash-table", hash_table},
        {"strings-libc", strings_library},
        {"strings-rep", strings_repeat},
        {"x87-bodies", x87_bodies},
        {"x87-functions", x87_functions},
        {"sse2-bodies", sse2_bodies},
        {"sse2-matrix", sse2_matrix},
    };
    return kRows;
}
