; Cycles for single operations of real-mode code, on a floppy that boots. Prints "name: cycles.d" on port E9 for each
; row, the fastest of its rounds, and ends the machine through port F4 with 0. bench/nano --floppy runs it.
;
; A row is a routine that does its operation [count] times in a loop; ebp counts. It may use every register but SP.
        bits 16
        cpu 686
        org 0x7c00

ROUNDS equ 5
SECTORS equ 16
DATA equ 0x2000                         ; a segment of 64 KiB to work on
OTHER equ 0x3000

start:  jmp 0:.go
.go:    xor ax, ax
        mov ds, ax
        mov ss, ax
        mov sp, 0x7000                  ; not on a page of code
        mov [drive], dl
        mov di, 1
.load:  mov ax, di                      ; sector by sector: 18 a track
        mov bl, 18
        div bl
        mov cl, ah
        inc cl
        mov ch, 0
        mov dh, al
        mov dl, [drive]
        mov ax, di
        shl ax, 5
        add ax, 0x7c0
        mov es, ax
        xor bx, bx
        mov ax, 0x0201
        int 0x13
        jc .bad
        inc di
        cmp di, SECTORS
        jb .load
        jmp main
.bad:   mov al, 1
        out 0xf4, al
        hlt
drive:  db 0
        times 510 - ($ - $$) db 0
        dw 0xaa55

main:   mov word [4 * 0x60], interrupt
        mov word [4 * 0x60 + 2], 0
        mov si, table
.row:   cmp word [si], 0
        je .end
        push si
        call measure
        pop si
        add si, 8
        jmp .row
.end:   mov al, 0
        out 0xf4, al
        hlt

; si: its line in the table.
measure:
        mov dword [best], 0xffffffff
        mov cx, ROUNDS
.round: push cx
        push si
        call prepare
        mov ebp, [si + 4]
        mov di, [si + 2]
        rdtsc
        mov [began], eax
        call di
        xor ax, ax
        mov ds, ax
        rdtsc
        sub eax, [began]
        cmp eax, [best]
        jae .slower
        mov [best], eax
.slower:
        pop si
        pop cx
        loop .round
        push si
        mov si, [si]
        call say
        pop si
        mov eax, [best]
        mov edx, 10
        mul edx
        div dword [si + 4]
        xor edx, edx
        mov ebx, 10
        div ebx
        push dx
        call number
        mov al, '.'
        out 0xe9, al
        pop ax
        add al, '0'
        out 0xe9, al
        mov al, 10
        out 0xe9, al
        ret

; Segments and registers as rows find them.
prepare:
        mov bx, DATA
        mov es, bx
        xor ax, ax
        xor bx, bx
        xor cx, cx
        xor dx, dx
        cld
        ret

number: mov ebx, 10
        xor cx, cx
.more:  xor edx, edx
        div ebx
        push dx
        inc cx
        test eax, eax
        jnz .more
.print: pop ax
        add al, '0'
        out 0xe9, al
        loop .print
        ret

say:    mov al, [si]
        inc si
        test al, al
        jz .done
        out 0xe9, al
        jmp say
.done:  mov al, ':'
        out 0xe9, al
        mov al, ' '
        out 0xe9, al
        ret

interrupt:
        iret
far_return:
        retf
near_return:
        ret

; ROW name, routine, count
%macro ROW 3
        [section .names]
%%text: db %1, 0
        __SECT__
        dw %%text, %2
        dd %3
%endmacro
%macro AGAIN 1
        dec ebp
        jnz %1
        ret
%endmacro

table:
        ROW "empty loop", r_empty, 2000000
        ROW "loop", r_loop, 2000000
        ROW "load and store of a word", r_word, 1000000
        ROW "store of a byte, es:", r_byte, 1000000
        ROW "push + pop", r_push, 1000000
        ROW "pusha + popa", r_pusha, 300000
        ROW "call + ret", r_call, 1000000
        ROW "far call + retf", r_far, 200000
        ROW "far jump", r_far_jump, 200000
        ROW "int + iret", r_int, 100000
        ROW "mov ds + mov es", r_segments, 1000000
        ROW "les", r_les, 1000000
        ROW "pushf + popf", r_flags, 300000
        ROW "cli + sti", r_cli, 1000000
        ROW "lodsb + stosb", r_lods, 1000000
        ROW "xlat", r_xlat, 1000000
        ROW "mul + div", r_mul, 500000
        ROW "jump by a table", r_table, 500000
        ROW "32-bit registers and addresses", r_wide, 1000000
        ROW "rep movsb, 16 bytes", r_movsb16, 200000
        ROW "rep movsw, 4 KiB", r_movsw, 3000
        ROW "rep movsw, 4 KiB, downwards", r_movsw_down, 3000
        ROW "rep stosw, 32 KiB", r_stosw, 1000
        ROW "repne scasb, 64 bytes", r_scasb, 50000
        ROW "repe cmpsb, 64 bytes", r_cmpsb, 50000
        ROW "rep lodsb, 64 bytes", r_lodsb, 30000
        ROW "sieve of 8190", r_sieve, 20
        ROW "sort of 200 words", r_sort, 10
        ROW "a word to the text screen", r_screen, 20000
        ROW "int 16h, key waiting?", r_keyboard, 3000
        ROW "int 1ah, ticks", r_ticks, 3000
        ROW "int 10h, cursor", r_cursor, 3000
        ROW "in from port 0x80", r_in, 50000
        ROW "store beside code", r_beside, 200000
        ROW "patch an instruction", r_patch, 20000
        ROW "A20 off and on", r_a20, 200
        ROW "to protected mode and back", r_mode, 3000
        dw 0

r_empty:
        AGAIN r_empty
r_loop: mov cx, 50000
.more:  loop .more
        sub ebp, 50000
        ja r_loop
        ret
r_word: mov ax, [es:bx + si]
        mov [es:bx + si + 2], ax
        AGAIN r_word
r_byte: mov [es:di], al
        inc di
        AGAIN r_byte
r_push: push ax
        pop dx
        AGAIN r_push
r_pusha:
        pusha
        popa
        AGAIN r_pusha
r_call: call near_return
        AGAIN r_call
r_far:  call 0:far_return
        AGAIN r_far
r_far_jump:
        jmp 0:.next
.next:  AGAIN r_far_jump
r_int:  int 0x60
        AGAIN r_int
r_segments:
        mov ax, DATA
.more:  mov ds, ax
        mov es, ax
        AGAIN .more
r_les:  les bx, [pointer]
        AGAIN r_les
pointer: dw 0, DATA
r_flags:
        pushf
        popf
        AGAIN r_flags
r_cli:  cli
        sti
        AGAIN r_cli
r_lods: mov ax, DATA
        mov ds, ax
        mov ax, OTHER
        mov es, ax
.more:  lodsb
        stosb
        AGAIN .more
r_xlat: mov bx, table
.more:  xlatb
        AGAIN .more
r_mul:  mov ax, 1234
        mul si
        div word [divisor]
        xor dx, dx
        AGAIN r_mul
divisor: dw 0x7fff
r_table:
        mov bx, bp
        and bx, 3
        shl bx, 1
        jmp [.ways + bx]
.ways:  dw .a, .b, .c, .d
.a:     inc ax
        jmp .end
.b:     dec ax
        jmp .end
.c:     inc dx
        jmp .end
.d:     dec dx
.end:   AGAIN r_table
r_wide: mov ebx, 0x100
.more:  mov eax, [es:ebx * 2 + 4]
        add eax, ebp
        mov [es:ebx], eax
        AGAIN .more
copy:   mov ax, DATA
        mov ds, ax
        mov ax, OTHER
        mov es, ax
        ret
r_movsb16:
        call copy
.more:  mov cx, 16
        xor si, si
        xor di, di
        rep movsb
        AGAIN .more
r_movsw:
        call copy
.more:  mov cx, 2048
        xor si, si
        xor di, di
        rep movsw
        AGAIN .more
r_movsw_down:
        call copy
        std
.more:  mov cx, 2048
        mov si, 4096
        mov di, 4096
        rep movsw
        dec ebp
        jnz .more
        cld
        ret
r_stosw:
        mov cx, 16384
        xor di, di
        rep stosw
        AGAIN r_stosw
r_scasb:
        call copy
        xor di, di
        mov cx, 64
        xor ax, ax
        rep stosb
.more:  mov cx, 64
        xor di, di
        mov al, 1
        repne scasb
        AGAIN .more
r_cmpsb:
        mov ax, DATA
        mov ds, ax
.more:  mov cx, 64
        xor si, si
        xor di, di
        repe cmpsb
        AGAIN .more
r_lodsb:
        mov cx, 64
        xor si, si
        rep lodsb
        AGAIN r_lodsb
r_sieve:
        mov ax, DATA
        mov ds, ax
.again: mov cx, 8191
        xor di, di
        mov al, 1
        rep stosb
        xor si, si
.next:  cmp byte [si], 0
        je .not
        mov ax, si
        add ax, ax
        add ax, 3
        mov di, si
.strike:
        add di, ax
        cmp di, 8190
        ja .not
        mov byte [di], 0
        jmp .strike
.not:   inc si
        cmp si, 8190
        jbe .next
        AGAIN .again
r_sort: mov ax, DATA
        mov ds, ax
.again: xor di, di
        mov cx, 200
        mov ax, 12345
.fill:  imul ax, ax, 25173
        add ax, 13849
        stosw
        loop .fill
        mov cx, 199
.outer: mov dx, cx
        xor si, si
.inner: mov ax, [si]
        cmp ax, [si + 2]
        jbe .order
        xchg ax, [si + 2]
        mov [si], ax
.order: add si, 2
        dec dx
        jnz .inner
        loop .outer
        AGAIN .again
r_screen:
        mov ax, 0xb800
        mov es, ax
.more:  mov [es:160], ax
        AGAIN .more
r_keyboard:
        mov ah, 1
        push ebp
        int 0x16
        pop ebp
        AGAIN r_keyboard
r_ticks:
        mov ah, 0
        push ebp
        int 0x1a
        pop ebp
        AGAIN r_ticks
r_cursor:
        mov ax, 0x0300
        mov bh, 0
        push ebp
        int 0x10
        pop ebp
        AGAIN r_cursor
r_in:   in al, 0x80
        AGAIN r_in
r_beside:
        mov [counter], bp
        AGAIN r_beside
counter: dw 0
r_patch:
        mov [.patched + 1], bp
.patched:
        mov ax, 0x1234
        AGAIN r_patch
r_a20:  in al, 0x92
        and al, 0xfc
        out 0x92, al
        or al, 2
        out 0x92, al
        AGAIN r_a20
r_mode: cli
        lgdt [gdt]
.more:  mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp 8:.protected
.protected:
        mov ax, 16
        mov ds, ax
        mov es, ax
        mov eax, cr0
        and al, 0xfe
        mov cr0, eax
        jmp 0:.real
.real:  xor ax, ax
        mov ds, ax
        mov es, ax
        dec ebp
        jnz .more
        sti
        ret
        align 8
gdt:    dw 23
        dd gdt
        dw 0
        dq 0x00009b000000ffff
        dq 0x000093000000ffff
best:   dd 0
began:  dd 0
        section .names

        section .text
