// Fills a described state from a Writer's bytes, and believes none of them.
#pragma once

#include <span>
#include <string>

#include <fmt/format.h>

#include "vmm/base/result.h"
#include "vmm/base/state/fields.h"

namespace ringfold::state {

class Reader final : public Archive<Reader> {
public:
    // `what` begins the message of the HostError that everything here throws.
    Reader(std::span<const uint8_t> from, std::string what) : from_(from), what_(std::move(what)) {}

    template <class T>
    void value(const char* name, T& field) {
        if constexpr (std::same_as<T, bool>) {
            const auto byte = number<uint8_t>(name);
            if (byte > 1) refuse(name);
            field = byte;
        } else if constexpr (std::is_enum_v<T>) {
            field = static_cast<T>(number<std::underlying_type_t<T>>(name));
        } else if constexpr (std::integral<T>) {
            field = number<T>(name);
        } else if constexpr (IsList<T>::value) {
            const auto size = number<uint32_t>(name);
            if (size > from_.size()) refuse(name);  // an element takes a byte at least
            field.resize(size);
            elements(name, field);
        } else if constexpr (IsArray<T>::value) {
            elements(name, field);
        } else if constexpr (IsOptional<T>::value) {
            bool there = false;
            value(name, there);
            field.reset();
            if (there) value(name, field.emplace());
        } else {
            field.describe(*this);
        }
    }
    void require(bool holds, const char* what) {
        if (!holds) refuse(what);
    }
    // Nothing may be left over.
    void end() {
        if (!from_.empty()) refuse("its end");
    }

private:
    [[noreturn]] void refuse(const char* name) const { throw HostError(fmt::format("{}: {} cannot be", what_, name)); }
    template <class T>
    T number(const char* name) {
        if (from_.size() < sizeof(T)) refuse(name);
        uint64_t bits = 0;
        for (size_t i = sizeof(T); i-- > 0;) bits = bits << 8 | from_[i];
        from_ = from_.subspan(sizeof(T));
        return static_cast<T>(bits);
    }
    template <class List>
    void elements(const char* name, List& list) {
        if constexpr (std::is_same_v<List, std::vector<uint8_t>>) {
            std::copy_n(from_.begin(), list.size(), list.begin());
            from_ = from_.subspan(list.size());
        } else {
            for (auto& element : list) value(name, element);
        }
    }

    std::span<const uint8_t> from_;
    std::string what_;
};

}  // namespace ringfold::state
