// What I/O APICs and local APICs say to each other (SDM volume 3, 10.5 and 10.6; 82093AA data sheet 290566, 3.2.4).
#pragma once

#include <cstdint>

namespace ringfold {

enum class DeliveryMode : uint8_t { Fixed, LowestPriority, Smi, Reserved, Nmi, Init, StartUp, ExtInt };

struct InterruptMessage {
    uint8_t vector = 0;
    DeliveryMode mode = DeliveryMode::Fixed;
    uint8_t destination = 0;
    bool logical = false;  // what `destination` means
    bool level = false;    // its end is to be told
};

// Takes messages: a local APIC.
class InterruptMessages {
public:
    virtual ~InterruptMessages() = default;
    // False: nobody accepted it, and it may be offered again.
    virtual bool deliver(const InterruptMessage&) = 0;
};

// Sends them, and hears what comes of them: an I/O APIC.
class InterruptSource {
public:
    virtual ~InterruptSource() = default;
    // The handler of a level-triggered interrupt has ended.
    virtual void end_of_interrupt(uint8_t vector) = 0;
    // What was refused may be accepted now.
    virtual void offer_again() = 0;
};

}  // namespace ringfold
