; Two-operand and one-operand integer arithmetic: results and flags at the edges of the ranges.
%include "case.inc"

section .data
dword_at: dd 0x0001ffff
byte_at:  db 0x7f, 0x11, 0x22, 0x33
section .text

CASE "add carries out of bit 31"
    IN eax, 0xffffffff
    IN ecx, 1
    OUT eax, 0x00000000
    OUT flags, CF|PF|AF|ZF
    add eax, ecx
DONE
CASE "add overflows into the sign"
    IN eax, 0x7fffffff
    OUT eax, 0x80000000
    OUT flags, PF|AF|SF|OF
    add eax, 1
DONE
CASE "add to a word in memory leaves the next bytes"
    OUT flags, CF|PF|AF|ZF
    MEM 0x00004000, 0x00010000
    add word [dword_at], 1
DONE
CASE "add r8, m8 keeps the rest of the register"
    IN ecx, 0x12345681
    OUT ecx, 0x12345600
    OUT flags, CF|PF|AF|ZF
    add cl, [byte_at]
DONE
CASE "add ax, imm16"
    IN eax, 0xabcd8000
    OUT eax, 0xabcd0000
    OUT flags, CF|PF|ZF|OF
    add ax, 0x8000
DONE
CASE "add al, imm8"
    IN eax, 0xabcdef80
    OUT eax, 0xabcdef00
    OUT flags, CF|PF|ZF|OF
    add al, 0x80
DONE
CASE "add with a sign-extended imm8"
    IN ebx, 0x10
    OUT ebx, 0xfffffff0
    OUT flags, PF|SF
    add ebx, -0x20
DONE
CASE "the one-byte register form with direction bit clear"
    IN ebx, 5
    IN edx, 9
    OUT ebx, 0x0000000e
    db 0x01, 0xd3 ; add ebx, edx
DONE
CASE "... and set"
    IN ebx, 5
    IN edx, 9
    OUT ebx, 0x0000000e
    db 0x03, 0xda ; add ebx, edx
DONE
CASE "adc takes the carry in"
    IN eax, 0xffffffff
    IN ecx, 0
    IN flags, CF
    OUT eax, 0x00000000
    OUT flags, CF|PF|AF|ZF
    adc eax, ecx
DONE
CASE "adc: both operands all ones and carry"
    IN eax, 0xffffffff
    IN flags, CF
    OUT flags, CF|PF|AF|SF
    adc eax, -1
DONE
CASE "adc byte in memory"
    IN flags, CF
    OUT flags, AF|SF|OF
    MEM 0x00004004, 0x33221180
    adc byte [byte_at], 0
DONE
CASE "sub borrows"
    IN eax, 0
    OUT eax, 0xffffffff
    OUT flags, CF|PF|AF|SF
    sub eax, 1
DONE
CASE "sub overflows"
    IN eax, 0x80000000
    OUT eax, 0x7fffffff
    OUT flags, PF|AF|OF
    sub eax, 1
DONE
CASE "sub to zero"
    IN edx, 0x1234
    OUT edx, 0x00000000
    OUT flags, PF|ZF
    sub edx, edx
DONE
CASE "sub ax"
    IN eax, 0x55550000
    OUT eax, 0x5555ffff
    OUT flags, CF|PF|AF|SF
    sub ax, 1
DONE
CASE "sbb takes the borrow in"
    IN eax, 0
    IN flags, CF
    OUT eax, 0xffffffff
    OUT flags, CF|PF|AF|SF
    sbb eax, 0
DONE
CASE "sbb reg, itself spreads the carry"
    IN ebx, 0x12345678
    IN flags, CF
    OUT ebx, 0xffffffff
    OUT flags, CF|PF|AF|SF
    sbb ebx, ebx
DONE
CASE "sbb al with borrow at the edge"
    IN eax, 0x80
    IN flags, CF
    OUT eax, 0x00000000
    OUT flags, PF|AF|ZF|OF
    sbb al, 0x7f
DONE
CASE "sbb 0xff with carry leaves a borrow"
    IN eax, 5
    IN flags, CF
    OUT flags, CF|PF|AF
    sbb al, 0xff
DONE
CASE "cmp changes nothing but flags"
    IN eax, 3
    OUT flags, CF|PF|AF|SF
    cmp eax, 4
DONE
CASE "cmp m32, imm8"
    OUT flags, CF|PF
    cmp dword [dword_at], -1
DONE
CASE "cmp with a read-only operand does not write"
    OUT flags, PF|ZF
    cmp dword [RODATA], 0
DONE
CASE "and clears carry and overflow"
    IN eax, 0xf0f0f0f0
    IN flags, CF|OF
    UNDEF AF
    OUT eax, 0x00f0f000
    OUT flags, PF
    and eax, 0x0ff0ff00
DONE
CASE "or"
    IN ecx, 0x80000000
    IN flags, CF|OF
    UNDEF AF
    OUT ecx, 0x80000001
    OUT flags, SF
    or ecx, 1
DONE
CASE "xor with itself"
    IN ecx, 0x80000000
    IN flags, CF|OF
    UNDEF AF
    OUT ecx, 0x00000000
    OUT flags, PF|ZF
    xor ecx, ecx
DONE
CASE "xor to memory, byte"
    UNDEF AF
    OUT flags, PF|SF
    MEM 0x00004004, 0x3322ee7f
    xor byte [byte_at+1], 0xff
DONE
CASE "test sets the sign of a byte"
    IN eax, 0x80
    UNDEF AF
    OUT flags, SF
    test al, al
DONE
CASE "test eax, imm32"
    IN eax, 0x80
    UNDEF AF
    OUT flags, PF|ZF
    test eax, 0x7fffff7f
DONE
CASE "test m8, imm8"
    UNDEF AF
    test byte [byte_at], 1
DONE
CASE "the alias F7 /1 of test"
    IN ecx, 0x10
    UNDEF AF
    db 0xf7, 0xc9, 0x30, 0, 0, 0 ; test ecx, 0x30
DONE
CASE "inc keeps carry"
    IN eax, 0xffffffff
    IN flags, CF
    OUT eax, 0x00000000
    OUT flags, CF|PF|AF|ZF
    inc eax
DONE
CASE "inc overflows"
    IN ebx, 0x7fffffff
    OUT ebx, 0x80000000
    OUT flags, PF|AF|SF|OF
    inc ebx
DONE
CASE "inc m8"
    OUT flags, AF|SF|OF
    MEM 0x00004004, 0x33221180
    inc byte [byte_at]
DONE
CASE "inc by the long form"
    IN edi, 0xffff
    OUT edi, 0x00000000
    OUT flags, PF|AF|ZF
    db 0x66, 0xff, 0xc7 ; inc di
DONE
CASE "dec keeps carry and overflows"
    IN eax, 0x80000000
    IN flags, CF
    OUT eax, 0x7fffffff
    OUT flags, CF|PF|AF|OF
    dec eax
DONE
CASE "dec cl"
    IN ecx, 0x100
    OUT ecx, 0x000001ff
    OUT flags, PF|AF|SF
    dec cl
DONE
CASE "dec m16"
    OUT flags, SF
    MEM 0x00004000, 0x0001fffe
    dec word [dword_at]
DONE
CASE "neg of zero clears carry"
    IN eax, 0
    IN flags, CF
    OUT flags, PF|ZF
    neg eax
DONE
CASE "neg of the least integer overflows"
    IN eax, 0x80000000
    OUT flags, CF|PF|SF|OF
    neg eax
DONE
CASE "neg m8"
    OUT flags, CF|PF|AF|SF
    MEM 0x00004004, 0x33221181
    neg byte [byte_at]
DONE
CASE "not leaves the flags"
    IN eax, 0x0f0f0f0f
    IN flags, CF|ZF|OF
    OUT eax, 0xf0f0f0f0
    not eax
DONE
CASE "not m16"
    MEM 0x00004000, 0xfffeffff
    not word [dword_at+2]
DONE
CASE "opcode 82 is an alias of 80"
    IN eax, 0x10
    OUT eax, 0x00000015
    db 0x82, 0xc0, 0x05 ; add al, 5
DONE
CASE "memory operand astride two dwords"
    MEM 0x00004000, 0x0102ffff
    MEM 0x00004004, 0x33221280
    add dword [dword_at+2], 0x01010101
DONE
CASE "memory operand astride two pages"
    OUT flags, PF
    MEM 0x00004ffc, 0x56780000
    MEM 0x00005000, 0x00001234
    add dword [0x4ffe], 0x12345678
DONE
