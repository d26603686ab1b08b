// The windows engine's fixed host code, as listings.
#include "translator/engine/windows/stubs.h"

#include <cstring>
#include <functional>

#include "translator/emit/reencode.h"
#include "translator/engine/windows/emission_errors.h"
#include "translator/engine/windows/gate_stubs.h"
#include "translator/engine/windows/real_stubs.h"
#include "translator/engine/windows/stub_parts.h"
#include "translator/engine/windows/write_stub.h"
#include "vmm/base/result.h"

namespace ringfold::windows {

namespace {

using x86::Assembler;

constexpr size_t kStubBytes = 32 * 1024;

// FXSAVE would show the guest host addresses in the x87 instruction and data pointers: they are wiped.
void save_fpu(Assembler& a) {
    asmjit::Label saved = a.newLabel();
    a.cmp(FIELD_SIZED(fpu_saved, 1), 0);
    a.jne(saved);
    a.fxsave(FIELD_SIZED(cpu.fpu, 512));
    a.xor_(x86::eax, x86::eax);
    a.mov(context(offsetof(VcpuContext, cpu.fpu) + 8, 8), x86::rax);
    a.mov(context(offsetof(VcpuContext, cpu.fpu) + 16, 8), x86::rax);
    a.mov(FIELD_SIZED(fpu_saved, 1), 1);
    a.fninit();
    a.ldmxcsr(FIELD_SIZED(host_mxcsr, 4));
    a.bind(saved);
}

void reload_fpu(Assembler& a) {
    asmjit::Label done = a.newLabel();
    a.cmp(FIELD_SIZED(reload_fpu, 1), 0);
    a.je(done);
    a.fxrstor(FIELD_SIZED(cpu.fpu, 512));
    a.mov(FIELD_SIZED(fpu_saved, 1), 0);
    a.mov(FIELD_SIZED(reload_fpu, 1), 0);
    a.bind(done);
}

void save_guest(Assembler& a) {
    save_registers(a);
    save_flags(a);
    save_fpu(a);
    a.mov(FIELD(return_rsp), x86::rsp);
    a.mov(x86::rsp, FIELD(monitor_rsp));
}

// rax: where to go on.
void emit_resume(Assembler& a) {
    a.mov(FIELD(next_pc), x86::rax);
    reload_fpu(a);
    a.mov(x86::rsp, FIELD(return_rsp));
    a.mov(kView, FIELD(view_register));
    restore_flags(a);
    restore_registers(a);
    a.mov(x86::r8d, FIELD_SIZED(cpu.eip, 4));  // for entries
    a.jmp(FIELD_SIZED(next_pc, 8));
}

const x86::Gp kCalleeSaved[] = {x86::rbx, x86::rbp, x86::r12, x86::r13, x86::r14, x86::r15};

void emit_enter(Assembler& a, const asmjit::Label& resume) {
    for (const auto& r : kCalleeSaved) a.push(r);
    a.sub(x86::rsp, 8);  // aligned for the calls out of translated code
    a.lea(kContext, x86::ptr(x86::rdi, kContextBias));
    a.lea(kPollEnd, context(VcpuMemory::kPollPage + kPageSize - kPollEndBias));
    a.mov(FIELD(monitor_rsp), x86::rsp);
    a.mov(x86::rax, x86::rsi);
    a.jmp(resume);
}

void emit_leave(Assembler& a) {
    a.mov(x86::rsp, FIELD(monitor_rsp));
    a.add(x86::rsp, 8);
    for (size_t n = std::size(kCalleeSaved); n-- > 0;) a.pop(kCalleeSaved[n]);
    a.ret();
}

void emit_call_monitor(Assembler& a, MonitorFunction function, const asmjit::Label& resume) {
    save_guest(a);
    a.lea(x86::rdi, x86::ptr(kContext, -kContextBias));
    a.mov(x86::rsi, x86::r9);
    a.mov(x86::edx, x86::r8d);
    a.mov(x86::rax, reinterpret_cast<uint64_t>(function));
    a.call(x86::rax);
    a.jmp(resume);
}

// A call that nearly always goes on at r10, behind its instruction, so that it costs no more than an ordinary call
// of C++. An answer other than nullptr is where to go on instead. With the guest's FPU state in the host's registers
// it is an ordinary step.
void emit_light_call(Assembler& a, MonitorFunction function, const void* step, const asmjit::Label& resume) {
    asmjit::Label full = a.newLabel();
    save_registers(a);
    save_flags(a);
    a.cmp(FIELD_SIZED(fpu_saved, 1), 0);
    a.je(full);
    a.mov(FIELD(next_pc), x86::r10);
    a.mov(FIELD(return_rsp), x86::rsp);
    a.mov(x86::rsp, FIELD(monitor_rsp));
    a.lea(x86::rdi, x86::ptr(kContext, -kContextBias));
    a.mov(x86::rsi, x86::r9);
    a.mov(x86::edx, x86::r8d);
    a.mov(x86::rax, reinterpret_cast<uint64_t>(function));
    a.call(x86::rax);
    a.test(x86::rax, x86::rax);
    a.jnz(resume);
    a.mov(x86::rsp, FIELD(return_rsp));
    restore_flags(a);
    restore_registers(a);
    a.jmp(FIELD_SIZED(next_pc, 8));
    a.bind(full);
    restore_flags(a);
    restore_registers(a);
    a.jmp(asmjit::Imm(reinterpret_cast<uint64_t>(step)));
}

// The registers are in VcpuContext::fault already; only the FPU's are still the guest's.
void emit_host_fault(Assembler& a, const void* (*function)(VcpuContext*) noexcept, const asmjit::Label& resume) {
    save_fpu(a);
    a.lea(x86::rdi, x86::ptr(kContext, -kContextBias));
    a.mov(x86::rax, reinterpret_cast<uint64_t>(function));
    a.call(x86::rax);
    a.jmp(resume);
}

// r8d: the target EIP. Touches no flags; the tag is the negated EIP, so that adding gives zero on a hit.
void emit_indirect(Assembler& a, const asmjit::Label& miss) {
    asmjit::Label hit = a.newLabel();
    a.rorx(x86::r9d, x86::r8d, 14);
    a.lea(x86::r9d, x86::ptr(x86::r9, x86::r8, 3));
    a.shrx(x86::r9d, x86::r9d, kPollEnd.r32());
    a.mov(kSavedRcx, x86::rcx);
    a.mov(x86::ecx, view(offsetof(View, jumps.negated_eip), x86::r9, 2));
    a.lea(x86::ecx, x86::ptr(x86::rcx, x86::r8));
    a.jecxz(x86::ecx, hit);
    a.mov(x86::rcx, kSavedRcx);
    a.jmp(miss);
    a.bind(hit);
    a.mov(x86::rcx, kSavedRcx);
    a.jmp(view(offsetof(View, jumps.host), x86::r9, 3));
}

// The same in code that is not flat: r9d is its segmentation. See SegmentedJumpCache.
void emit_segmented_indirect(Assembler& a, const asmjit::Label& miss) {
    asmjit::Label hit = a.newLabel();
    a.rorx(x86::r10d, x86::r9d, 32 - 6);
    a.lea(x86::r10d, x86::ptr(x86::r10, x86::r8, 2));
    a.rorx(x86::r11d, x86::r10d, 14);
    a.lea(x86::r10d, x86::ptr(x86::r11, x86::r10, 3));
    a.shrx(x86::r10d, x86::r10d, kPollEnd.r32());
    a.rorx(x86::r9, x86::r9, 32);
    a.lea(x86::r9, x86::ptr(x86::r9, x86::r8));
    a.mov(kSavedRcx, x86::rcx);
    a.mov(x86::rcx, view(offsetof(View, segmented_jumps.negated_tag), x86::r10, 3));
    a.lea(x86::rcx, x86::ptr(x86::rcx, x86::r9));
    a.jecxz(x86::rcx, hit);
    a.mov(x86::rcx, kSavedRcx);
    a.jmp(miss);
    a.bind(hit);
    a.mov(x86::rcx, kSavedRcx);
    a.jmp(view(offsetof(View, segmented_jumps.host), x86::r10, 3));
}

// A return that came to where another call was made. Such returns may go round in circles, so they heed events; those
// that match are no more than their calls.
void emit_return_miss(Assembler& a, const asmjit::Label& indirect, const asmjit::Label& indirect_miss) {
    asmjit::Label quiet = a.newLabel();
    a.mov(kSavedRcx, x86::rcx);
    a.mov(x86::ecx, FIELD_SIZED(attention, 4));
    a.jecxz(x86::rcx, quiet);
    a.mov(x86::rcx, kSavedRcx);
    a.jmp(indirect_miss);
    a.bind(quiet);
    a.mov(x86::rcx, kSavedRcx);
    a.jmp(indirect);
}

// Where a return finds the stack empty.
void emit_return_empty(Assembler& a, const asmjit::Label& return_miss) {
    a.mov(x86::rsp, FIELD(return_top));
    a.jmp(return_miss);
}

}  // namespace

void write_jump(CodeCache& cache, const uint8_t* at, GuestVirt eip, bool any_page, const void* to) {
    HostBytes code;
    if (any_page) {
        code.add_all({0x45, 0x8b, 0x86});  // mov r8d, [r14 + disp32]
        code.add_number(offsetof(VcpuContext, page_base) - kContextBias, 4);
        code.add_all({0x45, 0x8d, 0x80});  // lea r8d, [r8 + disp32]
    } else {
        code.add_all({0x41, 0xb8});  // mov r8d, imm32
    }
    code.add_number(eip.value, 4);
    code.add_jump(at, to);
    cache.overwrite(at, code.data.data(), code.length);
}

void write_exit_thunk(CodeCache& cache, const Link& link, const void* stub) {
    const uint8_t* at = link.from->host + link.thunk;
    HostBytes code;
    code.add_all({0x49, 0xb9});  // mov r9, imm64
    code.add_number(reinterpret_cast<uint64_t>(&link), 8);
    code.add_jump(at, stub);
    cache.overwrite(at, code.data.data(), code.length);
}

Stubs emit_stubs(CodeCache& cache, const MonitorFunctions& monitor) {
    const uint8_t* base = cache.reserve(kStubBytes);
    asmjit::CodeHolder holder;
    holder.init(asmjit::Environment::host(), reinterpret_cast<uint64_t>(base));
    EmissionErrors errors;
    holder.setErrorHandler(&errors);
    Assembler a(&holder);

    asmjit::Label resume = a.newLabel(), indirect_miss = a.newLabel(), indirect = a.newLabel();
    auto here = [&](const std::function<void()>& emit) {
        a.align(asmjit::AlignMode::kCode, 16);
        const auto at = base + a.offset();
        emit();
        return static_cast<const void*>(at);
    };
    auto calls = [&](MonitorFunction f) { return here([&] { emit_call_monitor(a, f, resume); }); };
    const StringExits string_exits{a.newLabel(), a.newLabel(), a.newLabel(), a.newLabel()};
    auto calls_from = [&](const asmjit::Label& label, MonitorFunction f) {
        return here([&] { a.bind(label); emit_call_monitor(a, f, resume); });
    };

    Stubs stubs{};
    const void* enter = here([&] { emit_enter(a, resume); });
    stubs.enter = reinterpret_cast<void (*)(VcpuContext*, const void*)>(reinterpret_cast<uintptr_t>(enter));
    here([&] { a.bind(resume); emit_resume(a); });
    stubs.leave = here([&] { emit_leave(a); });
    const asmjit::Label soft_miss = a.newLabel();
    stubs.soft_miss = calls_from(soft_miss, monitor.soft_miss);
    stubs.soft_write_miss = here([&] { emit_write_miss(a, soft_miss); });
    stubs.step = calls_from(string_exits.step, monitor.step);
    stubs.stop = calls(monitor.stop);
    stubs.fault = calls(monitor.fault);
    auto light = [&](MonitorFunction f) { return here([&] { emit_light_call(a, f, stubs.step, resume); }); };
    stubs.port_in = light(monitor.port_in);
    stubs.port_out = light(monitor.port_out);
    stubs.quick = light(monitor.quick);
    stubs.light_step = light(monitor.light_step);
    const void* exception = calls(monitor.exception);
    for (const bool user : {false, true}) {
        auto gate = [&](GateEvent e, const void* otherwise) { return here([&] { emit_gate(a, e, user, otherwise); }); };
        stubs.interrupt[user] = gate(GateEvent::SoftwareInterrupt, stubs.stop);
        stubs.exception[user] = gate(GateEvent::Exception, exception);
        stubs.exception_with_error[user] = gate(GateEvent::ExceptionWithError, exception);
    }
    stubs.real_interrupt = here([&] { emit_real_interrupt(a, stubs.stop); });
    stubs.real_iret = here([&] { emit_real_iret(a, stubs.stop); });
    stubs.iret = here([&] { emit_iret(a, stubs.stop); });
    stubs.sysenter = here([&] { emit_sysenter(a, stubs.stop); });
    stubs.sysexit = here([&] { emit_sysexit(a, stubs.stop); });
    stubs.fpu = calls(monitor.fpu);
    stubs.divide_error = calls(monitor.divide_error);
    stubs.hot = calls(monitor.hot);
    stubs.link = calls(monitor.link);
    stubs.look_up = here([&] { a.bind(indirect_miss); emit_call_monitor(a, monitor.indirect, resume); });
    stubs.indirect = here([&] { a.bind(indirect); emit_indirect(a, indirect_miss); });
    const asmjit::Label segmented_indirect = a.newLabel();
    stubs.segmented_indirect =
        here([&] { a.bind(segmented_indirect); emit_segmented_indirect(a, indirect_miss); });
    const asmjit::Label return_miss = a.newLabel(), segmented_return_miss = a.newLabel();
    stubs.return_miss = here([&] { a.bind(return_miss); emit_return_miss(a, indirect, indirect_miss); });
    stubs.segmented_return_miss =
        here([&] { a.bind(segmented_return_miss); emit_return_miss(a, segmented_indirect, indirect_miss); });
    stubs.any_page_return_miss = here([&] { a.lea(x86::rsp, x86::ptr(x86::rsp, 8)); a.jmp(return_miss); });
    stubs.return_empty = here([&] { emit_return_empty(a, return_miss); });
    stubs.segmented_return_empty = here([&] { emit_return_empty(a, segmented_return_miss); });
    calls_from(string_exits.element, monitor.string_element);
    calls_from(string_exits.read, monitor.string_read);
    calls_from(string_exits.write, monitor.string_write);
    stubs.strings = emit_string_stubs(a, string_exits, here);
    stubs.host_fault = here([&] { emit_host_fault(a, monitor.host_fault, resume); });

    const auto& buffer = holder.textSection()->buffer();
    if (holder.hasUnresolvedLinks() || buffer.size() > kStubBytes) throw HostError("cannot emit the world switch");
    cache.commit(base, buffer.data(), buffer.size());
    cache.keep();
    return stubs;
}

}  // namespace ringfold::windows
