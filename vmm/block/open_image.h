// From a name on the command line to something that can be read and written: formats, backing chains, temporary
// overlays, locks.
#pragma once

#include <memory>
#include <string>

#include "vmm/block/block_backend.h"

namespace ringfold::block {

struct OpenRequest {
    std::string path;
    std::string format;  // "raw", "qcow2", one of foreign_formats(), or empty: look
    bool read_only = false;
    bool snapshot = false;  // writes go to a file that vanishes with the process
    std::string option;     // as the user wrote it, for messages: "-hda x.img"
};

// Throws HostError: one line with the option, what is wrong and what to do.
std::unique_ptr<BlockBackend> open_image(const OpenRequest&);

}  // namespace ringfold::block
