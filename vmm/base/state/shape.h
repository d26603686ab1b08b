// A number for what a state is made of: names, kinds and order of all fields. Two programs whose shapes agree can read
// each other's bytes, so no version has to be counted up by hand.
#pragma once

#include <string_view>

#include "vmm/base/state/fields.h"

namespace ringfold::state {

class Shape final : public Archive<Shape> {
public:
    template <class T>
    void value(std::string_view name, T& field) {
        for (const char c : name) mix(static_cast<uint8_t>(c));
        if constexpr (std::is_enum_v<T> || std::integral<T>) {
            mix('n');
            mix(sizeof(T));
        } else if constexpr (IsList<T>::value || IsOptional<T>::value) {
            mix('l');
            typename T::value_type element{};
            value("", element);
        } else if constexpr (IsArray<T>::value) {
            mix('a');
            mix(field.size());
            value("", field[0]);
        } else {
            mix('{');
            field.describe(*this);
            mix('}');
        }
    }
    void require(bool, const char*) {}
    uint64_t number() const { return hash_; }

private:
    void mix(uint64_t n) { hash_ = (hash_ ^ n) * 0x100000001b3; }  // FNV-1a
    uint64_t hash_ = 0xcbf29ce484222325;
};

template <class State>
uint64_t shape_of() {
    State state{};
    Shape shape;
    shape.value("", state);
    return shape.number();
}

}  // namespace ringfold::state
