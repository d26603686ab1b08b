// Opens the host's ends of character devices.
#pragma once

#include <string>

#include "vmm/chardev/char_address.h"
#include "vmm/host/fd.h"

namespace ringfold {

// Each throws HostError that begins with `option` ("-serial"). What is opened does not block, but for a file.

// A socket of Kind::Unix or Kind::Tcp: one that listens, for a server, or one that is connected.
host::Fd open_socket(const std::string& option, const CharAddress& address);
host::Fd open_char_file(const std::string& option, const CharAddress& address);
// The master of a new pseudo-terminal, whose other end is raw and which nobody has open.
struct Pty {
    host::Fd master;
    std::string name;  // "/dev/pts/3"
};
Pty open_pty(const std::string& option);

}  // namespace ringfold
