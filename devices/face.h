// One of several faces that a device shows to the bus: registers that are two of its member functions.
#pragma once

#include "devices/device.h"

namespace ringfold {

template <class Owner, uint32_t (Owner::*Read)(uint32_t, unsigned), void (Owner::*Write)(uint32_t, unsigned, uint32_t)>
class Face final : public Device {
public:
    explicit Face(Owner& owner) : owner_(owner) {}
    uint32_t read(uint32_t offset, unsigned size) override { return (owner_.*Read)(offset, size); }
    void write(uint32_t offset, unsigned size, uint32_t value) override { (owner_.*Write)(offset, size, value); }
    void reset() override {}

private:
    Owner& owner_;
};

}  // namespace ringfold
