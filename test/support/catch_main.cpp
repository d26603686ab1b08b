// Catch2's main. The monitor's own SIGSEGV handler must not be replaced by Catch2's.
#define CATCH_CONFIG_MAIN
#define CATCH_CONFIG_NO_POSIX_SIGNALS
#include <catch2/catch.hpp>
