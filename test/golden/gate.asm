; The ways from ring 3 to ring 0, and what may be read there.
bits 32
org 0x1000
    rdtsc
    int 0x80
