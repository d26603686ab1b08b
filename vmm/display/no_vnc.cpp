// A build without libvncserver says so where a server is asked for.
#include "vmm/base/result.h"
#include "vmm/display/vnc_server.h"

namespace ringfold {

VncServer::VncServer(const VncOptions&, Events) {
    throw HostError(
        "-vnc: this program was built without libvncserver; install libvncserver-dev and build again with -DVNC=ON");
}

VncServer::~VncServer() = default;
void VncServer::set_password(const std::string&) {}

}  // namespace ringfold
