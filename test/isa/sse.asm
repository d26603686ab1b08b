; SSE: single precision, shuffles, conversions, MXCSR, alignment and exceptions.
%include "case.inc"

section .data
align 16
a: dd 1.0, -2.5, 3.25, 1.0e30
b: dd 3.0, 7.0, -0.0, 1.0e-30
n: dd 0x7fc00000, 0x7f800001, 0x7f800000, 0xff800000
mx_unmasked: dd 0x1d80      ; division by zero unmasked
mx_daz: dd 0x9fc0           ; denormals are zero, flush to zero
align 16
out: times 256 db 0
section .text

%macro PAIR 2-*         ; macro parameters: source, then instructions
    %assign %%at 0
    %xdefine %%source %1
    %rep %0 - 1
        %rotate 1
        movaps xmm0, [a]
        %1 xmm0, [%%source]
        movaps [out+%%at], xmm0
        %assign %%at %%at+16
    %endrep
%endmacro

CASE "packed arithmetic"
    MEM 0x00004040, 0x40800000
    MEM 0x00004044, 0x40900000
    MEM 0x00004048, 0x40500000
    MEM 0x0000404c, 0x7149f2ca
    MEM 0x00004050, 0xc0000000
    MEM 0x00004054, 0xc1180000
    MEM 0x00004058, 0x40500000
    MEM 0x0000405c, 0x7149f2ca
    MEM 0x00004060, 0x40400000
    MEM 0x00004064, 0xc18c0000
    MEM 0x00004068, 0x80000000
    MEM 0x0000406c, 0x3f800000
    MEM 0x00004070, 0x3eaaaaab
    MEM 0x00004074, 0xbeb6db6e
    MEM 0x00004078, 0xff800000
    MEM 0x0000407c, 0x7f800000
    MEM 0x00004080, 0x3f800000
    MEM 0x00004084, 0xc0200000
    MEM 0x00004088, 0x80000000
    MEM 0x0000408c, 0x0da24260
    MEM 0x00004090, 0x40400000
    MEM 0x00004094, 0x40e00000
    MEM 0x00004098, 0x40500000
    MEM 0x0000409c, 0x7149f2ca
    PAIR b, addps, subps, mulps, divps, minps, maxps
DONE
CASE "packed arithmetic on NaN and infinity"
    MEM 0x00004040, 0x7fc00000
    MEM 0x00004044, 0x7fc00001
    MEM 0x00004048, 0x7f800000
    MEM 0x0000404c, 0xff800000
    MEM 0x00004050, 0x7fc00000
    MEM 0x00004054, 0x7fc00001
    MEM 0x00004058, 0xff800000
    MEM 0x0000405c, 0x7f800000
    MEM 0x00004060, 0x7fc00000
    MEM 0x00004064, 0x7fc00001
    MEM 0x00004068, 0x7f800000
    MEM 0x0000406c, 0xff800000
    MEM 0x00004070, 0x7fc00000
    MEM 0x00004074, 0x7fc00001
    MEM 0x0000407c, 0x80000000
    MEM 0x00004080, 0x7fc00000
    MEM 0x00004084, 0x7f800001
    MEM 0x00004088, 0x40500000
    MEM 0x0000408c, 0xff800000
    MEM 0x00004090, 0x7fc00000
    MEM 0x00004094, 0x7f800001
    MEM 0x00004098, 0x7f800000
    MEM 0x0000409c, 0x7149f2ca
    MEM 0x000040c0, 0x00001f81
    PAIR n, addps, subps, mulps, divps, minps, maxps
    stmxcsr [out+128]
DONE
CASE "scalar arithmetic keeps the upper lanes"
    MEM 0x00004040, 0x40400000
    MEM 0x00004044, 0xc0200000
    MEM 0x00004048, 0x40500000
    MEM 0x0000404c, 0x7149f2ca
    MEM 0x00004050, 0x3fddb3d7
    movaps xmm1, [b]
    movaps xmm0, [a]
    addss xmm0, xmm1
    mulss xmm0, [b+4]
    subss xmm0, xmm1
    divss xmm0, xmm1
    minss xmm0, xmm1
    maxss xmm0, xmm1
    sqrtss xmm2, xmm1
    movups [out], xmm0
    movups [out+16], xmm2
DONE
CASE "logic"
    MEM 0x00004044, 0x40200000
    MEM 0x0000404c, 0x01004240
    MEM 0x00004050, 0x40400000
    MEM 0x00004054, 0x00c00000
    MEM 0x00004058, 0x80000000
    MEM 0x0000405c, 0x0ca20020
    MEM 0x00004060, 0x7fc00000
    MEM 0x00004064, 0xc0e00000
    MEM 0x00004068, 0xc0500000
    MEM 0x0000406c, 0x7debf2ea
    MEM 0x00004070, 0x7fc00000
    MEM 0x00004074, 0x80c00000
    MEM 0x00004078, 0xc0500000
    MEM 0x0000407c, 0x7cebb0aa
    PAIR b, andps, andnps, orps, xorps
DONE
CASE "unpack and square roots"
    MEM 0x00004040, 0x3f800000
    MEM 0x00004044, 0x40400000
    MEM 0x00004048, 0xc0200000
    MEM 0x0000404c, 0x40e00000
    MEM 0x00004050, 0x40500000
    MEM 0x00004054, 0x80000000
    MEM 0x00004058, 0x7149f2ca
    MEM 0x0000405c, 0x0da24260
    MEM 0x00004060, 0x3fddb3d7
    MEM 0x00004064, 0x402953fd
    MEM 0x00004068, 0x80000000
    MEM 0x0000406c, 0x26901d7d
    PAIR b, unpcklps, unpckhps, sqrtps
DONE
CASE "comparisons with all eight predicates"
    MEM 0x00004058, 0xffffffff
    MEM 0x00004068, 0xffffffff
    MEM 0x00004070, 0xffffffff
    MEM 0x00004074, 0xffffffff
    MEM 0x00004080, 0xffffffff
    MEM 0x00004084, 0xffffffff
    MEM 0x00004088, 0xffffffff
    MEM 0x0000408c, 0xffffffff
    MEM 0x00004090, 0xffffffff
    MEM 0x00004094, 0xffffffff
    MEM 0x0000409c, 0xffffffff
    MEM 0x000040a0, 0xffffffff
    MEM 0x000040a4, 0xffffffff
    MEM 0x000040ac, 0xffffffff
    MEM 0x000040b8, 0xffffffff
    MEM 0x000040bc, 0xffffffff
    movaps xmm1, [n]
    %assign i 0
    %rep 8
        movaps xmm0, [a]
        cmpps xmm0, xmm1, i
        movaps [out+i*16], xmm0
        %assign i i+1
    %endrep
DONE
CASE "comiss and ucomiss"
    OUT eax, 0x0a0a0001
    OUT ebx, 0x0b0b0b01
    OUT flags, ZF
    movss xmm0, [a]
    comiss xmm0, [b]
    setc al
    setz ah
    ucomiss xmm0, [n]
    setp bl
    comiss xmm0, xmm0
DONE
CASE "comiss clears OF, SF and AF"
    IN flags, OF|SF|AF
    OUT flags, ZF
    comiss xmm0, xmm0
DONE
CASE "shuffles and moves between halves"
    OUT eax, 0x00000001
    MEM 0x00004040, 0x40500000
    MEM 0x00004044, 0x7149f2ca
    MEM 0x00004048, 0x40400000
    MEM 0x0000404c, 0x40e00000
    MEM 0x00004050, 0x40400000
    MEM 0x00004054, 0x40e00000
    MEM 0x00004058, 0x80000000
    MEM 0x0000405c, 0x0da24260
    MEM 0x00004060, 0x3f800000
    MEM 0x00004064, 0xc0200000
    MEM 0x00004068, 0x40400000
    MEM 0x0000406c, 0x40e00000
    MEM 0x00004070, 0x3f800000
    MEM 0x00004074, 0xc0200000
    MEM 0x00004078, 0x40400000
    MEM 0x0000407c, 0x40e00000
    MEM 0x00004080, 0x3f800000
    movaps xmm0, [a]
    movaps xmm1, [b]
    shufps xmm0, xmm1, 0x4e
    movaps [out], xmm0
    movhlps xmm0, xmm1
    movlhps xmm1, xmm0
    movaps [out+16], xmm1
    movlps xmm2, [a]
    movhps xmm2, [b]
    movaps [out+32], xmm2
    movlps [out+48], xmm2
    movhps [out+56], xmm2
    movss xmm3, [a]
    movss xmm3, xmm2
    movss [out+64], xmm3
    movmskps eax, xmm0
DONE
CASE "conversions"
    IN ecx, -7
    OUT eax, 0xfffffffe
    OUT edx, 0x80000000
    OUT ebx, 0xfffffffe
    MEM 0x00004040, 0xc0e00000
    MEM 0x00004050, 0x4e7e0000
    cvtsi2ss xmm0, ecx
    cvtsi2ss xmm1, [a]
    cvtss2si eax, [a+4]
    cvttss2si ebx, [a+4]
    cvttss2si edx, [a+12]
    movups [out], xmm0
    movups [out+16], xmm1
DONE
CASE "conversions by mmx registers"
    MEM 0x00004040, 0x00000001
    MEM 0x00004044, 0xfffffffe
    MEM 0x00004048, 0x00000001
    MEM 0x0000404c, 0xfffffffe
    MEM 0x00004050, 0x3f800000
    MEM 0x00004054, 0xc0000000
    cvtps2pi mm0, [a]
    cvttps2pi mm1, [a]
    movq [out], mm0
    movq [out+8], mm1
    cvtpi2ps xmm0, [out]
    movups [out+16], xmm0
DONE
CASE "reciprocals are within their error"
    OUT eax, 0x00000000
    OUT ecx, 0x00000001
    movss xmm0, [b]
    rcpss xmm0, xmm0
    rsqrtss xmm1, [b]
    cvtss2si eax, xmm0
    cvtss2si ecx, xmm1
DONE
CASE "ldmxcsr and stmxcsr"
    MEM 0x00004040, 0x00009fc0
    ldmxcsr [mx_daz]
    stmxcsr [out]
DONE
CASE "ldmxcsr with a reserved bit"
    MEM 0x00004040, 0x00010000
    mov dword [out], 0x10000
    FAULT 13, 0, ldmxcsr_gp
ldmxcsr_gp:
    ldmxcsr [out]
DONE
CASE "denormals are zero, and flush to zero"
    MEM 0x00004040, 0x00000001
    ldmxcsr [mx_daz]
    mov dword [out], 0x00000001
    movss xmm0, [out]
    addss xmm0, [out]
    movss [out+4], xmm0
    movss xmm1, [b+12]
    mulss xmm1, xmm1
    movss [out+8], xmm1
DONE
CASE "an unmasked exception is #XM and the destination is unchanged"
    ldmxcsr [mx_unmasked]
    movaps xmm0, [a]
    FAULT 19, 0, xm_fault
xm_fault:
    divps xmm0, [b]
DONE
CASE "movaps needs alignment"
    FAULT 13, 0, movaps_gp
movaps_gp:
    movaps xmm0, [a+4]
DONE
CASE "movaps store needs alignment"
    FAULT 13, 0, movaps_store
movaps_store:
    movaps [out+8], xmm0
DONE
CASE "an unaligned operand of an arithmetic instruction"
    FAULT 13, 0, addps_gp
addps_gp:
    addps xmm0, [a+1]
DONE
CASE "an unaligned operand of movups astride two pages"
    MEM 0x00004044, 0x3f800000
    MEM 0x00004048, 0xc0200000
    MEM 0x0000404c, 0x40500000
    MEM 0x00004ff8, 0x80000000
    MEM 0x00004ffc, 0x2000003f
    MEM 0x00005000, 0x500000c0
    MEM 0x00005004, 0x49f2ca40
    MEM 0x00005008, 0x00000071
    movups xmm0, [a]
    movups [0x4ff9], xmm0
    movups xmm1, [0x4ff5]
    movups [out], xmm1
DONE
CASE "movups astride into an unmapped page"
    FAULT 14, 6, movups_pf, HOLE
movups_pf:
    movups [HOLE-8], xmm0
DONE
CASE "misalignment is found before the page fault"
    FAULT 13, 0, movaps_hole
movaps_hole:
    movaps xmm0, [HOLE+4]
DONE
CASE "movntps, prefetch and fences"
    MEM 0x00004040, 0x3f800000
    MEM 0x00004044, 0xc0200000
    MEM 0x00004048, 0x40500000
    MEM 0x0000404c, 0x7149f2ca
    movaps xmm0, [a]
    movntps [out], xmm0
    prefetcht0 [HOLE]
    prefetchnta [HOLE]
    sfence
DONE
