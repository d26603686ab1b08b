#include "translator/engine/windows/write_stub.h"

#include "tracing/memory_trace.h"
#include "translator/cache/block.h"
#include "translator/engine/windows/flags.h"
#include "translator/engine/windows/registers.h"

namespace ringfold::windows {

namespace {

using x86::Assembler;

#define FIELD_SIZED(member, size) context(offsetof(VcpuContext, member), size)

constexpr uint8_t kCodeOnly = 1u << static_cast<unsigned>(TraceKind::Code);
constexpr uint32_t kMostBytes = 16;  // of an access; with a bit offset of up to 7 they fit in 32 bits

x86::Mem site(size_t offset, uint32_t size) {
    return x86::ptr(x86::r9, static_cast<int32_t>(offset), size);
}

// rax: the physical address, r10: the addend, r11d: bytes of the access.
void find_place(Assembler& a, const asmjit::Label& refuse) {
    a.mov(x86::r10d, x86::r8d);
    a.shr(x86::r10d, 12);
    a.and_(x86::r10d, kTlbEntries - 1);
    a.mov(x86::eax, view(offsetof(View, tlb.permitted_bias), x86::r10, 2));
    a.add(x86::eax, x86::r8d);
    a.cmp(x86::eax, kPageSize);
    a.jae(refuse);
    a.movzx(x86::r11d, site(offsetof(Site, size), 1));
    a.add(x86::eax, x86::r11d);
    a.cmp(x86::eax, kPageSize);
    a.ja(refuse);
    a.mov(x86::r10, view(offsetof(View, tlb.addend), x86::r10, 3));
    a.mov(x86::eax, x86::r8d);
    a.add(x86::rax, x86::r10);
    a.sub(x86::rax, FIELD_SIZED(ram, 8));
}

// Clobbers r11 and rax.
void require_no_code(Assembler& a, const asmjit::Label& refuse) {
    a.cmp(x86::r11d, kMostBytes);
    a.ja(refuse);
    a.mov(x86::r11, x86::rax);
    a.shr(x86::r11, 12);
    a.add(x86::r11, FIELD_SIZED(trace_kinds, 8));
    a.cmp(x86::byte_ptr(x86::r11), kCodeOnly);
    a.jne(refuse);
    a.mov(x86::r11, x86::rax);
    a.shr(x86::r11, 3);
    a.add(x86::r11, FIELD_SIZED(code_bits, 8));
    a.mov(x86::r11d, x86::dword_ptr(x86::r11));
    a.and_(x86::eax, 7);
    a.shrx(x86::r11d, x86::r11d, x86::eax);
    a.movzx(x86::eax, site(offsetof(Site, size), 1));
    a.bzhi(x86::r11d, x86::r11d, x86::eax);
    a.jnz(refuse);
}

}  // namespace

void emit_write_miss(Assembler& a, const asmjit::Label& miss) {
    asmjit::Label refuse = a.newLabel();
    set_flags_aside(a);
    find_place(a, refuse);
    require_no_code(a, refuse);
    a.inc(FIELD_SIZED(writes_beside_code, 8));
    a.mov(x86::rax, site(offsetof(Site, hit), 8));
    a.mov(FIELD_SIZED(next_pc, 8), x86::rax);
    a.mov(x86::r9, x86::r10);
    take_flags_back(a);
    a.jmp(FIELD_SIZED(next_pc, 8));
    a.bind(refuse);
    take_flags_back(a);
    a.jmp(miss);
}

}  // namespace ringfold::windows
