; The decimal and ASCII adjustments.
%include "case.inc"

CASE "daa carries from both nibbles"
    IN eax, 0x9a
    UNDEF OF
    OUT eax, 0x00000000
    OUT flags, CF|PF|AF|ZF
    daa
DONE
CASE "daa with AF and CF"
    IN eax, 0x12
    IN flags, CF|AF
    UNDEF OF
    OUT eax, 0x00000078
    OUT flags, CF|PF|AF
    daa
DONE
CASE "das"
    IN eax, 0xee
    UNDEF OF
    OUT eax, 0x00000088
    OUT flags, CF|PF|AF|SF
    das
DONE
CASE "das with borrow from below 6"
    IN eax, 0x03
    IN flags, AF
    UNDEF OF
    OUT eax, 0x000000fd
    OUT flags, CF|AF|SF
    das
DONE
CASE "aaa adjusts"
    IN eax, 0x050b
    UNDEF OF|SF|ZF|PF
    OUT eax, 0x00000601
    OUT flags, CF|AF
    aaa
DONE
CASE "aaa carries out of al into ah once"
    IN eax, 0x00ff
    UNDEF OF|SF|ZF|PF
    OUT eax, 0x00000205
    OUT flags, CF|AF
    aaa
DONE
CASE "aas adjusts"
    IN eax, 0x02ff
    UNDEF OF|SF|ZF|PF
    OUT eax, 0x00000109
    OUT flags, CF|AF
    aas
DONE
CASE "aas with nothing to do clears the top of al"
    IN eax, 0x1205
    UNDEF OF|SF|ZF|PF
    aas
DONE
CASE "aam"
    IN eax, 0x123f
    UNDEF OF|AF|CF
    OUT eax, 0x00000603
    OUT flags, PF
    aam
DONE
CASE "aam by another base"
    IN eax, 0xff
    UNDEF OF|AF|CF
    OUT eax, 0x00000f0f
    OUT flags, PF
    aam 16
DONE
CASE "aam 0"
    FAULT 0, 0, aam_0
aam_0:
    aam 0
DONE
CASE "aad"
    IN eax, 0xaaaa0905
    UNDEF OF|AF|CF
    OUT eax, 0xaaaa005f
    OUT flags, PF
    aad
DONE
CASE "aad by another base"
    IN eax, 0x1234
    UNDEF OF|AF|CF
    OUT eax, 0x00000034
    aad 0x80
DONE
