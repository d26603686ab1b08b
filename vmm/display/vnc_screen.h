// -vnc: the guest's screen for viewers, and their keyboards and mice for the guest.
#pragma once

#include <bitset>
#include <deque>
#include <memory>
#include <string>

#include "devices/i8042.h"
#include "devices/timed_device.h"
#include "devices/vga.h"
#include "vmm/display/keymap.h"
#include "vmm/display/vnc_server.h"
#include "vmm/host/mailbox.h"

namespace ringfold {

// On the vCPU's thread. Costs nothing while nobody looks; sending is the server's thread's, so that a slow viewer does
// not hold up the guest. Once it is gone, the mailbox must deliver no more.
class VncScreen final : public TimedDevice {
public:
    // `layout`: of the guest's keyboard, see Keymap. Throws HostError.
    VncScreen(const VncOptions&, const std::string& layout, const Clock&, host::Mailbox&);

    // To each machine that is built, after a reset too.
    void connect(const Vga&, I8042&);

    std::optional<Nanoseconds> next_deadline() const override;
    void advance(Nanoseconds now) override;

private:
    struct KeyEvent {
        uint8_t key;
        bool down;
    };
    void key(uint8_t key, bool down);
    void press_keys();

    const Clock& clock_;
    const Keymap keymap_;
    const Vga* vga_ = nullptr;
    I8042* keyboard_ = nullptr;
    std::deque<KeyEvent> events_;
    std::bitset<256> down_;  // by events_
    bool watched_ = false;
    Nanoseconds next_ = 0;
    uint64_t shown_ = 0;  // Vga::changes() of the picture shown last
    std::unique_ptr<VncServer> server_;
};

}  // namespace ringfold
