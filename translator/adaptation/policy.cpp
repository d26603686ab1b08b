// The list of policies and of their thresholds, by name.
#include "translator/adaptation/policy.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

namespace ringfold {

#define POLICY(make, name, summary) std::unique_ptr<Policy> make(const Thresholds&);
#include "translator/adaptation/policies.def"
#undef POLICY

namespace {

constexpr PolicyInfo kPolicies[] = {
#define POLICY(make, name, summary) {name, summary, make},
#include "translator/adaptation/policies.def"
#undef POLICY
};

constexpr std::string_view kTrapNames[kTraps] = {"hidden_fault", "page_table",   "descriptor_table", "code",
                                                 "device",       "not_windowed", "page_fault",       "divide",
                                                 "missed_jump"};

// Calls f(name, number) for each.
template <class T, class F>
void for_each_threshold(T& t, F f) {
    f("translate-at", t.translate_at);
    f("direct-after", t.direct_after);
    f("window-after", t.window_after);
    f("guilty-score", t.guilty_score);
    f("forgiven-cycles", t.forgiven_cycles);
    f("retry-after", t.retry_after);
    f("probation-cycles", t.probation_cycles);
    f("guilty-divides", t.guilty_divides);
}

}  // namespace

std::string_view name_of(Trap trap) {
    return kTrapNames[static_cast<size_t>(trap)];
}

std::span<const PolicyInfo> all_policies() {
    return kPolicies;
}

const PolicyInfo* find_policy(std::string_view name) {
    const auto it =
        std::find_if(std::begin(kPolicies), std::end(kPolicies), [&](const auto& p) { return p.name == name; });
    return it == std::end(kPolicies) ? nullptr : it;
}

bool set_threshold(Thresholds& thresholds, std::string_view name, uint64_t value) {
    bool known = false;
    for_each_threshold(thresholds, [&](std::string_view n, auto& number) {
        if (n != name || value > std::numeric_limits<std::remove_reference_t<decltype(number)>>::max()) return;
        number = static_cast<std::remove_reference_t<decltype(number)>>(value);
        known = true;
    });
    return known;
}

std::string describe(const Thresholds& thresholds) {
    std::string text;
    for_each_threshold(thresholds, [&](std::string_view n, auto& number) {
        text += fmt::format("{}{}={}", text.empty() ? "" : ",", n, number);
    });
    return text;
}

}  // namespace ringfold
