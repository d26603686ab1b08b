// Shows a described state to a person: "name=value" with the names of outer structures before a dot.
#pragma once

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "vmm/base/state/fields.h"

namespace ringfold::state {

class Printer final : public Archive<Printer> {
public:
    template <class T>
    void value(std::string_view name, T& field) {
        if constexpr (std::is_enum_v<T>) {
            line(name, fmt::format("{}", static_cast<std::underlying_type_t<T>>(field)));
        } else if constexpr (std::is_same_v<T, bool>) {
            line(name, field ? "yes" : "no");
        } else if constexpr (std::integral<T>) {
            line(name, std::is_signed_v<T> ? fmt::format("{}", field) : fmt::format("{:#x}", field));
        } else if constexpr (IsOptional<T>::value) {
            if (field) return value(name, *field);
            line(name, "none");
        } else if constexpr (IsArray<T>::value || IsList<T>::value) {
            list(name, field);
        } else {
            const Prefix inner(*this, name);
            field.describe(*this);
        }
    }
    void require(bool, const char*) {}
    const std::string& text() const { return text_; }

private:
    static constexpr size_t kMostShown = 64;  // elements of a list

    struct Prefix {
        Prefix(Printer& p, std::string_view name) : printer(p), length(p.prefix_.size()) {
            if (!name.empty()) p.prefix_ += fmt::format("{}.", name);
        }
        ~Prefix() { printer.prefix_.resize(length); }
        Printer& printer;
        size_t length;
    };

    void line(std::string_view name, std::string_view what) { text_ += fmt::format("{}{}={}\n", prefix_, name, what); }

    template <class List>
    void list(std::string_view name, List& all) {
        using Element = typename List::value_type;
        if constexpr (std::integral<Element>) {
            std::string shown;
            for (size_t i = 0; i < std::min(all.size(), kMostShown); ++i)
                shown += fmt::format("{}{:0{}x}", i ? " " : "", static_cast<uint64_t>(all[i]), 2 * sizeof(Element));
            if (all.size() > kMostShown) shown += fmt::format(" ... ({} in all)", all.size());
            line(name, shown);
        } else {
            for (size_t i = 0; i < std::min(all.size(), kMostShown); ++i) value(fmt::format("{}[{}]", name, i), all[i]);
        }
    }

    std::string text_, prefix_;
};

}  // namespace ringfold::state
