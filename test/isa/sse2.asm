; SSE2: double precision, 128-bit integers, conversions.
%include "case.inc"

section .data
align 16
a: dq 1.5, -2.5e300
b: dq 3.0, 1.0e-300
i: dd 0x80000001, 0x7fffffff, 0x12345678, 0xfffffff0
j: dd 0x00010203, 0x80ff7f01, 0x11223344, 0x00000004
count: dq 3, 0
align 16
out: times 512 db 0
section .text

%macro PAIR 3-*         ; first and second operand, then instructions
    %assign %%at 0
    %xdefine %%first %1
    %xdefine %%second %2
    %rotate 1
    %rep %0 - 2
        %rotate 1
        movdqa xmm0, [%%first]
        %1 xmm0, [%%second]
        movdqa [out+%%at], xmm0
        %assign %%at %%at+16
    %endrep
%endmacro

CASE "packed doubles"
    MEM 0x00004054, 0x40120000
    MEM 0x00004058, 0xaa009303
    MEM 0x0000405c, 0xfe4ddd4b
    MEM 0x00004064, 0xbff80000
    MEM 0x00004068, 0xaa009303
    MEM 0x0000406c, 0xfe4ddd4b
    MEM 0x00004074, 0x40120000
    MEM 0x0000407c, 0xc0040000
    MEM 0x00004084, 0x3fe00000
    MEM 0x0000408c, 0xfff00000
    MEM 0x00004094, 0x3ff80000
    MEM 0x00004098, 0xaa009303
    MEM 0x0000409c, 0xfe4ddd4b
    MEM 0x000040a4, 0x40080000
    MEM 0x000040a8, 0xc2f8f359
    MEM 0x000040ac, 0x01a56e1f
    MEM 0x000040b0, 0xe8584caa
    MEM 0x000040b4, 0x3ffbb67a
    MEM 0x000040b8, 0x6a3f9475
    MEM 0x000040bc, 0x20ca2fe7
    MEM 0x000040c4, 0x00080000
    MEM 0x000040c8, 0x82009301
    MEM 0x000040cc, 0x00054c0b
    MEM 0x000040d4, 0x40000000
    MEM 0x000040d8, 0x40f86058
    MEM 0x000040dc, 0x01a02214
    MEM 0x000040e4, 0x7ff80000
    MEM 0x000040e8, 0xeaf8f35b
    MEM 0x000040ec, 0xffedff5f
    MEM 0x000040f4, 0x7ff00000
    MEM 0x000040f8, 0x68f8605a
    MEM 0x000040fc, 0xffe8b354
    MEM 0x00004104, 0x3ff80000
    MEM 0x0000410c, 0x40080000
    MEM 0x00004110, 0xaa009303
    MEM 0x00004114, 0xfe4ddd4b
    MEM 0x00004118, 0xc2f8f359
    MEM 0x0000411c, 0x01a56e1f
    PAIR a, b, addpd, subpd, mulpd, divpd, minpd, maxpd, sqrtpd, andpd, andnpd, orpd, xorpd, unpcklpd, unpckhpd
DONE
CASE "scalar doubles"
    MEM 0x00004054, 0x40120000
    MEM 0x00004058, 0xaa009303
    MEM 0x0000405c, 0xfe4ddd4b
    MEM 0x00004064, 0xbff80000
    MEM 0x00004068, 0xaa009303
    MEM 0x0000406c, 0xfe4ddd4b
    MEM 0x00004074, 0x40120000
    MEM 0x00004078, 0xaa009303
    MEM 0x0000407c, 0xfe4ddd4b
    MEM 0x00004084, 0x3fe00000
    MEM 0x00004088, 0xaa009303
    MEM 0x0000408c, 0xfe4ddd4b
    MEM 0x00004094, 0x3ff80000
    MEM 0x00004098, 0xaa009303
    MEM 0x0000409c, 0xfe4ddd4b
    MEM 0x000040a4, 0x40080000
    MEM 0x000040a8, 0xaa009303
    MEM 0x000040ac, 0xfe4ddd4b
    MEM 0x000040b0, 0xe8584caa
    MEM 0x000040b4, 0x3ffbb67a
    MEM 0x000040b8, 0xaa009303
    MEM 0x000040bc, 0xfe4ddd4b
    MEM 0x000040c4, 0x40080000
    MEM 0x000040d4, 0x40080000
    MEM 0x000040d8, 0xaa009303
    MEM 0x000040dc, 0xfe4ddd4b
    MEM 0x000040e4, 0x3ff80000
    MEM 0x000040ec, 0x40080000
    PAIR a, b, addsd, subsd, mulsd, divsd, minsd, maxsd, sqrtsd, movsd, movlpd, movhpd
DONE
CASE "packed bytes"
    MEM 0x00004050, 0x80010204
    MEM 0x00004054, 0xfffe7e00
    MEM 0x00004058, 0x235689bc
    MEM 0x0000405c, 0xfffffff4
    MEM 0x00004060, 0x80fffefe
    MEM 0x00004064, 0xff0080fe
    MEM 0x00004068, 0x01122334
    MEM 0x0000406c, 0xffffffec
    MEM 0x00004070, 0x80010204
    MEM 0x00004074, 0xfffe7e00
    MEM 0x00004078, 0x23567f7f
    MEM 0x0000407c, 0xfffffff4
    MEM 0x00004080, 0x80fffefe
    MEM 0x00004084, 0x7f0080fe
    MEM 0x00004088, 0x01122334
    MEM 0x0000408c, 0xffffffec
    MEM 0x00004090, 0x80010204
    MEM 0x00004094, 0xffffffff
    MEM 0x00004098, 0x235689bc
    MEM 0x0000409c, 0xfffffff4
    MEM 0x000040a0, 0x80000000
    MEM 0x000040a4, 0x000080fe
    MEM 0x000040a8, 0x01122334
    MEM 0x000040ac, 0xffffffec
    MEM 0x000040b0, 0x40010102
    MEM 0x000040b4, 0x80ffbf80
    MEM 0x000040b8, 0x122b455e
    MEM 0x000040bc, 0x8080807a
    MEM 0x000040c0, 0x00000001
    MEM 0x000040c4, 0x7fff7f01
    MEM 0x000040c8, 0x11223344
    MEM 0x000040cc, 0x00000004
    MEM 0x000040d0, 0x80010203
    MEM 0x000040d4, 0x80ffffff
    MEM 0x000040d8, 0x12345678
    MEM 0x000040dc, 0xfffffff0
    MEM 0x000040e4, 0x00ff0000
    MEM 0x000040f4, 0xff000000
    MEM 0x000040f8, 0xffffffff
    MEM 0x00004100, 0x00000204
    MEM 0x00004108, 0x00000453
    PAIR i, j, paddb, psubb, paddsb, psubsb, paddusb, psubusb, pavgb, pminub, pmaxub, pcmpeqb, pcmpgtb, psadbw
DONE
CASE "packed words"
    MEM 0x00004050, 0x80010204
    MEM 0x00004054, 0x00fe7f00
    MEM 0x00004058, 0x235689bc
    MEM 0x0000405c, 0xfffffff4
    MEM 0x00004060, 0x7ffffdfe
    MEM 0x00004064, 0xff0080fe
    MEM 0x00004068, 0x01122334
    MEM 0x0000406c, 0xffffffec
    MEM 0x00004070, 0x80010204
    MEM 0x00004074, 0x00fe7f00
    MEM 0x00004078, 0x23567fff
    MEM 0x0000407c, 0xfffffff4
    MEM 0x00004080, 0x8000fdfe
    MEM 0x00004084, 0x7fff80fe
    MEM 0x00004088, 0x01122334
    MEM 0x0000408c, 0xffffffec
    MEM 0x00004090, 0x80010204
    MEM 0x00004094, 0xffffffff
    MEM 0x00004098, 0x235689bc
    MEM 0x0000409c, 0xfffffff4
    MEM 0x000040a0, 0x7fff0000
    MEM 0x000040a4, 0x000080fe
    MEM 0x000040a8, 0x01122334
    MEM 0x000040ac, 0xffffffec
    MEM 0x000040b0, 0x40010102
    MEM 0x000040b4, 0x807fbf80
    MEM 0x000040b8, 0x11ab44de
    MEM 0x000040bc, 0x80007ffa
    MEM 0x000040c0, 0x80000001
    MEM 0x000040c4, 0x80ffffff
    MEM 0x000040c8, 0x11223344
    MEM 0x000040cc, 0xfffffff0
    MEM 0x000040d0, 0x00010203
    MEM 0x000040d4, 0x7fff7f01
    MEM 0x000040d8, 0x12345678
    MEM 0x000040dc, 0x00000004
    MEM 0x000040f4, 0xffff0000
    MEM 0x000040f8, 0xffffffff
    MEM 0x00004100, 0x80000203
    MEM 0x00004104, 0xff0180ff
    MEM 0x00004108, 0xdee8dfe0
    MEM 0x0000410c, 0x0000ffc0
    MEM 0x00004110, 0xffff0000
    MEM 0x00004114, 0xc07fffff
    MEM 0x00004118, 0x01371150
    MEM 0x0000411c, 0x0000ffff
    MEM 0x00004124, 0x407e7f00
    MEM 0x00004128, 0x01371150
    MEM 0x0000412c, 0x00000003
    MEM 0x00004130, 0xffff8203
    MEM 0x00004134, 0xc07f8000
    MEM 0x00004138, 0x1288bec8
    MEM 0x0000413c, 0xffffffc0
    PAIR i, j, paddw, psubw, paddsw, psubsw, paddusw, psubusw, pavgw, pminsw, pmaxsw, pcmpeqw, pcmpgtw, pmullw, pmulhw, pmulhuw, pmaddwd
DONE
CASE "packed dwords and qwords"
    MEM 0x00004050, 0x80010204
    MEM 0x00004054, 0x00ff7f00
    MEM 0x00004058, 0x235689bc
    MEM 0x0000405c, 0xfffffff4
    MEM 0x00004060, 0x7ffefdfe
    MEM 0x00004064, 0xff0080fe
    MEM 0x00004068, 0x01122334
    MEM 0x0000406c, 0xffffffec
    MEM 0x00004084, 0xffffffff
    MEM 0x00004088, 0xffffffff
    MEM 0x00004090, 0x80010204
    MEM 0x00004094, 0x00ff7f00
    MEM 0x00004098, 0x235689bc
    MEM 0x0000409c, 0xfffffff4
    MEM 0x000040a0, 0x7ffefdfe
    MEM 0x000040a4, 0xff0080fe
    MEM 0x000040a8, 0x01122334
    MEM 0x000040ac, 0xffffffec
    MEM 0x000040b0, 0x80010203
    MEM 0x000040b4, 0x00008101
    MEM 0x000040b8, 0xb710dfe0
    MEM 0x000040bc, 0x0137e856
    MEM 0x000040c0, 0x00000001
    MEM 0x000040c4, 0x00ff7f01
    MEM 0x000040c8, 0x10201240
    MEM 0x000040d0, 0x00010202
    MEM 0x000040d4, 0x80000000
    MEM 0x000040d8, 0x01022104
    MEM 0x000040dc, 0x00000004
    MEM 0x000040e0, 0x80010203
    MEM 0x000040e4, 0xffffffff
    MEM 0x000040e8, 0x1336777c
    MEM 0x000040ec, 0xfffffff4
    MEM 0x000040f0, 0x80010202
    MEM 0x000040f4, 0xff0080fe
    MEM 0x000040f8, 0x0316653c
    MEM 0x000040fc, 0xfffffff4
    PAIR i, j, paddd, psubd, pcmpeqd, pcmpgtd, paddq, psubq, pmuludq, pand, pandn, por, pxor
DONE
CASE "packs and unpacks"
    MEM 0x00004050, 0x7fff8001
    MEM 0x00004054, 0xfff07f7f
    MEM 0x00004058, 0x807f017f
    MEM 0x0000405c, 0x00047f7f
    MEM 0x00004060, 0x7fff8000
    MEM 0x00004064, 0xfff07fff
    MEM 0x00004068, 0x80007fff
    MEM 0x0000406c, 0x00047fff
    MEM 0x00004070, 0xff000001
    MEM 0x00004074, 0x0000ffff
    MEM 0x00004078, 0x00ff01ff
    MEM 0x0000407c, 0x0004ffff
    MEM 0x00004080, 0x02000301
    MEM 0x00004084, 0x00800100
    MEM 0x00004088, 0x7fff01ff
    MEM 0x0000408c, 0x807fffff
    MEM 0x00004090, 0x02030001
    MEM 0x00004094, 0x00018000
    MEM 0x00004098, 0x7f01ffff
    MEM 0x0000409c, 0x80ff7fff
    MEM 0x000040a0, 0x80000001
    MEM 0x000040a4, 0x00010203
    MEM 0x000040a8, 0x7fffffff
    MEM 0x000040ac, 0x80ff7f01
    MEM 0x000040b0, 0x80000001
    MEM 0x000040b4, 0x7fffffff
    MEM 0x000040b8, 0x00010203
    MEM 0x000040bc, 0x80ff7f01
    MEM 0x000040c0, 0x33564478
    MEM 0x000040c4, 0x11122234
    MEM 0x000040c8, 0x00ff04f0
    MEM 0x000040cc, 0x00ff00ff
    MEM 0x000040d0, 0x33445678
    MEM 0x000040d4, 0x11221234
    MEM 0x000040d8, 0x0004fff0
    MEM 0x000040dc, 0x0000ffff
    MEM 0x000040e0, 0x12345678
    MEM 0x000040e4, 0x11223344
    MEM 0x000040e8, 0xfffffff0
    MEM 0x000040ec, 0x00000004
    MEM 0x000040f0, 0x12345678
    MEM 0x000040f4, 0xfffffff0
    MEM 0x000040f8, 0x11223344
    MEM 0x000040fc, 0x00000004
    PAIR i, j, packsswb, packssdw, packuswb, punpcklbw, punpcklwd, punpckldq, punpcklqdq, punpckhbw, punpckhwd, punpckhdq, punpckhqdq
DONE
CASE "shifts by a register"
    MEM 0x00004050, 0x00000008
    MEM 0x00004054, 0xfff8fff8
    MEM 0x00004058, 0x91a0b3c0
    MEM 0x0000405c, 0xfff8ff80
    MEM 0x00004060, 0x00000008
    MEM 0x00004064, 0xfffffff8
    MEM 0x00004068, 0x91a2b3c0
    MEM 0x0000406c, 0xffffff80
    MEM 0x00004070, 0x00000008
    MEM 0x00004074, 0xfffffffc
    MEM 0x00004078, 0x91a2b3c0
    MEM 0x0000407c, 0xffffff80
    MEM 0x00004080, 0x10000000
    MEM 0x00004084, 0x0fff1fff
    MEM 0x00004088, 0x02460acf
    MEM 0x0000408c, 0x1fff1ffe
    MEM 0x00004090, 0x10000000
    MEM 0x00004094, 0x0fffffff
    MEM 0x00004098, 0x02468acf
    MEM 0x0000409c, 0x1ffffffe
    MEM 0x000040a0, 0xf0000000
    MEM 0x000040a4, 0x0fffffff
    MEM 0x000040a8, 0x02468acf
    MEM 0x000040ac, 0x1ffffffe
    MEM 0x000040b0, 0xf0000000
    MEM 0x000040b4, 0x0fffffff
    MEM 0x000040b8, 0x02460acf
    MEM 0x000040bc, 0xfffffffe
    MEM 0x000040c0, 0xf0000000
    MEM 0x000040c4, 0x0fffffff
    MEM 0x000040c8, 0x02468acf
    MEM 0x000040cc, 0xfffffffe
    PAIR i, count, psllw, pslld, psllq, psrlw, psrld, psrlq, psraw, psrad
DONE
CASE "shifts by an immediate"
    MEM 0x00004054, 0x00000100
    MEM 0x00004058, 0xffffff80
    MEM 0x0000405c, 0x3456787f
    MEM 0x00004060, 0x00010000
    MEM 0x00004064, 0xffff8000
    MEM 0x00004068, 0x56787fff
    MEM 0x0000406c, 0x00000034
    movdqa xmm1, [i]
    pslldq xmm1, 5
    movdqa [out], xmm1
    psrldq xmm1, 3
    movdqa [out+16], xmm1
    psrldq xmm1, 16
    movdqa [out+32], xmm1
    movdqa xmm2, [j]
    psrad xmm2, 31
    psllq xmm2, 40
    movdqa [out+48], xmm2
DONE
CASE "shuffles"
    MEM 0x00004050, 0xfffffff0
    MEM 0x00004054, 0x12345678
    MEM 0x00004058, 0x7fffffff
    MEM 0x0000405c, 0x80000001
    MEM 0x00004060, 0xffff7fff
    MEM 0x00004064, 0x00018000
    MEM 0x00004068, 0x12345678
    MEM 0x0000406c, 0xfffffff0
    MEM 0x00004070, 0x00010203
    MEM 0x00004074, 0x80ff7f01
    MEM 0x00004078, 0x33440000
    MEM 0x0000407c, 0x00041122
    MEM 0x00004080, 0x7fffffff
    MEM 0x00004084, 0x80000001
    MEM 0x00004088, 0xffff7fff
    MEM 0x0000408c, 0x00018000
    movdqa xmm0, [i]
    pshufd xmm1, xmm0, 0x1b
    pshuflw xmm2, xmm0, 0x1b
    pshufhw xmm3, [j], 0x93
    movdqa [out], xmm1
    movdqa [out+16], xmm2
    movdqa [out+32], xmm3
    shufpd xmm1, xmm2, 1
    movapd [out+48], xmm1
DONE
CASE "moves"
    IN ecx, 0x89abcdef
    OUT eax, 0x89abcdef
    OUT edx, 0x00000078
    OUT ebx, 0x00000000
    OUT esi, 0x00007fff
    MEM 0x00004050, 0x89abcdef
    MEM 0x00004058, 0x80000001
    MEM 0x0000405c, 0x7fffffff
    MEM 0x00004060, 0x00000100
    MEM 0x00004064, 0xffffff80
    MEM 0x00004068, 0x0000007f
    MEM 0x00004080, 0x80000001
    MEM 0x00004084, 0x7fffffff
    MEM 0x00004090, 0x80000001
    MEM 0x00004094, 0x7fffffff
    MEM 0x00004098, 0xd1d10000
    movd xmm0, ecx
    movd [out], xmm0
    movd eax, xmm0
    movq xmm1, [i]
    movq [out+8], xmm1
    movq xmm2, xmm1
    movdqu [out+17], xmm2
    movdq2q mm0, xmm1
    movq2dq xmm3, mm0
    movdqa [out+48], xmm3
    movmskpd ebx, xmm1
    pmovmskb edx, xmm1
    pextrw esi, xmm1, 3
    pinsrw xmm1, edi, 5
    movdqa [out+64], xmm1
DONE
CASE "conversions between integers and doubles"
    IN ecx, -100
    OUT eax, 0x00000002
    OUT edx, 0x80000000
    OUT ebx, 0x00000001
    MEM 0x00004054, 0xc0590000
    MEM 0x00004060, 0xffc00000
    MEM 0x00004064, 0xc1dfffff
    MEM 0x00004068, 0xffc00000
    MEM 0x0000406c, 0x41dfffff
    MEM 0x00004070, 0x00000002
    MEM 0x00004074, 0x80000000
    MEM 0x00004080, 0x00000001
    MEM 0x00004084, 0x80000000
    MEM 0x00004094, 0x40000000
    MEM 0x0000409c, 0xc1e00000
    cvtsi2sd xmm0, ecx
    movsd [out], xmm0
    cvtsd2si eax, [a]
    cvttsd2si ebx, [a]
    cvttsd2si edx, [a+8]
    cvtdq2pd xmm1, [i]
    movapd [out+16], xmm1
    cvtpd2dq xmm2, [a]
    movdqa [out+32], xmm2
    cvttpd2dq xmm3, [a]
    movdqa [out+48], xmm3
    cvtpd2pi mm0, [a]
    cvttpd2pi mm1, [a]
    cvtpi2pd xmm4, mm0
    movapd [out+64], xmm4
DONE
CASE "conversions between singles, doubles and integers"
    MEM 0x00004050, 0x3fc00000
    MEM 0x00004064, 0x3ff80000
    MEM 0x00004070, 0x3fc00000
    MEM 0x00004074, 0xff800000
    MEM 0x00004084, 0x3ff80000
    MEM 0x0000408c, 0xfff00000
    MEM 0x00004090, 0xcf000000
    MEM 0x00004094, 0x4f000000
    MEM 0x00004098, 0x4d91a2b4
    MEM 0x0000409c, 0xc1800000
    MEM 0x000040a0, 0x80000000
    MEM 0x000040a4, 0x80000000
    MEM 0x000040a8, 0x12345680
    MEM 0x000040ac, 0xfffffff0
    MEM 0x000040c0, 0x00001fa9
    cvtsd2ss xmm0, [a]
    cvtss2sd xmm1, xmm0
    cvtpd2ps xmm2, [a]
    cvtps2pd xmm3, xmm2
    cvtdq2ps xmm4, [i]
    cvtps2dq xmm5, xmm4
    cvttps2dq xmm6, [j]
    movups [out], xmm0
    movups [out+16], xmm1
    movups [out+32], xmm2
    movups [out+48], xmm3
    movups [out+64], xmm4
    movups [out+80], xmm5
    movups [out+96], xmm6
    stmxcsr [out+112]
DONE
CASE "comparisons"
    OUT eax, 0x0a0a0a01
    OUT flags, ZF
    MEM 0x00004050, 0xffffffff
    MEM 0x00004054, 0xffffffff
    MEM 0x00004058, 0xffffffff
    MEM 0x0000405c, 0xffffffff
    MEM 0x00004060, 0xffffffff
    MEM 0x00004064, 0xffffffff
    movapd xmm0, [a]
    cmpltpd xmm0, [b]
    movapd [out], xmm0
    movsd xmm1, [a]
    cmpneqsd xmm1, [b]
    movapd [out+16], xmm1
    movsd xmm2, [a]
    comisd xmm2, [b]
    setc al
    ucomisd xmm2, xmm2
DONE
CASE "non-temporal stores and fences"
    IN eax, 0x13572468
    MEM 0x00004050, 0x13572468
    MEM 0x00004060, 0x80000001
    MEM 0x00004064, 0x7fffffff
    MEM 0x00004068, 0x12345678
    MEM 0x0000406c, 0xfffffff0
    MEM 0x00004070, 0x80000001
    MEM 0x00004074, 0x7fffffff
    MEM 0x00004078, 0x12345678
    MEM 0x0000407c, 0xfffffff0
    movnti [out], eax
    movdqa xmm0, [i]
    movntdq [out+16], xmm0
    movntpd [out+32], xmm0
    lfence
    mfence
DONE
CASE "maskmovdqu"
    OUT edi, 0x00004053
    MEM 0x00004058, 0x007fff00
    movdqa xmm0, [i]
    movdqa xmm1, [j]
    mov edi, out+3
    maskmovdqu xmm0, xmm1
DONE
CASE "maskmovdqu faults where the mask is set"
    OUT edi, 0x00005ffc
    pcmpeqd xmm1, xmm1
    mov edi, HOLE-4
    FAULT 14, 6, maskmov_pf, HOLE
maskmov_pf:
    maskmovdqu xmm0, xmm1
DONE
CASE "movdqa needs alignment"
    FAULT 13, 0, movdqa_gp
movdqa_gp:
    movdqa xmm0, [i+8]
DONE
CASE "movsd between registers keeps the upper lane"
    MEM 0x00004054, 0x40080000
    MEM 0x00004058, 0xaa009303
    MEM 0x0000405c, 0xfe4ddd4b
    movapd xmm0, [a]
    movapd xmm1, [b]
    movsd xmm0, xmm1
    movapd [out], xmm0
DONE
CASE "pause is a no-op"
    pause
DONE
