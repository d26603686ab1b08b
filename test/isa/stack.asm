; PUSH, POP, PUSHA, POPA, ENTER, LEAVE, CALL and RET as users of the stack, with esp as operand, base and victim.
%include "case.inc"

section .data
d0: dd 0x89abcdef
section .text

CASE "push reg, imm32, imm8"
    OUT esp, 0x000097f4
    MEM 0x000097f4, 0xfffffffe
    MEM 0x000097f8, 0x12345678
    MEM 0x000097fc, 0x0a0a0a0a
    push eax
    push 0x12345678
    push -2
DONE
CASE "push esp pushes the old value"
    OUT esp, 0x000097fc
    MEM 0x000097fc, 0x00009800
    push esp
DONE
CASE "push sp"
    OUT esp, 0x000097fe
    MEM 0x000097fc, 0x98000000
    push sp
DONE
CASE "push m32"
    OUT esp, 0x000097fc
    MEM 0x000097fc, 0x89abcdef
    push dword [d0]
DONE
CASE "push [esp]: the address is of before the push"
    IN esp, 0x9700
    OUT esp, 0x000096fc
    MEM 0x000096fc, 0x11112222
    MEM 0x00009700, 0x11112222
    mov dword [esp], 0x11112222
    push dword [esp]
DONE
CASE "push [esp+4] twice"
    OUT esp, 0x000097f8
    MEM 0x000097fc, 0x33334444
    MEM 0x00009804, 0x33334444
    mov dword [esp+4], 0x33334444
    push dword [esp+4]
    push dword [esp+4]
DONE
CASE "push imm16 and imm8 with an operand prefix"
    OUT esp, 0x000097fc
    MEM 0x000097fc, 0x1234ffff
    push word 0x1234
    o16 push byte -1
DONE
CASE "pop esp loads the popped value"
    OUT esp, 0x00009400
    MEM 0x00009800, 0x00009400
    mov dword [esp], 0x9400
    pop esp
DONE
CASE "pop [esp+4]: the address is of after the pop"
    OUT esp, 0x00009804
    MEM 0x00009800, 0x55556666
    MEM 0x00009808, 0x55556666
    mov dword [esp], 0x55556666
    pop dword [esp+4]
DONE
CASE "pop [esp]"
    OUT esp, 0x00009804
    MEM 0x00009800, 0x77778888
    MEM 0x00009804, 0x77778888
    mov dword [esp], 0x77778888
    pop dword [esp]
DONE
CASE "pop sp"
    OUT esp, 0x00009300
    MEM 0x00009800, 0xaaaa9300
    mov dword [esp], 0xaaaa9300
    pop sp
DONE
CASE "pop m16"
    OUT esp, 0x00009802
    MEM 0x00004000, 0xbbbbcdef
    MEM 0x00009800, 0xaaaabbbb
    mov dword [esp], 0xaaaabbbb
    pop word [d0+2]
DONE
CASE "pop to a read-only page leaves esp"
    FAULT 14, 7, pop_ro, RODATA
pop_ro:
    pop dword [RODATA]
DONE
CASE "push to an unmapped page leaves esp"
    IN esp, 0x9000
    FAULT 14, 6, push_pf, 0x8ffc
push_pf:
    push eax
DONE
CASE "push astride into an unmapped page"
    IN esp, 0x9002
    FAULT 14, 6, push_astride, 0x8ffe
push_astride:
    push eax
DONE
CASE "push m32 faults on the read first"
    IN esp, 0x9000
    FAULT 14, 4, push_read, HOLE
push_read:
    push dword [HOLE]
DONE
CASE "pop from an unmapped page"
    IN esp, 0xa000
    FAULT 14, 4, pop_pf, 0xa000
pop_pf:
    pop eax
DONE
CASE "pusha and popa"
    IN eax, 1
    IN ecx, 2
    OUT ebx, 0xb0b0b0b0
    MEM 0x000097e0, 0xd1d1d1d1
    MEM 0x000097e4, 0x51515151
    MEM 0x000097e8, 0xbdbdbdbd
    MEM 0x000097ec, 0xeeeeeeee
    MEM 0x000097f0, 0xb0b0b0b0
    MEM 0x000097f4, 0x0d0d0d0d
    MEM 0x000097f8, 0x00000002
    MEM 0x000097fc, 0x00000001
    pusha
    mov ebx, [esp+12]
    mov dword [esp+16], 0xb0b0b0b0
    mov dword [esp+12], 0xeeeeeeee
    popa
DONE
CASE "pushaw and popaw keep the top halves"
    OUT esi, 0x00005151
    OUT edi, 0x0000d1d1
    MEM 0x000097f0, 0x5151d1d1
    MEM 0x000097f4, 0x9800bdbd
    MEM 0x000097f8, 0x0d0d0b0b
    MEM 0x000097fc, 0x0a0a0c0c
    pushaw
    mov edi, 0
    mov esi, 0
    popaw
DONE
CASE "pusha that faults at once leaves esp and the registers"
    IN esp, 0x9000
    FAULT 14, 6, pusha_pf, 0x8ffc
pusha_pf:
    pusha
DONE
CASE "popa that faults half-way leaves the registers"
    IN esp, 0x9ff0
    FAULT 14, 4, popa_pf, 0xa000
    NONATIVE "the manual leaves it open; AMD's Zen 5 keeps what was popped, and esp"
popa_pf:
    popa
DONE
CASE "pushf pushes what user mode may see"
    IN flags, CF|ZF|DF|OF
    OUT esp, 0x000097fc
    MEM 0x000097fc, 0x00000e43
    pushf
DONE
CASE "pushfw"
    IN flags, CF|ZF|DF|OF
    OUT esp, 0x000097fe
    MEM 0x000097fc, 0x0e430000
    pushfw
DONE
CASE "enter 8, 0 and leave"
    OUT eax, 0x000097f4
    OUT ecx, 0x000097fc
    MEM 0x000097fc, 0xbdbdbdbd
    enter 8, 0
    mov eax, esp
    mov ecx, ebp
    leave
DONE
CASE "enter 16, 1"
    OUT esp, 0x000097e8
    OUT ebp, 0x000097fc
    MEM 0x000097f8, 0x000097fc
    MEM 0x000097fc, 0xbdbdbdbd
    enter 16, 1
DONE
CASE "enter 4, 3 copies the display"
    IN ebp, 0x9900
    OUT esp, 0x000097ec
    OUT ebp, 0x000097fc
    MEM 0x000097f0, 0x000097fc
    MEM 0x000097f4, 0x22222222
    MEM 0x000097f8, 0x11111111
    MEM 0x000097fc, 0x00009900
    MEM 0x000098f8, 0x22222222
    MEM 0x000098fc, 0x11111111
    mov dword [0x98fc], 0x11111111
    mov dword [0x98f8], 0x22222222
    enter 4, 3
DONE
CASE "enter with level 33 is level 1"
    OUT esp, 0x000097f8
    OUT ebp, 0x000097fc
    MEM 0x000097f8, 0x000097fc
    MEM 0x000097fc, 0xbdbdbdbd
    enter 0, 33
DONE
CASE "enterw and leavew"
    IN ebp, 0x00009900
    OUT eax, 0x000097fe
    MEM 0x000097fc, 0x990097fe
    o16 enter 8, 1
    mov eax, ebp
    o16 leave
DONE
CASE "enter into an unmapped page leaves esp and ebp"
    IN esp, 0x9000
    FAULT 14, 6, enter_pf, 0x8ffc
enter_pf:
    enter 0, 0
DONE
CASE "enter checks that the new top can be written"
    IN esp, 0x9010
    FAULT 14, 6, enter_top, 0x8f0c
    MEM 0x0000900c, 0xbdbdbdbd
enter_top:
    enter 0x100, 0
DONE
CASE "leave from an unmapped frame"
    IN ebp, HOLE
    FAULT 14, 4, leave_pf, HOLE
leave_pf:
    leave
DONE
CASE "push and pop of segment registers"
    OUT eax, 0x0000002b
    OUT ecx, 0x0000002b
    OUT edx, 0x00000023
    MEM 0x000097f8, 0x0000002b
    MEM 0x000097fc, 0x00000023
    push ds
    push es
    pop eax
    pop ecx
    push fs
    pop fs
    push cs
    pop edx
DONE
CASE "push of a segment register with an operand prefix moves esp by 2"
    OUT esp, 0x000097fe
    MEM 0x000097fc, 0x002b0000
    o16 push ss
DONE
CASE "call pushes the address behind it"
    OUT esp, 0x000097fc
    MEM 0x000097fc, 0x0000110b
    call after_call
after_call:
DONE
CASE "callw truncates the target"
    OUT esp, 0x000097fe
    MEM 0x000097fc, 0x11100000
    call word after_callw
after_callw:
DONE
CASE "ret n"
    MEM 0x000097f4, 0x00001120
    MEM 0x000097f8, 0x22222222
    MEM 0x000097fc, 0x11111111
    push 0x11111111
    push 0x22222222
    call ret_n
    jmp ret_done
ret_n:
    ret 8
ret_done:
DONE
CASE "retw truncates eip"
    MEM 0x000097fc, 0x11310000
    push word ret_w
    o16 ret
    mov eax, 1
ret_w:
DONE
CASE "call [esp]: the address is of before the push"
    OUT ecx, 0x0000113c
    OUT ebx, 0x0000113a
    MEM 0x000097f8, 0x0000113a
    MEM 0x000097fc, 0x0000113a
    push call_esp
    call [esp]
    jmp call_esp_done
call_esp:
    pop ebx
    pop ecx
    push ebx
    ret
call_esp_done:
DONE
CASE "call esp jumps to the old esp"
    MEM 0x000097fc, 0x00001147
    MEM 0x00009800, 0x000000c3
    mov byte [esp], 0xc3
    call esp
DONE
CASE "call through an unmapped stack does not jump"
    IN esp, 0x9000
    FAULT 14, 6, call_pf, 0x8ffc
call_pf:
    call call_pf
DONE
CASE "ret to an unmapped page has returned when it faults"
    MEM 0x000097fc, 0x00006000
    push HOLE
    FAULT 14, 4, HOLE, HOLE
    ret
DONE
CASE "jmp to an unmapped page"
    FAULT 14, 4, HOLE, HOLE
    OUT eax, 0x00006000
    mov eax, HOLE
    jmp eax
DONE
CASE "unpaired returns"
    OUT ecx, 0x00000002
    OUT ebx, 0x00000004
    MEM 0x000097f8, 0x0000116d
    MEM 0x000097fc, 0x00001178
    push unpaired2
    push unpaired1
    ret
    mov eax, 1
unpaired1:
    mov ecx, 2
    ret
    mov edx, 3
unpaired2:
    mov ebx, 4
DONE
CASE "a return address changed by the callee"
    MEM 0x000097fc, 0x00001188
    call change_return
    mov eax, 1
changed:
    jmp change_done
change_return:
    mov dword [esp], changed
    ret
change_done:
DONE
CASE "call depth 40 and back"
    IN ecx, 40
    OUT ecx, 0x00000027
    OUT flags, PF
    MEM 0x00009760, 0x000011a2
    MEM 0x00009764, 0x000011a2
    MEM 0x00009768, 0x000011a2
    MEM 0x0000976c, 0x000011a2
    MEM 0x00009770, 0x000011a2
    MEM 0x00009774, 0x000011a2
    MEM 0x00009778, 0x000011a2
    MEM 0x0000977c, 0x000011a2
    MEM 0x00009780, 0x000011a2
    MEM 0x00009784, 0x000011a2
    MEM 0x00009788, 0x000011a2
    MEM 0x0000978c, 0x000011a2
    MEM 0x00009790, 0x000011a2
    MEM 0x00009794, 0x000011a2
    MEM 0x00009798, 0x000011a2
    MEM 0x0000979c, 0x000011a2
    MEM 0x000097a0, 0x000011a2
    MEM 0x000097a4, 0x000011a2
    MEM 0x000097a8, 0x000011a2
    MEM 0x000097ac, 0x000011a2
    MEM 0x000097b0, 0x000011a2
    MEM 0x000097b4, 0x000011a2
    MEM 0x000097b8, 0x000011a2
    MEM 0x000097bc, 0x000011a2
    MEM 0x000097c0, 0x000011a2
    MEM 0x000097c4, 0x000011a2
    MEM 0x000097c8, 0x000011a2
    MEM 0x000097cc, 0x000011a2
    MEM 0x000097d0, 0x000011a2
    MEM 0x000097d4, 0x000011a2
    MEM 0x000097d8, 0x000011a2
    MEM 0x000097dc, 0x000011a2
    MEM 0x000097e0, 0x000011a2
    MEM 0x000097e4, 0x000011a2
    MEM 0x000097e8, 0x000011a2
    MEM 0x000097ec, 0x000011a2
    MEM 0x000097f0, 0x000011a2
    MEM 0x000097f4, 0x000011a2
    MEM 0x000097f8, 0x000011a2
    MEM 0x000097fc, 0x00001198
    call deep
    jmp deep_done
deep:
    dec ecx
    jz deep_end
    call deep
    inc ecx
deep_end:
    ret
deep_done:
DONE
CASE "calls that never return, more than any return stack holds"
    IN ecx, 60000
    OUT ecx, 0x00000000
    OUT flags, PF|ZF
    MEM 0x000097fc, 0x000011b2
never_returns:
    mov esp, STACK
    dec ecx
    jz never_done
    call never_returns
never_done:
DONE
CASE "returns that were never called"
    IN ecx, 1000
    OUT ecx, 0x00000000
    OUT flags, PF|ZF
    MEM 0x000097fc, 0x000011b9
never_called:
    push never_called_next
    ret
never_called_next:
    dec ecx
    jnz never_called
DONE
CASE "a hot loop over memory, long enough for every rule of adaptation"
    IN ecx, 30000
    IN esi, 0x4000
    OUT eax, 0xa47e7d07
    OUT ecx, 0x00000000
    OUT flags, PF|ZF
    MEM 0x00004000, 0xa47e7d07
    MEM 0x00004004, 0x00000030
hot_loop:
    mov eax, [esi]
    add eax, ecx
    mov [esi], eax
    xor [esi+4], al
    dec ecx
    jnz hot_loop
DONE
CASE "a hot loop that faults in the end"
    IN ecx, 30000
    IN esi, 0x4000
    FAULT 14, 6, hot_fault, HOLE
    OUT ecx, 0x00000000
    OUT edi, 0x00006000
    OUT flags, PF|ZF
    MEM 0x00004000, 0x89ac431f
    MEM 0x00004ffc, 0x0a0a0a0a
hot_again:
    inc dword [0x4000]
    mov edi, 0x4ffc
    dec ecx
    jnz hot_store
    mov edi, HOLE
hot_store:
hot_fault:
    mov [edi], eax
    jmp hot_again
DONE
