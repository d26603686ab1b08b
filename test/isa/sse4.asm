; SSE3, SSSE3, SSE4.1, SSE4.2 and POPCNT. Arithmetic is the random blocks' business; here are forms and operands.
%include "case.inc"
        cpu default             ; POPCNT and AESENC are beyond "x64"

section .data
align 16
a: dq 0x8070605040302010, 0x7fff8000ff01fe02
b: dq 0x0f0180027f038004, 0x0001ffff00020003
f: dd 1.5, -2.5, 1.0e10, -0.75
d: dq 1.5, -2.5e10
text: db "a needle in hay", 0
set: db "ed", 0
times 13 db 0
align 16
out: times 512 db 0
section .text

CASE "horizontal and alternating arithmetic"
    MEM 0x00004060, 0xbf800000
    MEM 0x00004064, 0x501502f9
    MEM 0x00004068, 0xbf800000
    MEM 0x0000406c, 0x501502f9
    MEM 0x00004074, 0xc0a00000
    MEM 0x0000407c, 0xbfc00000
    MEM 0x00004080, 0xe8060000
    MEM 0x00004084, 0x42174876
    MEM 0x00004088, 0xe8060000
    MEM 0x0000408c, 0x42174876
    movaps xmm0, [f]
    haddps xmm0, [f]
    movaps [out], xmm0
    movaps xmm1, [f]
    addsubps xmm1, [f]
    movaps [out+16], xmm1
    movapd xmm2, [d]
    hsubpd xmm2, [d]
    movapd [out+32], xmm2
DONE
CASE "lddqu reads from anywhere, movddup eight bytes"
    MEM 0x00004060, 0x70605040
    MEM 0x00004064, 0x01fe0280
    MEM 0x00004068, 0xff8000ff
    MEM 0x0000406c, 0x0380047f
    MEM 0x00004070, 0x02807060
    MEM 0x00004074, 0x00ff01fe
    MEM 0x00004078, 0x02807060
    MEM 0x0000407c, 0x00ff01fe
    MEM 0x00004080, 0x80706050
    MEM 0x00004084, 0x80706050
    MEM 0x00004088, 0x7fff8000
    MEM 0x0000408c, 0x7fff8000
    lddqu xmm0, [a+3]
    movdqa [out], xmm0
    movddup xmm1, [a+5]
    movdqa [out+16], xmm1
    movshdup xmm2, [a]
    movdqa [out+32], xmm2
DONE
CASE "an operand of pshufb must be aligned"
    FAULT 13, 0, unaligned_shuffle
unaligned_shuffle:
    pshufb xmm0, [a+4]
DONE
CASE "pshufb, palignr and pabsw, with MMX registers too"
    MEM 0x00004060, 0x7f400050
    MEM 0x00004064, 0x7f200030
    MEM 0x00004068, 0x10301040
    MEM 0x0000406c, 0x10200000
    MEM 0x00004070, 0x030f0180
    MEM 0x00004074, 0xff000200
    MEM 0x00004078, 0x100001ff
    MEM 0x0000407c, 0x50403020
    MEM 0x00004080, 0x0180027f
    MEM 0x00004084, 0x3020100f
    MEM 0x00004088, 0x0f017ffe
    MEM 0x0000408c, 0x00020003
    movdqa xmm0, [a]
    pshufb xmm0, [b]
    movdqa [out], xmm0
    movdqa xmm1, [a]
    palignr xmm1, [b], 5
    movdqa [out+16], xmm1
    movq mm0, [a]
    palignr mm0, [b], 3
    pabsw mm1, [b+4]
    movq [out+32], mm0
    movq [out+40], mm1
    emms
DONE
CASE "pextr and pinsr of each size, with esp and memory"
    OUT eax, 0x00000060
    OUT ecx, 0x7fff8000
    OUT edx, 0x00000000
    OUT ebx, 0xff01fe02
    OUT esi, 0x40302010
    MEM 0x00004060, 0x000000fe
    MEM 0x00004064, 0x80706050
    MEM 0x00004068, 0x00007fff
    MEM 0x00004070, 0x40306010
    MEM 0x00004074, 0x7f038004
    MEM 0x00004078, 0x3fc00000
    MEM 0x0000407c, 0x80302010
    movdqa xmm0, [a]
    pextrb eax, xmm0, 5
    pextrb [out], xmm0, 9
    pextrd ebx, xmm0, 2
    pextrd [out+4], xmm0, 1
    pextrw [out+8], xmm0, 7
    extractps ecx, xmm0, 3
    mov edx, esp
    pextrd esp, xmm0, 0
    mov esi, esp
    pinsrd xmm0, esp, 3
    mov esp, edx
    pinsrb xmm0, [b+1], 15
    pinsrb xmm0, eax, 1
    pinsrd xmm0, [b], 1
    insertps xmm0, [f], 0x20
    movdqa [out+16], xmm0
    mov edx, 0
DONE
CASE "blends take their mask from xmm0"
    MEM 0x00004060, 0x7f038004
    MEM 0x00004064, 0xc0018002
    MEM 0x00004068, 0x50020203
    MEM 0x0000406c, 0x004000ff
    MEM 0x00004070, 0x7f038004
    MEM 0x00004074, 0xc0200000
    MEM 0x00004078, 0x501502f9
    MEM 0x0000407c, 0x0001ffff
    MEM 0x00004080, 0x40308004
    MEM 0x00004084, 0x80700000
    MEM 0x00004088, 0x5015fe02
    MEM 0x0000408c, 0x00018000
    movdqa xmm0, [a]
    movdqa xmm1, [b]
    pblendvb xmm1, [f]
    movdqa [out], xmm1
    movdqa xmm2, [b]
    blendvps xmm2, [f]
    movdqa [out+16], xmm2
    pblendw xmm2, [a], 0x5a
    movdqa [out+32], xmm2
DONE
CASE "pmovsx and pmovzx read what they need"
    MEM 0x00004060, 0x00000070
    MEM 0x00004068, 0xffffff80
    MEM 0x0000406c, 0xffffffff
    MEM 0x00004070, 0x00005040
    MEM 0x00004074, 0x00007060
    MEM 0x00004078, 0x00000280
    MEM 0x0000407c, 0x000001fe
    MEM 0x00004080, 0x50403020
    MEM 0x00004088, 0x02807060
    pmovsxbq xmm0, [a+6]
    movdqa [out], xmm0
    pmovzxwd xmm1, [a+3]
    movdqa [out+16], xmm1
    pmovsxdq xmm2, [a+1]
    movdqa [out+32], xmm2
DONE
CASE "ptest sets the flags"
    OUT eax, 0x00000000
    OUT ebx, 0x00000001
    MEM 0x000097fc, 0x00000203
    movdqa xmm0, [a]
    stc
    ptest xmm0, [b]
    pushf
    pop eax
    and eax, 0x8d5
    ptest xmm0, xmm0
    pushf
    pop ebx
    and ebx, 0x8d5
DONE
CASE "pcmpistri finds, from anywhere"
    OUT eax, 0x000000c1
    OUT ecx, 0x00000001
    OUT flags, CF|ZF|SF
    MEM 0x00004060, 0xff000000
    MEM 0x00004064, 0xff00ffff
    MEM 0x000097fc, 0x000002c3
    movdqa xmm1, [set]
    pcmpistri xmm1, [text+2], 0
    pushf
    pop eax
    and eax, 0x8d5
    pcmpistrm xmm1, [text], 0x40
    movdqa [out], xmm0
DONE
CASE "pcmpestri takes its lengths from eax and edx"
    OUT eax, 0x00000001
    OUT ecx, 0x00000004
    OUT edx, 0x00000009
    OUT ebx, 0x000000c1
    OUT esi, 0x00000004
    OUT flags, CF|ZF|SF
    MEM 0x00004060, 0x0000004c
    MEM 0x000097fc, 0x000002c3
    movdqa xmm1, [set]
    mov eax, 2
    mov edx, 9
    pcmpestri xmm1, [text], 0x0c
    pushf
    pop ebx
    and ebx, 0x8d5
    mov esi, ecx
    mov eax, 1
    pcmpestrm xmm1, [text+1], 0x00
    movdqa [out], xmm0
DONE
CASE "rounding by the immediate"
    MEM 0x00004060, 0x3f800000
    MEM 0x00004064, 0xc0400000
    MEM 0x00004068, 0x501502f9
    MEM 0x0000406c, 0xbf800000
    MEM 0x00004074, 0x3ff00000
    MEM 0x00004080, 0x60ad78ec
    roundps xmm0, [f], 1
    movdqa [out], xmm0
    roundsd xmm1, [d], 3
    movdqa [out+16], xmm1
    dpps xmm0, [f], 0xf1
    movdqa [out+32], xmm0
DONE
CASE "crc32 of a byte, a word and a doubleword"
    OUT eax, 0x00000000
    OUT ecx, 0x89abcdef
    OUT edx, 0xb54a8725
    OUT ebx, 0x87f65283
    OUT esi, 0xa360621e
    OUT edi, 0xdaefd2c0
    OUT flags, CF
    mov eax, 0x12345678
    mov ecx, 0x89abcdef
    mov ebx, eax
    crc32 ebx, ch
    mov edx, eax
    crc32 edx, cx
    mov esi, eax
    crc32 esi, ecx
    mov edi, eax
    crc32 edi, byte [a+5]
    crc32 edi, dword [b+1]
    stc
    crc32 eax, eax
DONE
CASE "crc32 into and from esp"
    OUT eax, 0x00000000
    OUT edx, 0x00000000
    mov edx, esp
    mov esp, 0x1000
    crc32 esp, esp
    mov eax, esp
    mov esp, edx
    mov edx, 0
DONE
CASE "popcnt of a word and a doubleword"
    OUT eax, 0x00000014
    OUT ecx, 0x89abcdef
    OUT edx, 0x00000000
    OUT ebx, 0xffff0003
    OUT esi, 0x00000040
    MEM 0x000097fc, 0x00000242
    mov ecx, 0x89abcdef
    popcnt eax, ecx
    mov ebx, 0xffffffff
    popcnt bx, [a+3]
    xor edx, edx
    stc
    popcnt edx, edx
    pushf
    pop esi
    and esi, 0x8d5
DONE
CASE "what came after SSE4.2 is undefined"
    NONATIVE "the host has it"
    FAULT 6, 0, aes
aes:
    aesenc xmm0, xmm1
DONE
