; Two-operand arithmetic: results and flags at the edges of the ranges.
%include "case.inc"

CASE "add carries out of bit 31"
    IN eax, 0xffffffff
    IN ecx, 1
    OUT eax, 0
    OUT flags, CF|PF|AF|ZF
    add eax, ecx
DONE

CASE "add overflows into the sign"
    IN eax, 0x7fffffff
    IN ecx, 1
    OUT eax, 0x80000000
    OUT flags, PF|AF|SF|OF
    add eax, ecx
DONE

section .data
word_at: dd 0x0001ffff
section .text
CASE "add to a word in memory leaves the next bytes"
    MEM word_at, 0x00010000
    OUT flags, CF|PF|AF|ZF
    add word [word_at], 1
DONE
