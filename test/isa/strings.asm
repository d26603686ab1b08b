; MOVS, STOS, LODS, SCAS, CMPS with and without REP, both directions, all sizes, overlaps, faults between elements.
%include "case.inc"

section .data
src: db "The quick brown fox jumps over!!"
     times 0x60 db 0
dst: times 32 db 0xcc
     times 32 db 0
section .text

CASE "movsb, movsw, movsd step by their size"
    IN esi, src
    IN edi, dst
    OUT esi, 0x00004007
    OUT edi, 0x00004087
    MEM 0x00004080, 0x20656854
    MEM 0x00004084, 0xcc697571
    movsb
    movsw
    movsd
DONE
CASE "movs backwards"
    IN esi, src+8
    IN edi, dst+8
    IN flags, DF
    OUT esi, 0x00004001
    OUT edi, 0x00004081
    MEM 0x00004084, 0x636975cc
    MEM 0x00004088, 0xcccccc6b
    movsb
    movsw
    movsd
DONE
CASE "rep movsb"
    IN esi, src
    IN edi, dst
    IN ecx, 13
    OUT ecx, 0x00000000
    OUT esi, 0x0000400d
    OUT edi, 0x0000408d
    MEM 0x00004080, 0x20656854
    MEM 0x00004084, 0x63697571
    MEM 0x00004088, 0x7262206b
    MEM 0x0000408c, 0xcccccc6f
    rep movsb
DONE
CASE "rep movsd"
    IN esi, src
    IN edi, dst
    IN ecx, 5
    OUT ecx, 0x00000000
    OUT esi, 0x00004014
    OUT edi, 0x00004094
    MEM 0x00004080, 0x20656854
    MEM 0x00004084, 0x63697571
    MEM 0x00004088, 0x7262206b
    MEM 0x0000408c, 0x206e776f
    MEM 0x00004090, 0x20786f66
    rep movsd
DONE
CASE "rep movsw backwards"
    IN esi, src+14
    IN edi, dst+14
    IN ecx, 4
    IN flags, DF
    OUT ecx, 0x00000000
    OUT esi, 0x00004006
    OUT edi, 0x00004086
    MEM 0x00004088, 0x7262206b
    MEM 0x0000408c, 0x206e776f
    rep movsw
DONE
CASE "rep movsb with an overlap of one spreads a byte"
    IN esi, src
    IN edi, src+1
    IN ecx, 10
    OUT ecx, 0x00000000
    OUT esi, 0x0000400a
    OUT edi, 0x0000400b
    MEM 0x00004000, 0x54545454
    MEM 0x00004004, 0x54545454
    MEM 0x00004008, 0x72545454
    rep movsb
DONE
CASE "rep movsd with an overlap of two bytes"
    IN esi, src
    IN edi, src+2
    IN ecx, 4
    OUT ecx, 0x00000000
    OUT esi, 0x00004010
    OUT edi, 0x00004012
    MEM 0x00004000, 0x68546854
    MEM 0x00004004, 0x20652065
    MEM 0x00004008, 0x63696369
    MEM 0x0000400c, 0x72627262
    MEM 0x00004010, 0x2078206e
    rep movsd
DONE
CASE "rep movsb with ecx zero touches nothing"
    IN esi, HOLE
    IN edi, HOLE
    IN ecx, 0
    rep movsb
DONE
CASE "repne movsb is rep movsb"
    IN esi, src
    IN edi, dst
    IN ecx, 3
    OUT ecx, 0x00000000
    OUT esi, 0x00004003
    OUT edi, 0x00004083
    MEM 0x00004080, 0xcc656854
    db 0xf2, 0xa4
DONE
CASE "movsb with a segment override of the source"
    IN esi, src
    IN edi, dst
    OUT esi, 0x00004005
    OUT edi, 0x00004085
    MEM 0x00004080, 0x20656854
    MEM 0x00004084, 0xcccccc71
    fs movsb
    cs movsd
DONE
CASE "16-bit addresses step si and di only"
    IN esi, 0xabcd0000 + src
    IN edi, 0x12340000 + dst
    IN ecx, 0x00010003
    OUT ecx, 0x00010000
    OUT esi, 0xabcd4003
    OUT edi, 0x12344083
    MEM 0x00004080, 0xcc656854
    a16 rep movsb
DONE
CASE "16-bit addresses: cx zero with the rest of ecx set"
    IN esi, 0
    IN edi, 0
    IN ecx, 0x00010000
    a16 rep movsb
DONE
CASE "stosb, stosw, stosd"
    IN edi, dst
    IN eax, 0x12345678
    OUT edi, 0x00004087
    MEM 0x00004080, 0x78567878
    MEM 0x00004084, 0xcc123456
    stosb
    stosw
    stosd
DONE
CASE "rep stosd"
    IN edi, dst
    IN eax, 0xa5a5a5a5
    IN ecx, 6
    OUT ecx, 0x00000000
    OUT edi, 0x00004098
    MEM 0x00004080, 0xa5a5a5a5
    MEM 0x00004084, 0xa5a5a5a5
    MEM 0x00004088, 0xa5a5a5a5
    MEM 0x0000408c, 0xa5a5a5a5
    MEM 0x00004090, 0xa5a5a5a5
    MEM 0x00004094, 0xa5a5a5a5
    rep stosd
DONE
CASE "rep stosb backwards over a page edge"
    IN edi, 0x5002
    IN eax, 0x77
    IN ecx, 6
    IN flags, DF
    OUT ecx, 0x00000000
    OUT edi, 0x00004ffc
    MEM 0x00004ffc, 0x77777700
    MEM 0x00005000, 0x00777777
    rep stosb
DONE
CASE "stosd with a segment prefix still writes to es"
    IN edi, dst
    OUT edi, 0x00004084
    MEM 0x00004080, 0x0a0a0a0a
    fs stosd
DONE
CASE "lodsb, lodsw, lodsd"
    IN esi, src
    OUT eax, 0x69757120
    OUT ecx, 0x0a0a6568
    OUT ebx, 0x0a0a0a54
    OUT esi, 0x00004007
    lodsb
    mov ebx, eax
    lodsw
    mov ecx, eax
    lodsd
DONE
CASE "rep lodsd leaves the last"
    IN esi, src
    IN ecx, 3
    OUT eax, 0x7262206b
    OUT ecx, 0x00000000
    OUT esi, 0x0000400c
    rep lodsd
DONE
CASE "lodsb backwards, 16-bit address"
    IN esi, 0xffff0000 + src
    IN flags, DF
    OUT eax, 0x0a0a0a54
    OUT esi, 0xffff3fff
    a16 lodsb
DONE
CASE "scasb compares al with es:edi"
    IN edi, src
    IN eax, 'U'
    OUT edi, 0x00004001
    scasb
DONE
CASE "repne scasb finds"
    IN edi, src
    IN eax, 'q'
    IN ecx, 100
    OUT ecx, 0x0000005f
    OUT edi, 0x00004005
    OUT flags, PF|ZF
    repne scasb
DONE
CASE "repne scasb does not find"
    IN edi, src
    IN eax, 1
    IN ecx, 8
    OUT ecx, 0x00000000
    OUT edi, 0x00004008
    OUT flags, CF|AF|SF
    repne scasb
DONE
CASE "repe scasd stops at the first difference"
    IN edi, dst
    IN eax, 0xcccccccc
    IN ecx, 100
    OUT ecx, 0x0000005b
    OUT edi, 0x000040a4
    OUT flags, PF|SF
    repe scasd
DONE
CASE "repe scasb with ecx zero leaves the flags"
    IN ecx, 0
    IN flags, CF|PF|AF|ZF|SF|OF
    repe scasb
DONE
CASE "scasw backwards"
    IN edi, src+4
    IN eax, 'qu'
    IN flags, DF
    OUT edi, 0x00004002
    OUT flags, PF|ZF|DF
    scasw
DONE
CASE "cmpsb"
    IN esi, src
    IN edi, src+1
    OUT esi, 0x00004001
    OUT edi, 0x00004002
    OUT flags, CF|AF|SF
    cmpsb
DONE
CASE "repe cmpsd of equal memory"
    IN esi, dst
    IN edi, dst+4
    IN ecx, 4
    OUT ecx, 0x00000000
    OUT esi, 0x00004090
    OUT edi, 0x00004094
    OUT flags, PF|ZF
    repe cmpsd
DONE
CASE "repe cmpsb stops at a difference"
    IN esi, src
    IN edi, dst
    IN ecx, 8
    OUT ecx, 0x00000007
    OUT esi, 0x00004001
    OUT edi, 0x00004081
    OUT flags, CF|PF|AF|SF|OF
    repe cmpsb
DONE
CASE "repne cmpsb"
    IN esi, src
    IN edi, src+4
    IN ecx, 20
    OUT ecx, 0x00000004
    OUT esi, 0x00004010
    OUT edi, 0x00004014
    OUT flags, PF|ZF
    repne cmpsb
DONE
CASE "cmpsw backwards with an override"
    IN esi, src+2
    IN edi, src+6
    IN ecx, 2
    IN flags, DF
    OUT ecx, 0x00000000
    OUT esi, 0x00003ffe
    OUT edi, 0x00004002
    OUT flags, CF|SF|DF
    es repne cmpsw
DONE
CASE "rep movsd faults at the destination, state at that element"
    IN esi, src
    IN edi, HOLE-8
    IN ecx, 4
    FAULT 14, 6, movs_dst, HOLE
    OUT ecx, 0x00000002
    OUT esi, 0x00004008
    OUT edi, 0x00006000
    MEM 0x00005ff8, 0x20656854
    MEM 0x00005ffc, 0x63697571
movs_dst:
    rep movsd
DONE
CASE "rep movsd faults at the source"
    IN esi, HOLE-8
    IN edi, dst
    IN ecx, 4
    FAULT 14, 4, movs_src, HOLE
    OUT ecx, 0x00000002
    OUT esi, 0x00006000
    OUT edi, 0x00004088
    MEM 0x00004080, 0x00000000
    MEM 0x00004084, 0x00000000
movs_src:
    rep movsd
DONE
CASE "rep movsd astride: the element is not written in part"
    IN esi, src
    IN edi, HOLE-6
    IN ecx, 4
    FAULT 14, 6, movs_astride, HOLE
    OUT ecx, 0x00000003
    OUT esi, 0x00004004
    OUT edi, 0x00005ffe
    MEM 0x00005ff8, 0x68540000
    MEM 0x00005ffc, 0x00002065
movs_astride:
    rep movsd
DONE
CASE "rep stosb backwards into an unmapped page"
    IN edi, 0x4003
    IN ecx, 10
    IN eax, 0x99
    IN flags, DF
    FAULT 14, 7, stos_ro, RODATA+0x10
    OUT edi, 0x00007010
    mov edi, RODATA+0x10
stos_ro:
    rep stosb
DONE
CASE "repne scasd faults and the flags are those of before"
    IN edi, HOLE-8
    IN ecx, 4
    IN eax, 1
    IN flags, CF|OF|SF|PF
    UNDEF CF|PF|AF|ZF|SF|OF
    FAULT 14, 4, scas_pf, HOLE
    OUT ecx, 0x00000002
    OUT edi, 0x00006000
scas_pf:
    repne scasd
DONE
CASE "repe cmpsd faults at es:edi"
    IN esi, dst
    IN edi, HOLE
    IN ecx, 4
    FAULT 14, 4, cmps_pf, HOLE
cmps_pf:
    repe cmpsd
DONE
CASE "lodsd faults"
    IN esi, HOLE
    FAULT 14, 4, lods_pf, HOLE
lods_pf:
    lodsd
DONE
CASE "a thousand bytes"
    IN esi, src
    IN edi, 0x4800
    IN ecx, 1000
    OUT eax, 0x00000000
    OUT ecx, 0x00000000
    OUT esi, 0x000043e8
    OUT edi, 0x00004be8
    OUT flags, PF|ZF
    rep movsb
    mov ecx, 1000
    mov esi, src
    mov edi, 0x4800
    repe cmpsb
    lea edi, [edi-1000]
    mov ecx, 1000
    xor eax, eax
    rep stosb
DONE
CASE "a copy that reads what it wrote, forwards by four"
    IN esi, src
    IN edi, src+4
    IN ecx, 7
    OUT ecx, 0x00000000
    OUT esi, 0x0000401c
    OUT edi, 0x00004020
    MEM 0x00004004, 0x20656854
    MEM 0x00004008, 0x20656854
    MEM 0x0000400c, 0x20656854
    MEM 0x00004010, 0x20656854
    MEM 0x00004014, 0x20656854
    MEM 0x00004018, 0x20656854
    MEM 0x0000401c, 0x20656854
    rep movsd
DONE
