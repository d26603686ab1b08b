// SIGINT, SIGTERM and SIGHUP as a file descriptor that becomes readable, so that they are met between instructions.
#pragma once

namespace ringfold::host {

// Installs the handlers, once per process, and ignores SIGPIPE. Returns the descriptor.
int install_stop_signals();
// The first of them that came, or 0.
int stop_signal();

}  // namespace ringfold::host
