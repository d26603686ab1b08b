// A build without SDL says so where a window is asked for.
#include "vmm/base/result.h"
#include "vmm/display/sdl_window.h"

namespace ringfold {

SdlWindow::SdlWindow(const std::string&, Events) {
    throw HostError(
        "-display sdl: this program was built without SDL; install libsdl2-dev and build again, or write -vnc :N");
}

SdlWindow::~SdlWindow() = default;

}  // namespace ringfold
