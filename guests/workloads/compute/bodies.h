// Planets around a sun: the same floating-point program, compiled once for the x87 and once for SSE2.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

namespace {

struct Body {
    double x, y, z, vx, vy, vz, mass;
};

inline void advance(Body* bodies, int count, double dt) {
    for (int i = 0; i < count; ++i)
        for (int k = i + 1; k < count; ++k) {
            Body &a = bodies[i], &b = bodies[k];
            const double dx = a.x - b.x, dy = a.y - b.y, dz = a.z - b.z;
            const double square = dx * dx + dy * dy + dz * dz;
            const double pull = dt / (square * std::sqrt(square));
            a.vx -= dx * b.mass * pull, a.vy -= dy * b.mass * pull, a.vz -= dz * b.mass * pull;
            b.vx += dx * a.mass * pull, b.vy += dy * a.mass * pull, b.vz += dz * a.mass * pull;
        }
    for (int i = 0; i < count; ++i) {
        Body& b = bodies[i];
        b.x += dt * b.vx, b.y += dt * b.vy, b.z += dt * b.vz;
    }
}

// The bits of where they all are in the end.
inline uint32_t bodies_after(int steps) {
    Body bodies[] = {{0, 0, 0, 0, 0, 0, 40},
                     {5, -1, 0.1, 0.6, 2.8, -0.02, 0.04},
                     {8, 4, -0.4, -1, 1.8, 0.01, 0.01},
                     {13, -15, -0.2, 1, 0.9, -0.01, 0.002},
                     {15, -26, 0.2, 1, 0.6, -0.03, 0.002}};
    for (int i = 0; i < steps; ++i) advance(bodies, 5, 0.001);
    uint32_t sum = 0;
    for (const Body& b : bodies) {
        uint64_t bits[3];
        std::memcpy(bits, &b.x, sizeof bits);
        for (const uint64_t v : bits) sum = sum * 31 + uint32_t(v ^ v >> 32);
    }
    return sum;
}

}  // namespace
