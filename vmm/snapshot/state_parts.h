// All that a machine consists of, as parts that can be saved, checked, loaded and shown without knowing what they are.
// A device takes part by one line, add(): it has state(), which returns a structure that describes itself (see
// vmm/base/state/fields.h), and restore(), which takes one.
#pragma once

#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "vmm/base/state/printer.h"
#include "vmm/base/state/reader.h"
#include "vmm/base/state/shape.h"
#include "vmm/base/state/writer.h"

namespace ringfold {

struct StatePart {
    std::string name;
    uint64_t shape = 0;
    std::function<void(std::vector<uint8_t>& to)> save;
    // Both throw HostError for bytes that are no such state; check() changes nothing in the machine.
    std::function<void(std::span<const uint8_t> from)> check, load;
    std::function<std::string()> show;
    // No request of the device is on its way to another thread.
    std::function<bool()> quiet;
};

class StateParts {
public:
    // Parts are restored in the order in which they were added. `device` outlives this.
    template <class D>
    void add(std::string name, D& device) {
        using State = std::remove_cvref_t<decltype(device.state())>;
        const auto read = [name](std::span<const uint8_t> from) {
            State state{};
            state::Reader reader(from, "state of " + name);
            reader.value("", state);
            reader.end();
            return state;
        };
        all_.push_back({.name = name,
                        .shape = state::shape_of<State>(),
                        .save =
                            [&device](std::vector<uint8_t>& to) {
                                State state = device.state();
                                state::Writer(to).value("", state);
                            },
                        .check = [read](std::span<const uint8_t> from) { read(from); },
                        .load = [read, &device](std::span<const uint8_t> from) { device.restore(read(from)); },
                        .show =
                            [&device] {
                                State state = device.state();
                                state::Printer printer;
                                printer.value("", state);
                                return printer.text();
                            },
                        .quiet =
                            [&device] {
                                if constexpr (requires { device.quiet(); })
                                    return device.quiet();
                                else
                                    return true;
                            }});
    }

    const std::vector<StatePart>& all() const { return all_; }

private:
    std::vector<StatePart> all_;
};

}  // namespace ringfold
