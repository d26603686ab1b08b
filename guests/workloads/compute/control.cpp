// Calls, returns, and jumps whose targets depend on data.
#include <cstddef>
#include <memory>
#include <vector>

#include "rows.h"

namespace {

__attribute__((noinline)) uint32_t fibonacci(uint32_t n) {
    // The compiler would unroll a recursion that it sees through.
    n = opaque(n);
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

template <uint32_t K>
__attribute__((noinline)) uint32_t mix(uint32_t x) {
    return (x ^ K) * 2654435761u + (x >> (K % 13 + 3));
}

struct Shape {
    virtual ~Shape() = default;
    virtual uint32_t area(uint32_t scale) const = 0;
};
struct Square : Shape {
    explicit Square(uint32_t s) : side(s) {}
    uint32_t area(uint32_t scale) const override { return side * side * scale; }
    uint32_t side;
};
struct Rectangle : Shape {
    Rectangle(uint32_t w, uint32_t h) : width(w), height(h) {}
    uint32_t area(uint32_t scale) const override { return width * height * scale; }
    uint32_t width, height;
};
struct Triangle : Shape {
    Triangle(uint32_t b, uint32_t h) : base(b), height(h) {}
    uint32_t area(uint32_t scale) const override { return base * height / 2 * scale; }
    uint32_t base, height;
};

enum Op : uint8_t { Push, Add, Multiply, Xor, Duplicate, Swap, Rotate, Drop, Loop, End };

// A stack machine as interpreters are written: a switch in a loop.
uint32_t interpret(const std::vector<uint8_t>& code, uint32_t turns) {
    uint32_t stack[16] = {1, 2};
    size_t top = 2, at = 0;
    for (;;) switch (code[at++]) {
            case Push:
                stack[top++] = code[at++];
                break;
            case Add:
                --top, stack[top - 1] += stack[top];
                break;
            case Multiply:
                --top, stack[top - 1] *= stack[top] | 1;
                break;
            case Xor:
                --top, stack[top - 1] ^= stack[top];
                break;
            case Duplicate:
                stack[top] = stack[top - 1], ++top;
                break;
            case Swap:
                std::swap(stack[top - 1], stack[top - 2]);
                break;
            case Rotate:
                stack[top - 1] = stack[top - 1] << 7 | stack[top - 1] >> 25;
                break;
            case Drop:
                --top;
                break;
            case Loop:
                if (--turns) at = 0;
                break;
            case End:
                return stack[0] ^ stack[1];
        }
}

}  // namespace

uint32_t recursion() {
    return fibonacci(opaque(34u));
}

uint32_t function_pointers() {
    uint32_t (*table[])(uint32_t) = {mix<1>, mix<2>, mix<3>, mix<5>, mix<7>, mix<11>, mix<13>, mix<17>};
    uint32_t x = opaque(1u);
    for (uint32_t i = 0; i < 2'000'000; ++i) x = opaque(table[(i ^ i >> 3) & 7])(x);
    return x;
}

uint32_t virtual_calls() {
    Random random(7);
    std::vector<std::unique_ptr<Shape>> shapes;
    for (int i = 0; i < 64; ++i) {
        const uint32_t a = random.next() & 255, b = random.next() & 255;
        if (i % 3 == 0)
            shapes.push_back(std::make_unique<Square>(a));
        else if (i % 3 == 1)
            shapes.push_back(std::make_unique<Rectangle>(a, b));
        else
            shapes.push_back(std::make_unique<Triangle>(a, b));
    }
    uint32_t sum = 0;
    for (uint32_t i = 0; i < 100'000; ++i)
        for (const auto& shape : shapes) sum += shape->area(i);
    return sum;
}

uint32_t byte_code() {
    const std::vector<uint8_t> code = {Duplicate, Rotate, Push,   77,        Add,  Xor,  Swap,
                                       Duplicate, Push,   13,     Multiply,  Xor,  Push, 3,
                                       Add,       Swap,   Rotate, Duplicate, Drop, Loop, End};
    return interpret(code, opaque(450'000u));
}
