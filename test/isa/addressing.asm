; Effective addresses: every ModRM and SIB shape, 16-bit addresses, wrap-around, segment prefixes, high bytes.
%include "case.inc"

section .data
    times 64 db 0
base: dd 0x11111111, 0x22222222, 0x33333333, 0x44444444
      dd 0x55555555, 0x66666666, 0x77777777, 0x88888888
section .text

CASE "[reg] for each base"
    IN eax, base
    IN ecx, base+4
    IN edx, base+8
    IN ebx, base+12
    IN esi, base+16
    IN edi, base+20
    OUT eax, 0x11111111
    OUT ecx, 0x22222222
    OUT edx, 0x33333333
    OUT ebx, 0x44444444
    OUT esi, 0x55555555
    OUT edi, 0x66666666
    mov eax, [eax]
    mov ecx, [ecx]
    mov edx, [edx]
    mov ebx, [ebx]
    mov esi, [esi]
    mov edi, [edi]
DONE
CASE "[ebp] and [esp]"
    IN ebp, base
    OUT eax, 0x11111111
    OUT ecx, 0x00000099
    MEM 0x00009800, 0x00000099
    mov eax, [ebp]
    mov dword [esp], 0x99
    mov ecx, [esp]
DONE
CASE "[reg+disp8] and [reg+disp32]"
    IN ebx, base
    OUT eax, 0x22222222
    OUT ecx, 0x00000000
    OUT edx, 0x33333333
    mov eax, [ebx+4]
    mov ecx, [ebx-4]
    mov edx, [dword ebx+8]
DONE
CASE "[disp32] by ModRM and by SIB"
    OUT eax, 0x11111111
    OUT ecx, 0x22222222
    db 0x8b, 0x05
    dd base
    db 0x8b, 0x0c, 0x25
    dd base+4
DONE
CASE "[index*scale+disp32] without a base"
    IN ecx, 2
    OUT eax, 0x33333333
    OUT edx, 0x55555555
    mov eax, [ecx*4+base]
    mov edx, [ecx*8+base]
DONE
CASE "[ebp+index] has a displacement"
    IN ebp, base
    IN ecx, 1
    OUT eax, 0x22222222
    mov eax, [ebp+ecx*4]
DONE
CASE "[esp+index*scale+disp]"
    IN esp, base
    IN ecx, 3
    OUT eax, 0x55555555
    mov eax, [esp+ecx*4+4]
DONE
CASE "SIB index 4 is no index, whatever the scale"
    IN ebx, base
    OUT eax, 0x11111111
    db 0x8b, 0x04, 0xa3 ; mov eax, [ebx] with scale 4 and index none
DONE
CASE "SIB with base esp and no index, with scale"
    IN esp, base
    OUT eax, 0x11111111
    db 0x8b, 0x04, 0xe4
DONE
CASE "base plus index wraps at 4 GiB"
    IN ebx, 0xffffff00
    IN ecx, 0x100 + base
    OUT eax, 0x11111111
    mov eax, [ebx+ecx]
DONE
CASE "index*8 wraps at 4 GiB"
    IN ecx, 0x20000001
    OUT eax, 0x33333333
    mov eax, [ecx*8+base]
DONE
CASE "a displacement of -1 below a base of zero is above 3 GiB"
    IN ebx, 0
    OUT eax, 0x12345678
    MEM 0xfffe0000, 0x12345678
    mov dword [ebx+HIGH], 0x12345678
    mov eax, [ebx+HIGH]
DONE
CASE "high linear addresses"
    IN esi, HIGH+0x10
    IN eax, 0xcafef00d
    OUT edx, 0xaa0dcafe
    OUT flags, PF|SF
    MEM 0xfffe0010, 0xcafef00d
    MEM 0xfffe0014, 0x0000aa0d
    mov [esi], eax
    mov [esi+4], al
    xor byte [esi+5], 0xaa
    mov edx, [esi+2]
DONE
CASE "moffs with a high address"
    IN eax, 0x1234
    MEM 0xfffe0008, 0x00001234
    mov [HIGH+8], eax
DONE
CASE "16-bit: [bx+si], [bx+di], [bp+si], [bp+di]"
    IN ebx, 0xffff0000 + base
    IN ebp, 0x12340000 + base
    IN esi, 0x55550004
    IN edi, 0x66660008
    OUT eax, 0x22222222
    OUT ecx, 0x33333333
    OUT edx, 0x22222222
    OUT esp, 0x000097fc
    MEM 0x000097fc, 0x33333333
    a16 mov eax, [bx+si]
    a16 mov ecx, [bx+di]
    a16 mov edx, [bp+si]
    a16 push dword [bp+di]
DONE
CASE "16-bit: [si], [di], [bx], [bp+disp8], [disp16]"
    IN ebx, 0xffff0000 + base
    IN ebp, 0x12340000 + base
    IN esi, 0x55550004 + base
    IN edi, 0x66660008 + base
    OUT eax, 0x22222222
    OUT ecx, 0x33333333
    OUT edx, 0x11111111
    OUT esi, 0x22222222
    OUT edi, 0x44444444
    a16 mov eax, [si]
    a16 mov ecx, [di]
    a16 mov edx, [bx]
    a16 mov esi, [bp+4]
    a16 mov edi, [word base+12]
DONE
CASE "16-bit: the sum wraps at 64 KiB"
    IN ebx, 0xfff0
    IN esi, 0x10 + base
    OUT eax, 0x11111111
    OUT ecx, 0x22222222
    OUT edx, 0x33333333
    a16 mov eax, [bx+si]
    a16 mov ecx, [bx+si+4]
    a16 mov edx, [bx+base+0x10+8]
DONE
CASE "16-bit: stores and read-modify-writes"
    IN ebx, 0xabcd0000 + base
    IN edi, 0x10
    IN eax, 0x01020304
    OUT eax, 0x01026604
    MEM 0x00004040, 0x11111415
    MEM 0x00004044, 0x23222222
    MEM 0x00004050, 0x01020304
    MEM 0x00004054, 0x66666603
    a16 mov [bx+di], eax
    a16 add [bx], ax
    a16 inc byte [bx+7]
    a16 xchg [bx+di+4], ah
DONE
CASE "16-bit moffs"
    OUT eax, 0x11111111
    MEM 0x00004044, 0x22222211
    a16 mov eax, [base]
    a16 mov [base+4], al
DONE
CASE "flat segment prefixes"
    IN ebx, base
    OUT eax, 0x11111111
    OUT ecx, 0x22222222
    OUT edx, 0x33333333
    OUT esi, 0x44444444
    MEM 0x00004050, 0x11111111
    ds mov eax, [ebx]
    es mov ecx, [ebx+4]
    ss mov edx, [ebx+8]
    cs mov esi, [ebx+12]
    es mov [ebx+16], eax
DONE
CASE "flat fs and gs"
    IN ebx, base
    OUT eax, 0x11111111
    OUT ecx, 0x22222222
    MEM 0x00004048, 0x22222222
    MEM 0x0000404c, 0x44444445
    fs mov eax, [ebx]
    gs mov ecx, [ebx+4]
    fs mov [ebx+8], ecx
    gs add dword [ebx+12], 1
DONE
CASE "the last of several segment prefixes counts"
    IN ebx, base
    OUT eax, 0x11111111
    db 0x2e, 0x64, 0x3e, 0x8b, 0x03
DONE
CASE "high bytes with each base"
    IN eax, 0x00003300
    IN ebx, base
    IN ecx, 0x00004400
    IN edx, 0x00005500
    IN esi, 0x9
    OUT ebx, 0x00007340
    MEM 0x00004040, 0x11111133
    MEM 0x00004044, 0x22224422
    MEM 0x00004048, 0x33335533
    mov [ebx], ah
    mov [ebx+5], ch
    mov [ebx+esi], dh
    add bh, [ebx]
DONE
CASE "high bytes with esp as the base"
    IN eax, 0x0000aa00
    IN ebx, 0x0000bb00
    IN ecx, 0x0000cc00
    IN edx, 0x0000dd00
    OUT eax, 0x0000dd00
    OUT ecx, 0x00007700
    OUT edx, 0x00008700
    OUT ebx, 0x00008700
    OUT flags, CF|PF|AF|SF
    MEM 0x00009800, 0xddccbbaa
    mov [esp], ah
    mov [esp+1], bh
    mov [esp+2], ch
    mov [esp+3], dh
    mov ah, [esp+3]
    add bh, [esp+2]
    xor ch, [esp+1]
    adc dh, [esp]
DONE
CASE "high bytes with esp and an index"
    IN eax, 0x0000aa00
    IN ecx, 4
    OUT eax, 0x00000000
    OUT edx, 0x0d0d540d
    OUT flags, PF|SF
    MEM 0x00009808, 0x000000aa
    MEM 0x00009810, 0x0000000d
    mov [esp+ecx*4], ah
    add [esp+ecx*4], ah
    cmp bh, [esp+ecx*4]
    xchg dh, [esp+ecx*4]
    xadd [esp+ecx*2], ah
DONE
CASE "high bytes: cmpxchg [esp], bh"
    IN eax, 0
    IN ebx, 0x7700
    OUT eax, 0x00000100
    OUT flags, PF|ZF
    MEM 0x00009800, 0x00000077
    cmpxchg [esp], bh
    setz ah
DONE
CASE "high bytes between registers"
    IN eax, 0x12345678
    IN ebx, 0x9abcdef0
    OUT eax, 0x12344678
    OUT ecx, 0x0c0c460c
    OUT edx, 0x0d0d0d66
    OUT ebx, 0x9abc66f0
    add ah, bl
    sub bh, al
    mov ch, ah
    mov dl, bh
    test ch, dh
DONE
CASE "high bytes: immediate group and shifts"
    IN eax, 0x00008100
    IN ebx, 0x00000f00
    OUT eax, 0x00000700
    OUT ecx, 0x0c0cf40c
    OUT edx, 0x0d0d0e0d
    OUT ebx, 0x0000ef00
    OUT flags, CF|AF|SF
    or ah, 2
    not bh
    neg ch
    rol ah, 1
    inc dh
    dec bh
DONE
CASE "high bytes: memory through a register whose high byte is the operand"
    IN eax, base
    OUT eax, 0x00001140
    mov ah, [eax]
DONE
CASE "esp as destination and source of arithmetic"
    OUT eax, 0x00009700
    OUT esp, 0x00009702
    add esp, 8
    sub esp, 0x108
    and esp, -16
    mov eax, esp
    inc esp
    xor esp, 3
    cmp esp, ebp
    imul esp, esp, 1
    adc esp, 0
DONE
CASE "esp as index-free base with a write behind it"
    OUT esp, 0x00013000
    OUT flags, PF
    MEM 0x000097fc, 0x00013000
    mov [esp-4], esp
    add [esp-4], esp
    mov esp, [esp-4]
DONE
CASE "an operand astride two pages"
    OUT eax, 0x33440000
    MEM 0x00004ffc, 0x44000000
    MEM 0x00005000, 0x00112233
    mov dword [0x4fff], 0x11223344
    mov eax, [0x4ffd]
DONE
CASE "an operand astride into an unmapped page: a read tells the second page"
    FAULT 14, 4, astride_read, HOLE
astride_read:
    mov eax, [HOLE-1]
DONE
CASE "... and a write leaves the first page alone"
    FAULT 14, 6, astride_write, HOLE
astride_write:
    mov dword [HOLE-2], eax
DONE
CASE "... and from an unmapped page the first page"
    FAULT 14, 6, astride_before, 0x8fff
astride_before:
    mov dword [0x8fff], eax
DONE
