; MUL, IMUL, DIV, IDIV: all sizes, overflow flags, #DE at every edge.
%include "case.inc"

section .data
m8:  db 0xfe
m16: dw 0x8001
m32: dd 0x80000001
zero: dd 0
section .text

CASE "mul al: fits"
    IN eax, 0xaa000f0f
    IN ebx, 0x10
    UNDEF SF|ZF|AF|PF
    OUT eax, 0xaa0000f0
    mul bl
DONE
CASE "mul al: overflows"
    IN eax, 0xaa0000ff
    IN ebx, 0xff
    UNDEF SF|ZF|AF|PF
    OUT eax, 0xaa00fe01
    OUT flags, CF|OF
    mul bl
DONE
CASE "mul m8"
    IN eax, 0xff
    UNDEF SF|ZF|AF|PF
    OUT eax, 0x0000fd02
    OUT flags, CF|OF
    mul byte [m8]
DONE
CASE "mul m16 writes dx and ax only"
    IN eax, 0xaaaa8000
    IN edx, 0xbbbbcccc
    UNDEF SF|ZF|AF|PF
    OUT edx, 0xbbbb4000
    OUT flags, CF|OF
    mul word [m16]
DONE
CASE "mul m32"
    IN eax, 0xffffffff
    UNDEF SF|ZF|AF|PF
    OUT eax, 0x7fffffff
    OUT edx, 0x80000000
    OUT flags, CF|OF
    mul dword [m32]
DONE
CASE "mul by eax itself"
    IN eax, 0x12345678
    UNDEF SF|ZF|AF|PF
    OUT eax, 0x1df4d840
    OUT edx, 0x014b66dc
    OUT flags, CF|OF
    mul eax
DONE
CASE "mul by edx"
    IN eax, 3
    IN edx, 5
    UNDEF SF|ZF|AF|PF
    OUT eax, 0x0000000f
    OUT edx, 0x00000000
    mul edx
DONE
CASE "mul by ah"
    IN eax, 0x0304
    UNDEF SF|ZF|AF|PF
    OUT eax, 0x0000000c
    mul ah
DONE
CASE "imul al: negative fits"
    IN eax, 0xff
    IN ecx, 0x7f
    UNDEF SF|ZF|AF|PF
    OUT eax, 0x0000ff81
    imul cl
DONE
CASE "imul al: overflows"
    IN eax, 0x80
    IN ecx, 0x80
    UNDEF SF|ZF|AF|PF
    OUT eax, 0x00004000
    OUT flags, CF|OF
    imul cl
DONE
CASE "imul m16"
    IN eax, 0xffff
    UNDEF SF|ZF|AF|PF
    OUT eax, 0x00007fff
    OUT edx, 0x0d0d0000
    imul word [m16]
DONE
CASE "imul m32"
    IN eax, 0x80000000
    UNDEF SF|ZF|AF|PF
    OUT edx, 0x3fffffff
    OUT flags, CF|OF
    imul dword [m32]
DONE
CASE "imul r32, m32"
    IN ebx, 2
    UNDEF SF|ZF|AF|PF
    OUT flags, CF|OF
    imul ebx, [m32]
DONE
CASE "imul r16, r16"
    IN ebx, 0xaaaa0102
    IN ecx, 0x0301
    UNDEF SF|ZF|AF|PF
    OUT ebx, 0xaaaa0702
    OUT flags, CF|OF
    imul bx, cx
DONE
CASE "imul r32, r32, imm8"
    IN ecx, 0x10000000
    UNDEF SF|ZF|AF|PF
    OUT edi, 0x80000000
    imul edi, ecx, -8
DONE
CASE "imul r32, m32, imm32"
    UNDEF SF|ZF|AF|PF
    OUT eax, 0x80010001
    OUT flags, CF|OF
    imul eax, [m32], 0x10001
DONE
CASE "imul r16, m16, imm16"
    UNDEF SF|ZF|AF|PF
    OUT eax, 0x0a0affff
    OUT flags, CF|OF
    imul ax, [m16], 0x7fff
DONE
CASE "div bl"
    IN eax, 0x1234
    IN ebx, 0x56
    UNDEF CF|PF|AF|ZF|SF|OF
    OUT eax, 0x00001036
    div bl
DONE
CASE "div m8, greatest quotient"
    IN eax, 0xfdff
    UNDEF CF|PF|AF|ZF|SF|OF
    div byte [m8]
DONE
CASE "div bx"
    IN eax, 0xaaaa5678
    IN edx, 0xbbbb1234
    IN ebx, 0x2345
    UNDEF CF|PF|AF|ZF|SF|OF
    OUT eax, 0xaaaa8422
    OUT edx, 0xbbbb134e
    div bx
DONE
CASE "div m32"
    IN eax, 0xdeadbeef
    IN edx, 0x7fffffff
    UNDEF CF|PF|AF|ZF|SF|OF
    OUT eax, 0xfffffffd
    OUT edx, 0x5eadbef2
    div dword [m32]
DONE
CASE "div by zero"
    IN ecx, 0
    FAULT 0, 0, div_zero
div_zero:
    div ecx
DONE
CASE "div by zero in memory"
    FAULT 0, 0, div_zero_memory
div_zero_memory:
    div dword [zero]
DONE
CASE "div overflows by one"
    IN eax, 0
    IN edx, 7
    IN ebx, 7
    FAULT 0, 0, div_overflow
div_overflow:
    div ebx
DONE
CASE "div bl overflows"
    IN eax, 0x1000
    IN ebx, 0x10
    FAULT 0, 0, div_overflow8
div_overflow8:
    div bl
DONE
CASE "div bx overflows"
    IN eax, 0
    IN edx, 0xaaaa0001
    IN ebx, 0xbbbb0001
    FAULT 0, 0, div_overflow16
div_overflow16:
    div bx
DONE
CASE "div ah by ah"
    IN eax, 0x0500
    FAULT 0, 0, div_ah
div_ah:
    div ah
DONE
CASE "div ah"
    IN eax, 0x05
    FAULT 0, 0, div_ah_zero
div_ah_zero:
    div ah
DONE
CASE "idiv bl rounds to zero"
    IN eax, 0xfff9
    IN ebx, 2
    UNDEF CF|PF|AF|ZF|SF|OF
    OUT eax, 0x0000fffd
    idiv bl
DONE
CASE "idiv bl, least quotient"
    IN eax, 0xff80
    IN ebx, 1
    UNDEF CF|PF|AF|ZF|SF|OF
    OUT eax, 0x00000080
    idiv bl
DONE
CASE "idiv bl overflows by one"
    IN eax, 0x0080
    IN ebx, 1
    FAULT 0, 0, idiv8
idiv8:
    idiv bl
DONE
CASE "idiv bx"
    IN eax, 0xcccc0007
    IN edx, 0xddddffff
    IN ebx, 0x10
    UNDEF CF|PF|AF|ZF|SF|OF
    OUT eax, 0xccccf001
    OUT edx, 0xddddfff7
    idiv bx
DONE
CASE "idiv: the least integer by minus one"
    IN eax, 0x80000000
    IN edx, 0xffffffff
    IN ecx, 0xffffffff
    FAULT 0, 0, idiv_least
idiv_least:
    idiv ecx
DONE
CASE "idiv m32"
    IN eax, 100
    IN edx, 0
    UNDEF CF|PF|AF|ZF|SF|OF
    OUT eax, 0x00000000
    OUT edx, 0x00000064
    idiv dword [m32]
DONE
CASE "idiv by esp"
    IN eax, 0x12345
    IN edx, 0
    UNDEF CF|PF|AF|ZF|SF|OF
    OUT eax, 0x00000001
    OUT edx, 0x00008b45
    idiv esp
DONE
CASE "a divide of an unmapped operand is #PF first"
    IN ecx, 0
    FAULT 14, 4, div_pf, HOLE
div_pf:
    div dword [HOLE]
DONE
