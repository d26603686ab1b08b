// The segments engine's fixed host code, as listings. In 64-bit code r14 holds the context's address.
#include "translator/engine/segments/stubs.h"

#include <functional>

#include "translator/engine/segments/descriptors.h"
#include "translator/engine/segments/state.h"
#include "translator/engine/windows/emission_errors.h"
#include "vmm/base/result.h"

namespace ringfold::segments {

namespace {

using x86::Assembler;

constexpr size_t kStubBytes = 16 * 1024;

x86::Mem at(size_t offset, uint32_t size) {
    return x86::ptr(x86::r14, static_cast<int32_t>(offset), size);
}
#define FIELD(member, size) at(offsetof(VcpuContext, member), size)

uint32_t low(const void* p) {
    return static_cast<uint32_t>(reinterpret_cast<uintptr_t>(p));
}

void load_context(Assembler& a, const VcpuContext& context) {
    a.mov(x86::r14, reinterpret_cast<uint64_t>(&context));
}

// FXSAVE would show the guest host addresses in the x87 instruction and data pointers: they are wiped.
void save_fpu(Assembler& a) {
    const asmjit::Label saved = a.newLabel();
    a.cmp(FIELD(fpu_saved, 1), 0);
    a.jne(saved);
    a.fxsave(FIELD(cpu.fpu, 512));
    a.xor_(x86::eax, x86::eax);
    a.mov(at(offsetof(VcpuContext, cpu.fpu) + 8, 8), x86::rax);
    a.mov(at(offsetof(VcpuContext, cpu.fpu) + 16, 8), x86::rax);
    a.mov(FIELD(fpu_saved, 1), 1);
    a.fninit();
    a.ldmxcsr(FIELD(host_mxcsr, 4));
    a.bind(saved);
}

void reload_fpu(Assembler& a) {
    const asmjit::Label done = a.newLabel();
    a.cmp(FIELD(reload_fpu, 1), 0);
    a.je(done);
    a.fxrstor(FIELD(cpu.fpu, 512));
    a.mov(FIELD(fpu_saved, 1), 0);
    a.mov(FIELD(reload_fpu, 1), 0);
    a.bind(done);
}

x86::Mem guest_register(unsigned n) {
    return at(offsetof(VcpuContext, cpu.gpr) + 4 * n, 4);
}

// The flags by LAHF and SETO: PUSHF and above all POPF cost several times as much.
void save_guest(Assembler& a, const VcpuContext& context) {
    load_context(a, context);
    for (unsigned n = 0; n < 8; ++n) a.mov(guest_register(n), x86::gpd(n));
    a.lahf();
    a.seto(x86::al);
    a.cld();
    a.movzx(x86::ecx, x86::ah);
    a.movzx(x86::eax, x86::al);
    a.shl(x86::eax, 11);
    a.or_(x86::eax, x86::ecx);
    a.and_(x86::eax, flag::kArithmetic);
    a.mov(FIELD(cpu.arithmetic_flags, 4), x86::eax);
    save_fpu(a);
    a.mov(x86::rsp, FIELD(monitor_rsp, 8));
}

void restore_flags(Assembler& a) {
    a.mov(x86::ecx, FIELD(cpu.arithmetic_flags, 4));
    a.mov(x86::ah, x86::cl);
    a.shr(x86::ecx, 11);
    a.mov(x86::al, x86::cl);
    a.and_(x86::al, 1);
    a.add(x86::al, 0x7f);  // overflows if it was 1
    a.sahf();
}

void load_segment(Assembler& a, const x86::SReg& segment, const x86::Mem& selector) {
    const asmjit::Label loaded = a.newLabel();
    a.movzx(x86::eax, selector);
    a.mov(x86::ecx, segment);
    a.cmp(x86::ax, x86::cx);
    a.je(loaded);
    a.mov(segment, x86::eax);
    a.bind(loaded);
}

// SUD's selector and the other side of UserDirect::interrupt(): what is stored here is seen there, or the other way round.
void emit_untranslated(Assembler& a, const VcpuContext& context, const asmjit::Label& leave, Stubs& stubs, const uint8_t* base) {
    const asmjit::Label given_up = a.newLabel();
    load_context(a, context);
    reload_fpu(a);
    load_segment(a, x86::ds, FIELD(segments_state.ds, 2));
    load_segment(a, x86::es, FIELD(segments_state.es, 2));
    load_segment(a, x86::gs, FIELD(segments_state.gs, 2));
    a.movzx(x86::eax, FIELD(segments_state.ss, 2));
    a.push(x86::rax);
    a.mov(x86::eax, guest_register(ESP));
    a.push(x86::rax);
    a.mov(x86::eax, FIELD(segments_state.untranslated_flags, 4));
    a.push(x86::rax);
    a.push(kUserCode);
    a.mov(x86::eax, FIELD(cpu.eip, 4));
    a.push(x86::rax);
    a.mov(FIELD(segments_state.untranslated, 1), 1);
    a.mfence();
    for (unsigned n = 0; n < 8; ++n)
        if (n != ESP) a.mov(x86::gpd(n), guest_register(n));
    stubs.entry_checked = base + a.offset();
    a.cmp(FIELD(attention, 4), 0);
    a.jne(given_up);
    a.iretq();
    stubs.entry_end = base + a.offset();
    a.bind(given_up);
    stubs.entry_given_up = base + a.offset();
    a.mov(x86::rsp, FIELD(monitor_rsp, 8));
    a.mov(FIELD(segments_state.untranslated, 1), 0);
    save_fpu(a);
    a.jmp(leave);
}

// System calls load SS with the host's, so the guest's is loaded each time; DS and ES stay. rax: where to go on.
void emit_resume(Assembler& a, const VcpuContext& context, const asmjit::Label& leave, uint32_t leave_address,
                 const asmjit::Label& untranslated, uint32_t untranslated_address) {
    const asmjit::Label upwards = a.newLabel();
    load_context(a, context);
    a.cmp(x86::eax, leave_address);
    a.je(leave);
    a.cmp(x86::eax, untranslated_address);
    a.je(untranslated);
    a.mov(FIELD(segments_state.far_offset, 4), x86::eax);
    reload_fpu(a);
    load_segment(a, x86::ds, FIELD(segments_state.ds, 2));
    load_segment(a, x86::es, FIELD(segments_state.es, 2));
    load_segment(a, x86::gs, FIELD(segments_state.gs, 2));
    a.cmp(FIELD(cpu.direction_flag, 1), 0);
    a.je(upwards);
    a.std();
    a.bind(upwards);
    a.movzx(x86::eax, FIELD(segments_state.ss, 2));
    a.mov(x86::ss, x86::eax);
    a.mov(x86::esp, guest_register(ESP));
    restore_flags(a);
    for (unsigned n = 0; n < 8; ++n)
        if (n != ESP) a.mov(x86::gpd(n), guest_register(n));
    // JMP m16:32, [r14 + disp32]
    const auto where = static_cast<uint32_t>(offsetof(VcpuContext, segments_state.far_offset));
    const uint8_t far_jump[] = {0x41, 0xff, 0xae};
    a.embed(far_jump, sizeof far_jump);
    a.embed(&where, sizeof where);
}

const x86::Gp kCalleeSaved[] = {x86::rbx, x86::rbp, x86::r12, x86::r13, x86::r14, x86::r15};

// rdi: the context, rsi: where to go on.
void emit_enter(Assembler& a, const VcpuContext& context, const asmjit::Label& resume) {
    for (const auto& r : kCalleeSaved) a.push(r);
    a.sub(x86::rsp, 8);  // aligned for the calls out of translated code
    load_context(a, context);
    a.mov(FIELD(monitor_rsp, 8), x86::rsp);
    a.xor_(x86::eax, x86::eax);
    a.mov(x86::gs, x86::eax);  // its base may be another engine's, whatever the selector
    a.mov(x86::rax, x86::rsi);
    a.jmp(resume);
}

void emit_leave(Assembler& a) {
    a.mov(x86::rsp, FIELD(monitor_rsp, 8));
    a.add(x86::rsp, 8);
    for (size_t n = std::size(kCalleeSaved); n-- > 0;) a.pop(kCalleeSaved[n]);
    a.ret();
}

void call(Assembler& a, VcpuContext& context, const void* function, const asmjit::Label& resume) {
    a.mov(x86::rdi, reinterpret_cast<uint64_t>(&context));
    a.mov(x86::rax, reinterpret_cast<uint64_t>(function));
    a.call(x86::rax);
    a.jmp(resume);
}

void emit_call_monitor(Assembler& a, VcpuContext& context, MonitorFunction function, const asmjit::Label& resume) {
    save_guest(a, context);
    a.mov(x86::rsi, FIELD(segments_state.subject, 8));
    a.mov(x86::edx, FIELD(segments_state.argument, 4));
    call(a, context, reinterpret_cast<const void*>(function), resume);
}

// Some code of one kind, at the start of the cache's next range.
class Listing {
public:
    Listing(CodeCache& cache, asmjit::Arch arch)
        : cache_(cache), base_(cache.reserve(kStubBytes)) {
        holder_.init(asmjit::Environment(arch), reinterpret_cast<uint64_t>(base_));
        holder_.setErrorHandler(&errors_);
        holder_.attach(&a);
    }
    // What `emit` emits, and its address.
    const void* here(const std::function<void()>& emit) {
        a.align(asmjit::AlignMode::kCode, 16);
        const auto address = base_ + a.offset();
        emit();
        return address;
    }
    const uint8_t* base() const { return base_; }
    const uint8_t* next() {
        a.align(asmjit::AlignMode::kCode, 16);
        return base_ + a.offset();
    }
    void commit() {
        const auto& buffer = holder_.textSection()->buffer();
        if (holder_.hasUnresolvedLinks() || buffer.size() > kStubBytes) throw HostError("cannot emit the world switch");
        cache_.commit(base_, buffer.data(), buffer.size());
        cache_.keep();
    }

private:
    CodeCache& cache_;
    const uint8_t* base_;
    windows::EmissionErrors errors_;
    asmjit::CodeHolder holder_;

public:
    Assembler a;
};

// 32-bit code: a far jump to 64-bit code.
void far_jump(Assembler& a, const void* to) {
    const auto offset = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(to));
    const uint8_t opcode = 0xea;
    a.embed(&opcode, 1);
    a.embed(&offset, sizeof offset);
    a.embed(&kHostCode, sizeof kHostCode);
}

}  // namespace

Stubs emit_stubs(CodeCache& cache, VcpuContext& context, const MonitorFunctions& monitor) {
    Stubs stubs{};
    Listing wide(cache, asmjit::Arch::kX64);
    Assembler& a = wide.a;
    const asmjit::Label resume = a.newLabel(), leave = a.newLabel(), untranslated = a.newLabel();
    stubs.leave = wide.here([&] {
        a.bind(leave);
        emit_leave(a);
    });
    stubs.untranslated = wide.here([&] {
        a.bind(untranslated);
        emit_untranslated(a, context, leave, stubs, wide.base());
    });
    wide.here([&] {
        a.bind(resume);
        emit_resume(a, context, leave, low(stubs.leave), untranslated, low(stubs.untranslated));
    });
    const void* enter = wide.here([&] { emit_enter(a, context, resume); });
    stubs.enter = reinterpret_cast<void (*)(VcpuContext*, const void*)>(reinterpret_cast<uintptr_t>(enter));
    stubs.host_fault = wide.here([&] {
        save_fpu(a);
        call(a, context, reinterpret_cast<const void*>(monitor.host_fault), resume);
    });
    stubs.untranslated_exit = wide.here([&] {
        save_fpu(a);
        call(a, context, reinterpret_cast<const void*>(monitor.untranslated_exit), resume);
    });
    struct Way {
        const void** stub;
        MonitorFunction function;
        const void* wide;
    };
    Way ways[] = {{&stubs.step, monitor.step, nullptr}, {&stubs.stop, monitor.stop, nullptr}, {&stubs.fpu, monitor.fpu, nullptr},
                  {&stubs.hot, monitor.hot, nullptr},   {&stubs.link, monitor.link, nullptr}, {&stubs.look_up, monitor.indirect, nullptr}};
    for (Way& w : ways) w.wide = wide.here([&] { emit_call_monitor(a, context, w.function, resume); });
    wide.commit();

    Listing narrow(cache, asmjit::Arch::kX86);
    for (const Way& w : ways) *w.stub = narrow.here([&] { far_jump(narrow.a, w.wide); });
    stubs.jump_miss = narrow.here([&] {
        Assembler& n = narrow.a;
        n.mov(STATE(segments_state.argument), x86::ecx);
        n.mov(x86::eax, spill(EAX));
        n.mov(x86::ecx, spill(ECX));
        far_jump(n, ways[5].wide);
    });
    narrow.commit();
    return stubs;
}

}  // namespace ringfold::segments
