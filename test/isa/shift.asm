; Shifts and rotates: counts of 0, 1, the width, above it, and through CL; SHLD and SHRD.
%include "case.inc"

section .data
m: dd 0x80000001
b: db 0x81, 0x11
section .text

CASE "shl by 1"
    IN eax, 0xc0000001
    UNDEF AF
    OUT eax, 0x80000002
    OUT flags, CF|SF
    shl eax, 1
DONE
CASE "shl by 0 leaves the flags"
    IN eax, 0xc0000001
    IN flags, CF|PF|AF|ZF|SF|OF
    shl eax, 0
DONE
CASE "shl by cl = 32 is a shift by 0"
    IN eax, 0xc0000001
    IN ecx, 32
    IN flags, CF|PF|AF|ZF|SF|OF
    shl eax, cl
DONE
CASE "shl by cl = 33 is a shift by 1"
    IN eax, 0x40000001
    IN ecx, 33
    UNDEF AF
    OUT eax, 0x80000002
    OUT flags, SF|OF
    shl eax, cl
DONE
CASE "shl al by 9 loses all"
    IN eax, 0x1ff
    UNDEF AF|OF|CF
    OUT eax, 0x00000100
    OUT flags, PF|ZF
    shl al, 9
DONE
CASE "shl al by 8 puts bit 0 in carry"
    IN eax, 0x1ff
    UNDEF AF|OF
    OUT eax, 0x00000100
    OUT flags, CF|PF|ZF
    shl al, 8
DONE
CASE "shl ax by 16"
    IN eax, 0x12340001
    UNDEF AF|OF
    OUT eax, 0x12340000
    OUT flags, CF|PF|ZF
    shl ax, 16
DONE
CASE "sal by the alias D1 /6"
    IN eax, 0x40000000
    UNDEF AF
    OUT eax, 0x80000000
    OUT flags, PF|SF|OF
    db 0xd1, 0xf0
DONE
CASE "shl m32, 4"
    UNDEF AF|OF
    MEM 0x00004000, 0x00000010
    shl dword [m], 4
DONE
CASE "shl m8 by cl = 0 still needs a writable page"
    IN ecx, 0
    FAULT 14, 7, shl_ro, RODATA
shl_ro:
    shl byte [RODATA], cl
DONE
CASE "shr by 1 sets overflow from the sign"
    IN eax, 0x80000001
    UNDEF AF
    OUT eax, 0x40000000
    OUT flags, CF|PF|OF
    shr eax, 1
DONE
CASE "shr by 31"
    IN eax, 0xc0000000
    UNDEF AF|OF
    OUT eax, 0x00000001
    OUT flags, CF
    shr eax, 31
DONE
CASE "shr bh, cl"
    IN ebx, 0x8100
    IN ecx, 3
    UNDEF AF|OF
    OUT ebx, 0x00001000
    shr bh, cl
DONE
CASE "shr m16, 1"
    UNDEF AF
    OUT flags, PF|OF
    MEM 0x00004000, 0x40000001
    shr word [m+2], 1
DONE
CASE "sar keeps the sign"
    IN eax, 0x80000000
    UNDEF AF|OF
    OUT eax, 0xffffffff
    OUT flags, PF|SF
    sar eax, 31
DONE
CASE "sar by 1"
    IN eax, 0x80000001
    UNDEF AF
    OUT eax, 0xc0000000
    OUT flags, CF|PF|SF
    sar eax, 1
DONE
CASE "sar al by 10"
    IN eax, 0x180
    UNDEF AF|OF
    OUT eax, 0x000001ff
    OUT flags, CF|PF|SF
    sar al, 10
DONE
CASE "sar cl, cl"
    IN ecx, 0xffffff83
    UNDEF AF|OF
    OUT ecx, 0xfffffff0
    OUT flags, PF|SF
    sar cl, cl
DONE
CASE "rol by 1"
    IN eax, 0x80000001
    IN flags, ZF|SF
    OUT eax, 0x00000003
    OUT flags, CF|ZF|SF|OF
    rol eax, 1
DONE
CASE "rol al by 8 sets carry though nothing moves"
    IN eax, 0x81
    UNDEF OF
    OUT flags, CF
    rol al, 8
DONE
CASE "rol ax by 17"
    IN eax, 0x12348001
    UNDEF OF
    OUT eax, 0x12340003
    OUT flags, CF
    rol ax, 17
DONE
CASE "rol by 0 leaves the flags"
    IN eax, 0x80000001
    IN ecx, 0x40
    IN flags, CF|OF
    rol eax, cl
DONE
CASE "ror by 1"
    IN eax, 0x80000001
    OUT eax, 0xc0000000
    OUT flags, CF
    ror eax, 1
DONE
CASE "ror m8, 4"
    UNDEF OF
    MEM 0x00004004, 0x00001118
    ror byte [b], 4
DONE
CASE "rcl by 1 takes the carry in"
    IN eax, 0x80000000
    IN flags, CF
    OUT eax, 0x00000001
    OUT flags, CF|OF
    rcl eax, 1
DONE
CASE "rcl al by 9 is the identity"
    IN eax, 0x5a
    IN flags, CF
    UNDEF OF
    rcl al, 9
DONE
CASE "rcl ax by 17 is the identity"
    IN eax, 0x125a
    IN flags, CF
    UNDEF OF
    rcl ax, 17
DONE
CASE "rcl al by cl = 10"
    IN eax, 0x5a
    IN ecx, 10
    IN flags, CF
    UNDEF OF
    OUT eax, 0x000000b5
    OUT flags, 0
    rcl al, cl
DONE
CASE "rcl eax by cl = 31"
    IN eax, 0xdeadbeef
    IN ecx, 31
    IN flags, CF
    UNDEF OF
    OUT eax, 0xf7ab6fbb
    rcl eax, cl
DONE
CASE "rcl m32, cl"
    IN ecx, 3
    UNDEF OF
    MEM 0x00004000, 0x0000000a
    rcl dword [m], cl
DONE
CASE "rcr by 1 takes the carry in"
    IN eax, 1
    OUT eax, 0x00000000
    OUT flags, CF
    rcr eax, 1
DONE
CASE "rcr al by cl = 5"
    IN eax, 0xa5
    IN ecx, 5
    IN flags, CF
    UNDEF OF
    OUT eax, 0x0000005d
    OUT flags, 0
    rcr al, cl
DONE
CASE "rcr ax by 20"
    IN eax, 0xfffa1234
    IN flags, CF
    UNDEF OF
    OUT eax, 0xfffa2246
    rcr ax, 20
DONE
CASE "rcr m16, 1"
    IN flags, CF
    OUT flags, CF|OF
    MEM 0x00004000, 0x80008000
    rcr word [m], 1
DONE
CASE "shld eax, ebx, 4"
    IN eax, 0x12345678
    IN ebx, 0x9abcdef0
    UNDEF AF|OF
    OUT eax, 0x23456789
    OUT flags, CF
    shld eax, ebx, 4
DONE
CASE "shld by cl = 0 leaves the flags"
    IN eax, 0x12345678
    IN ecx, 32
    IN flags, CF|PF|AF|ZF|SF|OF
    shld eax, ebx, cl
DONE
CASE "shld by 1 sets overflow on a change of sign"
    IN eax, 0x40000000
    IN ebx, 0x80000000
    UNDEF AF
    OUT eax, 0x80000001
    OUT flags, SF|OF
    shld eax, ebx, 1
DONE
CASE "shld m32, edx, cl"
    IN ecx, 31
    IN edx, 0x87654321
    UNDEF AF|OF
    OUT flags, PF|SF
    MEM 0x00004000, 0xc3b2a190
    shld [m], edx, cl
DONE
CASE "shld ax, bx, 8"
    IN eax, 0xaaaa1234
    IN ebx, 0xbbbb5678
    UNDEF AF|OF
    OUT eax, 0xaaaa3456
    OUT flags, PF
    shld ax, bx, 8
DONE
CASE "shrd eax, ebx, 4"
    IN eax, 0x12345678
    IN ebx, 0x9abcdef0
    UNDEF AF|OF
    OUT eax, 0x01234567
    OUT flags, CF
    shrd eax, ebx, 4
DONE
CASE "shrd m32, esp, cl"
    IN ecx, 0x61
    UNDEF AF
    OUT flags, CF|PF|OF
    MEM 0x00004000, 0x40000000
    shrd [m], esp, cl
DONE
CASE "shrd ax, bx, 1"
    IN eax, 0xaaaa1234
    IN ebx, 0xbbbb5679
    UNDEF AF
    OUT eax, 0xaaaa891a
    OUT flags, SF|OF
    shrd ax, bx, 1
DONE
CASE "shrd ecx, ecx, cl"
    IN ecx, 0x12345604
    UNDEF AF|OF
    OUT ecx, 0x41234560
    OUT flags, PF
    shrd ecx, ecx, cl
DONE
