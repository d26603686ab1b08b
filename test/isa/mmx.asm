; MMX and the integer instructions that SSE added to it.
%include "case.inc"

section .data
align 16
a: dq 0x0123456789abcdef
b: dq 0x80ff7f0010203040
c: dq 5
out: times 64 db 0
section .text

%macro PAIR 1-*         ; each instruction on a and b, results to memory one after the other
    %assign %%at 0
    %rep %0
        movq mm0, [a]
        movq mm1, [b]
        %1 mm0, mm1
        movq [out+%%at], mm0
        %assign %%at %%at+8
        %rotate 1
    %endrep
%endmacro

CASE "adds and subtractions"
    MEM 0x00004018, 0x99cbfd2f
    MEM 0x0000401c, 0x8122c467
    MEM 0x00004020, 0x99cbfe2f
    MEM 0x00004024, 0x8222c467
    MEM 0x00004028, 0x99cbfe2f
    MEM 0x0000402c, 0x8222c467
    MEM 0x00004030, 0x99cbfd2f
    MEM 0x00004034, 0x81227f67
    MEM 0x00004038, 0x99cbfe2f
    MEM 0x0000403c, 0x82227fff
    MEM 0x00004040, 0x99cbfdff
    MEM 0x00004044, 0x81ffc467
    MEM 0x00004048, 0x99cbfe2f
    MEM 0x0000404c, 0x8222c467
    MEM 0x00004050, 0x99cbfe2f
    MEM 0x00004054, 0x8222c467
    PAIR paddb, paddw, paddd, paddsb, paddsw, paddusb, paddusw, paddq
    emms
DONE
CASE "subtractions"
    MEM 0x00004018, 0x798b9daf
    MEM 0x0000401c, 0x8124c667
    MEM 0x00004020, 0x798b9daf
    MEM 0x00004024, 0x8024c667
    MEM 0x00004028, 0x798b9daf
    MEM 0x0000402c, 0x8023c667
    MEM 0x00004030, 0x808b9daf
    MEM 0x00004034, 0x7f24c667
    MEM 0x00004038, 0x80009daf
    MEM 0x0000403c, 0x7fffc667
    MEM 0x00004040, 0x798b9daf
    MEM 0x00004044, 0x00000067
    MEM 0x00004048, 0x798b9daf
    MEM 0x00004050, 0x798b9daf
    MEM 0x00004054, 0x8023c667
    PAIR psubb, psubw, psubd, psubsb, psubsw, psubusb, psubusw, psubq
DONE
CASE "multiplications"
    MEM 0x00004018, 0xe5604bc0
    MEM 0x0000401c, 0xa1dd1900
    MEM 0x00004020, 0xf88bf690
    MEM 0x00004024, 0xff6f226e
    MEM 0x00004028, 0x08ab26d0
    MEM 0x0000402c, 0x0092226e
    MEM 0x00004030, 0xef1c3120
    MEM 0x00004034, 0x21ddbadd
    MEM 0x00004038, 0x4f704bc0
    MEM 0x0000403c, 0x08ac0c4b
    MEM 0x00004040, 0x0000044c
    MEM 0x00004048, 0x4d667f98
    MEM 0x0000404c, 0x41916234
    MEM 0x00004050, 0x4ce67f18
    MEM 0x00004054, 0x41116234
    PAIR pmullw, pmulhw, pmulhuw, pmaddwd, pmuludq, psadbw, pavgb, pavgw
DONE
CASE "comparisons, minimum, maximum"
    MEM 0x00004034, 0xffff00ff
    MEM 0x0000403c, 0xffff0000
    MEM 0x00004044, 0xffffffff
    MEM 0x00004048, 0x10203040
    MEM 0x0000404c, 0x01234500
    MEM 0x00004050, 0x89abcdef
    MEM 0x00004054, 0x80ff7f67
    PAIR pcmpeqb, pcmpeqw, pcmpeqd, pcmpgtb, pcmpgtw, pcmpgtd, pminub, pmaxub
DONE
CASE "logic and minimum of words"
    MEM 0x00004018, 0x00200040
    MEM 0x0000401c, 0x00234500
    MEM 0x00004020, 0x10003000
    MEM 0x00004024, 0x80dc3a00
    MEM 0x00004028, 0x99abfdef
    MEM 0x0000402c, 0x81ff7f67
    MEM 0x00004030, 0x998bfdaf
    MEM 0x00004034, 0x81dc3a67
    MEM 0x00004038, 0x89abcdef
    MEM 0x0000403c, 0x80ff4567
    MEM 0x00004040, 0x10203040
    MEM 0x00004044, 0x01237f00
    PAIR pand, pandn, por, pxor, pminsw, pmaxsw
DONE
CASE "packs and unpacks"
    MEM 0x00004018, 0x7f7f8080
    MEM 0x0000401c, 0x807f7f7f
    MEM 0x00004020, 0xffff0000
    MEM 0x00004024, 0x00ffffff
    MEM 0x00004028, 0x7fff8000
    MEM 0x0000402c, 0x80007fff
    MEM 0x00004030, 0x30cd40ef
    MEM 0x00004034, 0x108920ab
    MEM 0x00004038, 0x3040cdef
    MEM 0x0000403c, 0x102089ab
    MEM 0x00004040, 0x89abcdef
    MEM 0x00004044, 0x10203040
    MEM 0x00004048, 0x7f450067
    MEM 0x0000404c, 0x8001ff23
    MEM 0x00004050, 0x01234567
    MEM 0x00004054, 0x80ff7f00
    PAIR packsswb, packuswb, packssdw, punpcklbw, punpcklwd, punpckldq, punpckhbw, punpckhdq
DONE
CASE "shifts by a register"
    MEM 0x00004018, 0x04000800
    MEM 0x0000401c, 0x1fe0e000
    MEM 0x00004020, 0x00810182
    MEM 0x00004024, 0xfc07fbf8
    MEM 0x00004028, 0x00810182
    MEM 0x0000402c, 0x0407fbf8
    movq mm7, [c]
    movq mm0, [b]
    psllw mm0, mm7
    movq [out], mm0
    movq mm0, [b]
    psrad mm0, [c]
    movq [out+8], mm0
    movq mm0, [b]
    psrlq mm0, mm7
    movq [out+16], mm0
DONE
CASE "shifts by an immediate, at and above the width"
    MEM 0x0000401c, 0x00010000
    MEM 0x00004024, 0xffff0000
    movq mm0, [b]
    psrlw mm0, 15
    movq [out], mm0
    movq mm0, [b]
    psraw mm0, 200
    movq [out+8], mm0
    movq mm0, [b]
    pslld mm0, 32
    movq [out+16], mm0
    movq mm0, [b]
    psllq mm0, 63
    movq [out+24], mm0
DONE
CASE "movd both ways"
    IN ecx, 0x12345678
    OUT eax, 0x12345678
    MEM 0x00004018, 0x89abcdef
    movd mm2, ecx
    movd eax, mm2
    movd mm3, [a]
    movd [out], mm3
DONE
CASE "pshufw, pinsrw, pextrw, pmovmskb"
    OUT eax, 0x000089ab
    OUT ecx, 0x0000000f
    MEM 0x00004018, 0x45670123
    MEM 0x0000401c, 0xcdef89ab
    MEM 0x00004020, 0x45670123
    MEM 0x00004024, 0x30409800
    movq mm0, [a]
    pshufw mm1, mm0, 0x1b
    movq [out], mm1
    pinsrw mm1, esp, 2
    pinsrw mm1, [b], 3
    movq [out+8], mm1
    pextrw eax, mm0, 1
    pmovmskb ecx, mm0
DONE
CASE "maskmovq writes the chosen bytes"
    OUT edi, 0x00004018
    MEM 0x0000401c, 0x01230000
    movq mm0, [a]
    movq mm1, [b]
    mov edi, out
    maskmovq mm0, mm1
DONE
CASE "movntq"
    MEM 0x00004018, 0x89abcdef
    MEM 0x0000401c, 0x01234567
    movq mm5, [a]
    movntq [out], mm5
DONE
CASE "an mmx instruction marks all registers in use"
    OUT eax, 0x0a0a0200
    OUT ebx, 0x0a0a0000
    fldpi
    movd mm0, eax
    fnstsw ax
    mov ebx, eax
    fxam
    fnstsw ax
    emms
DONE
CASE "a page fault of an mmx load"
    FAULT 14, 4, mmx_pf, HOLE
mmx_pf:
    paddb mm0, [HOLE-4]
DONE
