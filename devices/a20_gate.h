// The A20 line, which two devices drive: port 0x92 and the keyboard controller. The last write counts, as in QEMU.
#pragma once

#include <functional>
#include <utility>

namespace ringfold {

class A20Gate {
public:
    struct State {
        bool enabled = true;

        template <class Archive>
        void describe(Archive& archive) {
            archive.fields(*this, "enabled", enabled);
        }
    };

    // `changed` hears the new level. The gate is open at power-on.
    explicit A20Gate(std::function<void(bool)> changed = {}) : changed_(std::move(changed)) {}

    bool enabled() const { return enabled_; }
    void set(bool enabled) {
        if (enabled == enabled_) return;
        enabled_ = enabled;
        if (changed_) changed_(enabled);
    }

    State state() const { return {enabled_}; }
    void restore(const State& s) { set(s.enabled); }

private:
    std::function<void(bool)> changed_;
    bool enabled_ = true;
};

}  // namespace ringfold
