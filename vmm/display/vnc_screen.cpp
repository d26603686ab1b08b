// -vnc: the server's events become the guest's.
#include "vmm/display/vnc_screen.h"

namespace ringfold {

VncScreen::VncScreen(const VncOptions& options, const std::string& layout, const Clock& clock, host::Mailbox& mailbox)
    : keymap_(layout),
      has_password_(options.password),
      screen_(clock, mailbox),
      server_(options, {.draw = [this] { return screen_.draw(); },
                        .key =
                            [this](uint32_t keysym, bool down) {
                                if (const auto found = keymap_.key(keysym)) screen_.key(*found, down);
                            },
                        .pointer = [this](int dx, int dy, int dz,
                                          uint8_t buttons) { screen_.pointer(dx, dy, dz, buttons); },
                        .watched = [this](bool is) { screen_.watched(is); }}) {}

void VncScreen::set_password(const std::string& password) {
    check_vnc_password(password, "set_password");
    server_.set_password(password);
}

}  // namespace ringfold
