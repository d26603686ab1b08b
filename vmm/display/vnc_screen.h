// -vnc: the guest's screen for viewers, and their keyboards and mice for the guest.
#pragma once

#include <string>

#include "vmm/display/keymap.h"
#include "vmm/display/live_screen.h"
#include "vmm/display/vnc_server.h"

namespace ringfold {

class VncScreen {
public:
    // `layout`: of the guest's keyboard, see Keymap. Throws HostError.
    VncScreen(const VncOptions&, const std::string& layout, const Clock&, host::Mailbox&);

    LiveScreen& screen() { return screen_; }
    // Does a monitor set the password? Throws HostError for one that VNC cannot have.
    bool has_password() const { return has_password_; }
    void set_password(const std::string&);

private:
    const Keymap keymap_;
    const bool has_password_;
    LiveScreen screen_;
    VncServer server_;
};

}  // namespace ringfold
