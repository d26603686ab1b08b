// Recursive descent, as deep as kDeepest.
#include "vmm/monitor/expression.h"

#include <charconv>
#include <string>

#include <fmt/format.h>

#include "vmm/base/result.h"

namespace ringfold {

namespace {

constexpr int kDeepest = 100;

bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

class Parser {
public:
    Parser(std::string_view& text, const CpuState& state) : text_(text), state_(state) {}

    int64_t sum() {
        int64_t value = logic();
        for (;;) {
            const char op = peek();
            if (op != '+' && op != '-') return value;
            next();
            const int64_t right = logic();
            value = wrap(op == '+' ? bits(value) + bits(right) : bits(value) - bits(right));
        }
    }

private:
    static uint64_t bits(int64_t v) { return static_cast<uint64_t>(v); }
    static int64_t wrap(uint64_t v) { return static_cast<int64_t>(v); }

    char peek() const { return text_.empty() ? '\0' : text_.front(); }
    void skip() {
        while (peek() == ' ' || peek() == '\t') text_.remove_prefix(1);
    }
    void next() {
        text_.remove_prefix(1);
        skip();
    }
    std::string_view word() {
        size_t n = 0;
        while (n < text_.size() && is_word(text_[n])) ++n;
        const std::string_view w = text_.substr(0, n);
        text_.remove_prefix(n);
        skip();
        return w;
    }

    int64_t logic() {
        int64_t value = product();
        for (;;) {
            const char op = peek();
            if (op != '&' && op != '|' && op != '^') return value;
            next();
            const int64_t right = product();
            value = op == '&' ? value & right : op == '|' ? value | right : value ^ right;
        }
    }
    int64_t product() {
        int64_t value = unary();
        for (;;) {
            const char op = peek();
            if (op != '*' && op != '/' && op != '%') return value;
            next();
            const int64_t right = unary();
            if (op == '*')
                value = wrap(bits(value) * bits(right));
            else if (right == 0)
                throw HostError("division by zero");
            else if (right == -1)  // the one quotient that overflows
                value = op == '/' ? wrap(-bits(value)) : 0;
            else
                value = op == '/' ? value / right : value % right;
        }
    }
    int64_t unary() {
        if (++depth_ > kDeepest) throw HostError("the expression is nested too deeply");
        const int64_t value = primary();
        --depth_;
        return value;
    }
    int64_t primary() {
        switch (peek()) {
            case '+':
                return next(), unary();
            case '-':
                return next(), wrap(-bits(unary()));
            case '~':
                return next(), ~unary();
            case '(': {
                next();
                const int64_t value = sum();
                if (peek() != ')') throw HostError("')' expected");
                next();
                return value;
            }
            case '\'': {
                if (text_.size() < 3 || text_[2] != '\'') throw HostError("character constant expected");
                const char c = text_[1];
                text_.remove_prefix(2);
                next();
                return static_cast<unsigned char>(c);
            }
            case '$':
                text_.remove_prefix(1);
                return reg(word());
            case '\0':
                throw HostError("unexpected end of expression");
            default:
                return number(word());
        }
    }
    int64_t number(std::string_view digits) const {
        const std::string_view whole = digits;
        int base = 10;
        if (digits.starts_with("0x") || digits.starts_with("0X")) {
            base = 16;
            digits.remove_prefix(2);
        } else if (digits.size() > 1 && digits[0] == '0') {
            base = 8;
        }
        uint64_t value = 0;
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
        if (error == std::errc::result_out_of_range) throw HostError("number too large");
        if (error != std::errc{} || end != digits.data() + digits.size() || digits.empty())
            throw HostError(fmt::format("invalid char '{}' in expression",
                                        whole.empty() ? std::string_view(text_).substr(0, 1) : whole));
        return wrap(value);
    }
    int64_t reg(std::string_view name) const {
        static constexpr std::string_view kGpr[] = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"};
        static constexpr std::string_view kSegment[] = {"es", "cs", "ss", "ds", "fs", "gs"};
        for (size_t n = 0; n < 8; ++n)
            if (name == kGpr[n]) return state_.gpr[n];
        for (size_t n = 0; n < kSegments; ++n)
            if (name == kSegment[n]) return state_.segment[n].selector;
        if (name == "eip" || name == "pc") return state_.eip;
        if (name == "eflags") return state_.eflags();
        if (name == "cr0") return state_.cr0;
        if (name == "cr2") return state_.cr2;
        if (name == "cr3") return state_.cr3;
        if (name == "cr4") return state_.cr4;
        throw HostError("unknown register");
    }

    std::string_view& text_;
    const CpuState& state_;
    int depth_ = 0;
};

}  // namespace

int64_t take_expression(std::string_view& text, const CpuState& state) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    return Parser(text, state).sum();
}

}  // namespace ringfold
