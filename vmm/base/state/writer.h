// Turns a described state into bytes: fields in their order, numbers little-endian in their own width.
#pragma once

#include "vmm/base/state/fields.h"

namespace ringfold::state {

class Writer final : public Archive<Writer> {
public:
    explicit Writer(std::vector<uint8_t>& to) : to_(to) {}

    template <class T>
    void value(const char* name, T& field) {
        if constexpr (std::is_enum_v<T>) {
            number(static_cast<std::underlying_type_t<T>>(field));
        } else if constexpr (std::integral<T>) {
            number(field);
        } else if constexpr (IsList<T>::value) {
            number(static_cast<uint32_t>(field.size()));
            elements(name, field);
        } else if constexpr (IsArray<T>::value) {
            elements(name, field);
        } else if constexpr (IsOptional<T>::value) {
            number(static_cast<uint8_t>(field.has_value()));
            if (field) value(name, *field);
        } else {
            field.describe(*this);
        }
    }
    void require(bool, const char*) {}

private:
    template <class T>
    void number(T n) {
        auto bits = static_cast<uint64_t>(n);
        for (size_t i = 0; i < sizeof n; ++i, bits >>= 8) to_.push_back(static_cast<uint8_t>(bits));
    }
    template <class List>
    void elements(const char* name, List& list) {
        if constexpr (std::is_same_v<List, std::vector<uint8_t>>)
            to_.insert(to_.end(), list.begin(), list.end());
        else
            for (auto& element : list) value(name, element);
    }

    std::vector<uint8_t>& to_;
};

}  // namespace ringfold::state
