// The signals that ask a process to end, as a file descriptor that becomes readable: they are met between instructions.
#pragma once

namespace ringfold::host {

// Installs the handlers, once per process, and ignores SIGPIPE and SIGXFSZ. Returns the descriptor. A second such
// signal ends the process at once, for whoever does not want to wait or has met a bug.
int install_stop_signals();
// The first of them that came, or 0.
int stop_signal();

}  // namespace ringfold::host
