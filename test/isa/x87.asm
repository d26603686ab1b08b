; The x87: loads and stores of all formats, arithmetic, comparisons, constants, control, exceptions.
%include "case.inc"

section .data
one:    dd 1.0
half:   dq 2.75
three:  dq 3.0
tiny:   dt 1.0e-4940
max:    dd 0x7f7fffff
snan:   dd 0x7f800001
int16:  dw -12345
int32:  dd 123456789
int64:  dq -1234567890123456789
bcd:    db 0x99,0x88,0x77,0x66,0x55,0x44,0x33,0x22,0x11,0x80
zero:   dd 0
cw_up:  dw 0x0b7f
cw_single: dw 0x007f
cw_unmasked_ze: dw 0x037b
cw_unmasked_ie: dw 0x037e
section .text

OUT0 equ 0x4400

CASE "fld of each size, fstp of each size"
    MEM 0x00004400, 0x63278e62
    MEM 0x00004404, 0x00000006
    MEM 0x00004414, 0x40080000
    MEM 0x00004418, 0x40400000
    MEM 0x00004424, 0x80000000
    MEM 0x00004428, 0x00003fff
    fninit
    fld dword [one]
    fld qword [three]
    fld tword [tiny]
    fstp tword [OUT0]
    fst qword [OUT0+16]
    fstp dword [OUT0+24]
    fstp tword [OUT0+32]
DONE
CASE "fild of each size"
    MEM 0x00004400, 0xef4c08a8
    MEM 0x00004404, 0x891087a3
    MEM 0x00004408, 0x0000c03b
    MEM 0x00004410, 0x075bcd15
    MEM 0x00004414, 0x0000cfc7
    MEM 0x00004418, 0xffffcfc7
    MEM 0x0000441c, 0xffffffff
    fild word [int16]
    fild dword [int32]
    fild qword [int64]
    fstp tword [OUT0]
    fistp dword [OUT0+16]
    fist word [OUT0+20]
    fistp qword [OUT0+24]
DONE
CASE "fistp of what does not fit stores the indefinite"
    MEM 0x00004400, 0x00008000
    MEM 0x00004404, 0x80000000
    MEM 0x0000440c, 0x80000000
    MEM 0x00004410, 0x00000001
    fld dword [max]
    fist word [OUT0]
    fist dword [OUT0+4]
    fistp qword [OUT0+8]
    fnstsw [OUT0+16]
DONE
CASE "fisttp"
    MEM 0x00004400, 0x00000002
    MEM 0x00004404, 0x00000002
    MEM 0x00004408, 0x00000002
    MEM 0x00004410, 0xfffffffe
    MEM 0x00004414, 0x00218000
    fld qword [half]
    fld st0
    fld st0
    fisttp word [OUT0]
    fisttp dword [OUT0+4]
    fisttp qword [OUT0+8]
    fld qword [half]
    fchs
    fisttp dword [OUT0+16]
    fld dword [max]
    fisttp word [OUT0+20]
    fnstsw [OUT0+22]
DONE
CASE "fbld and fbstp"
    MEM 0x00004400, 0x95eed0e1
    MEM 0x00004404, 0xc378ebbb
    MEM 0x00004410, 0x66778899
    MEM 0x00004414, 0x22334455
    MEM 0x00004418, 0x00008011
    fbld [bcd]
    fst qword [OUT0]
    fbstp [OUT0+16]
DONE
CASE "the constants"
    MEM 0x00004400, 0x2168c235
    MEM 0x00004404, 0xc90fdaa2
    MEM 0x00004408, 0x00004000
    MEM 0x00004410, 0x5c17f0bc
    MEM 0x00004414, 0xb8aa3b29
    MEM 0x00004418, 0x00003fff
    MEM 0x00004420, 0xcd1b8afe
    MEM 0x00004424, 0xd49a784b
    MEM 0x00004428, 0x00004000
    MEM 0x00004430, 0xd1cf79ac
    MEM 0x00004434, 0xb17217f7
    MEM 0x00004438, 0x00003ffe
    MEM 0x00004440, 0xfbcff799
    MEM 0x00004444, 0x9a209a84
    MEM 0x00004448, 0x00003ffd
    MEM 0x00004454, 0x80000000
    MEM 0x00004458, 0x00003fff
    fldpi
    fstp tword [OUT0]
    fldl2e
    fstp tword [OUT0+16]
    fldl2t
    fstp tword [OUT0+32]
    fldln2
    fstp tword [OUT0+48]
    fldlg2
    fstp tword [OUT0+64]
    fld1
    fstp tword [OUT0+80]
    fldz
    fstp tword [OUT0+96]
DONE
CASE "the six arithmetic operations with a memory operand"
    MEM 0x00004404, 0x40100000
    MEM 0x0000440c, 0x40280000
    MEM 0x00004414, 0x40260000
    MEM 0x0000441c, 0xc0240000
    MEM 0x00004420, 0xaaaaaaab
    MEM 0x00004424, 0xc00aaaaa
    MEM 0x00004428, 0xcccccccd
    MEM 0x0000442c, 0xbfeccccc
    MEM 0x00004430, 0x850fb15c
    MEM 0x00004434, 0x928732d1
    MEM 0x00004438, 0x0000c00a
    fld qword [three]
    fadd dword [one]
    fst qword [OUT0]
    fmul qword [three]
    fst qword [OUT0+8]
    fsub dword [one]
    fst qword [OUT0+16]
    fsubr dword [one]
    fst qword [OUT0+24]
    fdiv qword [three]
    fst qword [OUT0+32]
    fdivr qword [three]
    fst qword [OUT0+40]
    fiadd dword [int32]
    fimul word [int16]
    fisub word [int16]
    fidiv dword [int32]
    fidivr dword [int32]
    fisubr word [int16]
    fstp tword [OUT0+48]
DONE
CASE "the register forms, and which way fsubp and fdivp go"
    MEM 0x00004404, 0x40000000
    MEM 0x00004408, 0x6dc9c883
    MEM 0x0000440c, 0x3fe45f30
    MEM 0x00004410, 0x38d1baf8
    MEM 0x00004414, 0x40040a2f
    MEM 0x00004418, 0x99ee9412
    MEM 0x0000441c, 0x3ff410f7
    MEM 0x00004420, 0xea8f32f8
    MEM 0x00004424, 0xc07836b9
    MEM 0x00004428, 0x00003ff5
    MEM 0x00004430, 0x679a5902
    MEM 0x00004434, 0x84ff0a32
    MEM 0x00004438, 0x0000bfff
    fld qword [three]
    fld1
    fsubp
    fst qword [OUT0]
    fldpi
    fdivp
    fst qword [OUT0+8]
    fldpi
    fsubrp st1, st0
    fst qword [OUT0+16]
    fldpi
    fdivrp st1, st0
    fst qword [OUT0+24]
    fldpi
    faddp
    fldpi
    fmulp
    fadd st0, st0
    fld st0
    fmul st1, st0
    fsub st1, st0
    fsub st0, st1
    fdiv st1, st0
    fdivr st0, st1
    fstp tword [OUT0+32]
    fstp tword [OUT0+48]
DONE
CASE "fcom and fnstsw ax"
    OUT eax, 0x0a0a7800
    OUT ecx, 0x0a0a4000
    OUT edx, 0x0a0a0100
    OUT ebx, 0x0a0a3900
    MEM 0x00004400, 0x01003800
    fld1
    fcom qword [three]
    fnstsw ax
    mov ebx, eax
    fcomp dword [one]
    fnstsw ax
    mov ecx, eax
    fldpi
    fld1
    fcompp
    fnstsw ax
    mov edx, eax
    fldz
    ftst
    fnstsw ax
    ficom word [int16]
    fnstsw [OUT0]
    ficomp dword [int32]
    fnstsw [OUT0+2]
DONE
CASE "fcomi and its family set EFLAGS"
    OUT eax, 0x0a0a0001
    OUT ebx, 0x0b0b0100
    OUT flags, CF
    fldpi
    fld1
    fcomi st1
    setc al
    fucomi st1
    setz ah
    fcomip st1
    seta bl
    fldz
    fucomip st1
    setbe bh
DONE
CASE "fucom of a quiet NaN is unordered without an exception"
    OUT eax, 0x0a0a7501
    OUT ebx, 0x0a0a7500
    MEM 0x00004400, 0x00004501
    fldz
    fdiv st0
    fnclex
    fld1
    fucom st1
    fnstsw ax
    mov ebx, eax
    fcom st1
    fnstsw ax
    fucompp
    fnstsw [OUT0]
DONE
CASE "fcmov"
    OUT eax, 0x00000000
    OUT flags, PF|ZF
    MEM 0x00004400, 0x54442d18
    MEM 0x00004404, 0x400921fb
    MEM 0x0000440c, 0x3ff00000
    MEM 0x00004410, 0x54442d18
    MEM 0x00004414, 0x400921fb
    fldpi
    fld1
    stc
    fcmovb st1
    fst qword [OUT0]
    clc
    fld1
    fcmovb st2
    fst qword [OUT0+8]
    xor eax, eax
    fcmove st2
    fcmovnu st1
    fcmovne st2
    fcmovbe st1
    fcmovu st2
    fcmovnb st1
    fcmovnbe st2
    fst qword [OUT0+16]
DONE
CASE "fchs, fabs, fsqrt, frndint, fscale, fxtract"
    MEM 0x00004400, 0x54442d18
    MEM 0x00004404, 0xc00921fb
    MEM 0x00004408, 0x91b4ef6b
    MEM 0x0000440c, 0x3ffc5bf8
    MEM 0x00004410, 0x91b4ef6b
    MEM 0x00004414, 0x401c5bf8
    MEM 0x00004418, 0x91b4ef6b
    MEM 0x0000441c, 0x3ffc5bf8
    MEM 0x00004424, 0x40000000
    MEM 0x0000442c, 0x40000000
    fldpi
    fchs
    fst qword [OUT0]
    fabs
    fsqrt
    fst qword [OUT0+8]
    fld1
    fadd st0
    fxch
    fscale
    fst qword [OUT0+16]
    fxtract
    fstp qword [OUT0+24]
    fst qword [OUT0+32]
    frndint
    fstp qword [OUT0+40]
DONE
CASE "rounding control"
    MEM 0x00004400, 0x00000001
    MEM 0x00004404, 0x00000b7f
    fldcw [cw_up]
    fld1
    fdiv qword [three]
    frndint
    fistp dword [OUT0]
    fnstcw [OUT0+4]
DONE
CASE "precision control"
    MEM 0x00004404, 0xaaaaab00
    MEM 0x00004408, 0x00003ffd
    fldcw [cw_single]
    fld1
    fdiv qword [three]
    fstp tword [OUT0]
DONE
CASE "transcendental functions"
    MEM 0x00004400, 0x9f800000
    MEM 0x00004404, 0xbf800000
    MEM 0x00004408, 0x3f0a5140
    MEM 0x0000440c, 0x3f576aa4
    MEM 0x00004410, 0x3f800000
    MEM 0x00004414, 0x3fc75923
    MEM 0x00004418, 0x3e9dc856
    MEM 0x0000441c, 0x3fd3643a
    MEM 0x00004420, 0x3e6d979e
    MEM 0x00004424, 0x3ec2620a
    fldpi
    fsin
    fstp dword [OUT0]
    fldpi
    fcos
    fstp dword [OUT0+4]
    fld1
    fsincos
    fstp dword [OUT0+8]
    fstp dword [OUT0+12]
    fld1
    fptan
    fstp dword [OUT0+16]
    fstp dword [OUT0+20]
    fld1
    fldpi
    fpatan
    fstp dword [OUT0+24]
    fld1
    fldpi
    fyl2x
    fstp dword [OUT0+28]
    fldlg2
    f2xm1
    fstp dword [OUT0+32]
    fld1
    fldlg2
    fyl2xp1
    fstp dword [OUT0+36]
DONE
CASE "fprem and fprem1"
    OUT eax, 0x0a0a7a20
    OUT ebx, 0x0a0a3020
    MEM 0x00004400, 0x4442d184
    MEM 0x00004404, 0x3fc21fb5
    MEM 0x00004408, 0x9be45de6
    MEM 0x0000440c, 0x3febd3cc
    fld qword [three]
    fldpi
    fprem
    fst qword [OUT0]
    fnstsw ax
    fstp st0
    fldpi
    fmul st0
    fprem1
    fstp qword [OUT0+8]
    mov ebx, eax
    fnstsw ax
DONE
CASE "the stack: fincstp, fdecstp, ffree, fxch, fld st"
    OUT eax, 0x0a0a2400
    fld1
    fldpi
    fldz
    fxch st2
    fincstp
    fdecstp
    ffree st1
    fld st0
    fxam
    fnstsw ax
    fstp st3
DONE
CASE "fxam of each class"
    OUT eax, 0x0a0a6c01
    OUT ecx, 0x0a0a7a00
    OUT edx, 0x0a0a3101
    OUT ebx, 0x0a0a4100
    fxam
    fnstsw ax
    mov ebx, eax
    fldz
    fchs
    fxam
    fnstsw ax
    mov ecx, eax
    fld dword [snan]
    fxam
    fnstsw ax
    mov edx, eax
    fld tword [tiny]
    fxam
    fnstsw ax
DONE
CASE "stack overflow and underflow, masked"
    OUT eax, 0x0a0a0241
    OUT ebx, 0x0a0a0841
    MEM 0x00004404, 0xfff80000
    fstp st0
    fnstsw ax
    mov ebx, eax
    fnclex
    fld1
    fld1
    fld1
    fld1
    fld1
    fld1
    fld1
    fld1
    fld1
    fnstsw ax
    fst qword [OUT0]
DONE
CASE "division by zero, masked"
    OUT eax, 0x0a0a3804
    MEM 0x00004400, 0x7f800000
    fld1
    fdiv dword [zero]
    fst dword [OUT0]
    fnstsw ax
DONE
CASE "division by zero, unmasked: #MF at the next waiting instruction"
    OUT eax, 0x0a0ab884
    OUT ebx, 0x0b0b0b0c
    OUT flags, PF
    fldcw [cw_unmasked_ze]
    fld1
    fdiv dword [zero]
    inc ebx
    FAULT 16, 0, mf_wait
    fnstsw ax
mf_wait:
    fwait
DONE
CASE "#MF at the next x87 instruction that waits, before its memory operand"
    fldcw [cw_unmasked_ze]
    fld1
    fdiv dword [zero]
    FAULT 16, 0, mf_fld
mf_fld:
    fld dword [one]
DONE
CASE "fnclex takes the exception back"
    OUT eax, 0x0a0a3800
    fldcw [cw_unmasked_ze]
    fld1
    fdiv dword [zero]
    fnclex
    fwait
    fnstsw ax
DONE
CASE "#MF from mmx"
    fldcw [cw_unmasked_ze]
    fld1
    fdiv dword [zero]
    FAULT 16, 0, mf_mmx
mf_mmx:
    movd mm0, eax
DONE
CASE "a page fault of a load leaves the stack"
    fld1
    FAULT 14, 4, fld_pf, HOLE
fld_pf:
    fld qword [HOLE]
DONE
CASE "a page fault of a store does not pop"
    fld1
    FAULT 14, 6, fstp_pf, HOLE
fstp_pf:
    fstp tword [HOLE-4]
DONE
CASE "a store to a read-only page"
    fld1
    FAULT 14, 7, fist_ro, RODATA
fist_ro:
    fistp dword [RODATA]
DONE
CASE "fnsave and frstor"
    OUT eax, 0x0a0a0000
    MEM 0x00004400, 0xffff037f
    MEM 0x00004404, 0xffff3000
    MEM 0x00004408, 0xffff0fff
    MEM 0x00004420, 0x80000000
    MEM 0x00004424, 0xc2353fff
    MEM 0x00004428, 0xdaa22168
    MEM 0x0000442c, 0x4000c90f
    MEM 0x00004484, 0x3ff00000
    fldpi
    fld1
    fnsave [OUT0]
    fnstsw ax
    mov dword [OUT0+8+4], 0     ; the pointers differ from CPU to CPU
    mov dword [OUT0+12+4], 0
    mov dword [OUT0+16+4], 0
    mov dword [OUT0+20+4], 0
    mov dword [OUT0+12], 0
    frstor [OUT0]
    fst qword [OUT0+128]
DONE
CASE "fnstenv masks exceptions, fldenv takes them back"
    MEM 0x00004400, 0xffff037b
    MEM 0x00004404, 0xffff0000
    MEM 0x00004408, 0xffffffff
    MEM 0x00004440, 0x037b037f
    fldcw [cw_unmasked_ze]
    fnstenv [OUT0]
    fnstcw [OUT0+64]
    mov dword [OUT0+12], 0
    mov dword [OUT0+16], 0
    mov dword [OUT0+20], 0
    mov dword [OUT0+24], 0
    fldenv [OUT0]
    fnstcw [OUT0+66]
DONE
CASE "16-bit fnsave and frstor"
    MEM 0x00004400, 0x3800037f
    MEM 0x00004404, 0x00003fff
    MEM 0x0000440c, 0xc2350000
    MEM 0x00004410, 0xdaa22168
    MEM 0x00004414, 0x4000c90f
    fldpi
    o16 fnsave [OUT0]
    mov dword [OUT0+6], 0
    mov dword [OUT0+10], 0
    o16 frstor [OUT0]
DONE
CASE "fxsave and fxrstor"
    OUT eax, 0x00000000
    OUT ecx, 0x00000000
    OUT edi, 0x00004600
    OUT flags, PF|ZF
    fldpi
    movd xmm3, esp
    fxsave [OUT0]
    fninit
    pxor xmm3, xmm3
    fxrstor [OUT0]
    mov ecx, 512/4
    mov edi, OUT0
    xor eax, eax
    rep stosd
DONE
CASE "fxsave to an address that is not a multiple of 16"
    FAULT 13, 0, fxsave_gp
fxsave_gp:
    fxsave [OUT0+8]
DONE
CASE "fxrstor with a reserved MXCSR bit"
    OUT eax, 0x00000000
    OUT ecx, 0x00000000
    OUT edi, 0x00004600
    OUT flags, AF
    MEM 0x00004418, 0x80000000
    fxsave [OUT0]
    mov edi, OUT0
    mov dword [OUT0+24], 0x80000000
    FAULT 13, 0, fxrstor_gp
    fxrstor [OUT0+512]
    mov ecx, 24/4
    xor eax, eax
    rep stosd
    add edi, 8
    mov ecx, (512-32)/4
    rep stosd
    mov dword [OUT0+28], 0
fxrstor_gp:
    fxrstor [OUT0]
DONE
CASE "undefined x87 opcodes"
    FAULT 6, 0, x87_ud
x87_ud:
    db 0xd9, 0xd1
DONE
CASE "the old no-ops fneni, fndisi, fnsetpm"
    db 0xdb, 0xe0
    db 0xdb, 0xe1
    db 0xdb, 0xe4
DONE
CASE "ffreep and the aliases of fxch and fstp"
    fld1
    fldpi
    db 0xdf, 0xc1 ; ffreep st1
    fld1
    db 0xdd, 0xc9 ; fxch st1
    db 0xdf, 0xc9 ; fxch st1
    db 0xd9, 0xd9 ; fstp1 st1
    db 0xdf, 0xd0 ; fstp8 st0
DONE
