// How a device says what its state is made of: once, beside the fields, for saving, loading and showing alike.
//
//     struct State {
//         uint8_t index = 0;
//         std::vector<uint8_t> buffer;
//         uint32_t position = 0;
//
//         template <class Archive>
//         void describe(Archive& archive) {
//             archive.fields(*this, "index", index, "buffer", buffer, "position", position);
//             archive.require(position <= buffer.size(), "position");
//         }
//     };
//
// A field that is left out does not compile. `require` is what must hold for the device to work at all: a loaded state
// that breaks it is refused before any device has seen it. Fields are integers, bool, enumerations, std::array,
// std::vector, std::deque, std::optional, and structures that describe themselves.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace ringfold::state {

namespace detail {

struct AnyField {
    template <class T>
    operator T() const;
};

template <class T, size_t... I>
constexpr bool takes(std::index_sequence<I...>) {
    return requires {
        T{(static_cast<void>(I), AnyField{})...};
    };
}

template <class T, size_t Tried>
constexpr size_t count_fields() {
    if constexpr (Tried == 0 || takes<T>(std::make_index_sequence<Tried>{}))
        return Tried;
    else
        return count_fields<T, Tried - 1>();
}

}  // namespace detail

inline constexpr size_t kMostFields = 64;

// How many fields the aggregate has.
template <class T>
inline constexpr size_t field_count = detail::count_fields<T, kMostFields>();

template <class T>
struct IsList : std::false_type {};
template <class T>
struct IsList<std::vector<T>> : std::true_type {};
template <class T>
struct IsList<std::deque<T>> : std::true_type {};

template <class T>
struct IsArray : std::false_type {};
template <class T, size_t N>
struct IsArray<std::array<T, N>> : std::true_type {};

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};

// What all archives share; Derived has value(name, field) and require(holds, what).
template <class Derived>
class Archive {
public:
    template <class State, class... NamesAndFields>
    void fields(State&, NamesAndFields&&... all) {
        static_assert(!std::is_aggregate_v<State> || sizeof...(all) == 2 * field_count<State>,
                      "describe() does not name each field of the state once");
        each(all...);
    }

private:
    template <class Field, class... Rest>
    void each(const char* name, Field& field, Rest&... rest) {
        static_cast<Derived*>(this)->value(name, field);
        if constexpr (sizeof...(rest) > 0) each(rest...);
    }
};

}  // namespace ringfold::state
