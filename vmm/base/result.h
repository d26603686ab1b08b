// A host failure: what we were doing, why it failed, what to do about it. One line, for the user.
#pragma once

#include <stdexcept>
#include <string>

namespace ringfold {

// Thrown while a machine is being built or by a host operation that cannot be retried; main() prints it after
// "ringfold: " and exits with status 1. Never thrown through generated code.
class HostError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

}  // namespace ringfold
