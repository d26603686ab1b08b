// Repeated string instructions, as listings.
//
// Most runs lie within a page on both sides: straight code that touches no flags, like a soft access. Whatever else
// there is goes the long way, which saves the flags, does what is left of the pages that it stands on, and starts
// again. Both find pages through the soft TLB, in direct blocks too: a miss costs hundreds of cycles where a host
// fault costs thousands, and a hit nothing beside a page of elements. Host addresses are those of guest RAM, so
// two linear addresses of one frame overlap for the host as they do for the guest.
#include "translator/engine/windows/string_stubs.h"

#include "translator/engine/windows/flags.h"
#include "translator/engine/windows/registers.h"

namespace ringfold::windows {

namespace {

using x86::Assembler;

#define FIELD_SIZED(member, size) context(offsetof(VcpuContext, member), size)

// SHRX by r14 in 64 bits: six bits of it count.
static_assert(alignof(VcpuContext) >= 64);

struct Form {
    uint8_t opcode;  // of the byte form
    bool source;     // reads DS:ESI
    bool writes;     // ES:EDI
    bool compares;   // and so ends by ZF
    bool repne;
    unsigned shift;  // log2 of the element's size

    int32_t size() const { return 1 << shift; }
    size_t destination_bias() const { return writes ? offsetof(View, tlb.write_bias) : offsetof(View, tlb.read_bias); }
};

class StringStub {
public:
    StringStub(Assembler& a, const Form& form, const StringExits& exits) : a_(a), form_(form), exits_(exits) {}

    void emit() {
        a_.bind(start_);
        within_a_page();
        to_the_page_end();
        ways_out();
    }

private:
    void within_a_page();
    void to_the_page_end();
    void ways_out();

    void add_excess(const x86::Gp& pointer, size_t bias, const x86::Gp& index, const x86::Gp& tag);
    void elements_left(const x86::Gp& pointer, size_t bias, const x86::Gp& index, const x86::Gp& elements,
                       const asmjit::Label& miss);
    void run();
    void leave(const asmjit::Label& exit);

    Assembler& a_;
    const Form form_;
    const StringExits& exits_;
    asmjit::Label start_ = a_.newLabel(), long_way_ = a_.newLabel(), step_ = a_.newLabel(), element_ = a_.newLabel(),
                  source_miss_ = a_.newLabel(), destination_miss_ = a_.newLabel(), event_ = a_.newLabel();
};

// r8 += what is not zero unless all of the run lies in the page that the TLB holds; `index` becomes its addend.
void StringStub::add_excess(const x86::Gp& pointer, size_t bias, const x86::Gp& index, const x86::Gp& tag) {
    a_.rorx(index.r32(), pointer.r32(), 12 + kTlbBits);
    a_.shrx(index.r32(), index.r32(), kView.r32());
    a_.mov(tag.r32(), view(bias, index, 2));
    a_.lea(tag.r32(), x86::ptr(tag, pointer));
    a_.lea(tag, x86::ptr(tag, x86::rcx, form_.shift, -1));
    a_.shrx(tag, tag, kContext);
    a_.lea(x86::r8, x86::ptr(x86::r8, tag));
    a_.mov(index, view(offsetof(View, tlb.addend), index, 3));
}

// r10, r11: the addends of source and destination, rcx elements.
void StringStub::run() {
    emit_repeated(a_, {form_.opcode, form_.shift, form_.source, form_.repne}, x86::r10, x86::r11);
}

void StringStub::within_a_page() {
    asmjit::Label hit = a_.newLabel();
    a_.mov(FIELD_SIZED(string_site, 8), x86::r9);
    a_.movzx(x86::r8d, FIELD_SIZED(cpu.direction_flag, 1));
    if (form_.source) add_excess(x86::rsi, offsetof(View, tlb.read_bias), x86::r10, x86::r11);
    add_excess(x86::rdi, form_.destination_bias(), x86::r11, x86::r9);
    a_.mov(x86::r9, x86::rcx);
    a_.mov(x86::rcx, x86::r8);
    a_.jecxz(x86::rcx, hit);
    a_.mov(x86::rcx, x86::r9);
    a_.jmp(long_way_);
    a_.bind(hit);
    a_.mov(x86::rcx, x86::r9);
    run();
    a_.ret();
}

// `elements`: how many begin and end in the page; `index` becomes its addend.
void StringStub::elements_left(const x86::Gp& pointer, size_t bias, const x86::Gp& index, const x86::Gp& elements,
                               const asmjit::Label& miss) {
    a_.mov(index.r32(), pointer.r32());
    a_.shr(index.r32(), 12);
    a_.and_(index.r32(), kTlbEntries - 1);
    a_.mov(x86::eax, view(bias, index, 2));
    a_.add(x86::eax, pointer.r32());
    a_.cmp(x86::eax, kPageSize);
    a_.jae(miss);
    a_.mov(elements.r32(), kPageSize);
    a_.sub(elements.r32(), x86::eax);
    if (form_.shift) {
        a_.shr(elements.r32(), form_.shift);
        a_.jz(element_);
    }
    a_.mov(index, view(offsetof(View, tlb.addend), index, 3));
}

void StringStub::to_the_page_end() {
    asmjit::Label nothing = a_.newLabel(), done = a_.newLabel(), quiet = a_.newLabel();
    a_.bind(nothing);
    a_.ret();
    a_.bind(long_way_);
    a_.jecxz(x86::rcx, nothing);
    set_flags_aside(a_);
    a_.cmp(FIELD_SIZED(cpu.direction_flag, 1), 0);
    a_.jne(step_);
    if (form_.source) elements_left(x86::rsi, offsetof(View, tlb.read_bias), x86::r10, x86::r8, source_miss_);
    elements_left(x86::rdi, form_.destination_bias(), x86::r11, x86::r9, destination_miss_);
    if (form_.source) {
        a_.cmp(x86::r9d, x86::r8d);
        a_.cmova(x86::r9d, x86::r8d);
    }
    a_.cmp(x86::r9d, x86::ecx);
    a_.cmova(x86::r9d, x86::ecx);
    a_.mov(x86::r8d, x86::ecx);
    a_.sub(x86::r8d, x86::r9d);
    a_.mov(x86::ecx, x86::r9d);
    take_flags_back(a_);
    run();
    a_.lea(x86::ecx, x86::ptr(x86::rcx, x86::r8));
    if (form_.compares) form_.repne ? a_.je(done) : a_.jne(done);
    a_.jecxz(x86::rcx, done);
    a_.mov(x86::r9, FIELD_SIZED(string_site, 8));
    a_.mov(x86::r8, x86::rcx);
    a_.mov(x86::ecx, FIELD_SIZED(attention, 4));
    a_.jecxz(x86::rcx, quiet);
    a_.mov(x86::rcx, x86::r8);
    a_.jmp(event_);
    a_.bind(quiet);
    a_.mov(x86::rcx, x86::r8);
    a_.jmp(start_);
    a_.bind(done);
    a_.ret();
}

// To the monitor, which knows where the site's block goes on: the return address is dropped.
void StringStub::leave(const asmjit::Label& exit) {
    a_.lea(x86::rsp, x86::ptr(x86::rsp, 8));
    a_.mov(x86::r9, FIELD_SIZED(string_site, 8));
    a_.jmp(exit);
}

void StringStub::ways_out() {
    a_.bind(source_miss_);
    take_flags_back(a_);
    a_.mov(x86::r8d, x86::esi);
    leave(exits_.read);

    a_.bind(destination_miss_);
    if (form_.source) {  // whose page may want the same slot: filling one after the other would never end
        a_.mov(x86::eax, x86::esi);
        a_.xor_(x86::eax, x86::edi);
        a_.test(x86::eax, (kTlbEntries - 1) << 12);
        a_.jz(step_);
    }
    take_flags_back(a_);
    a_.mov(x86::r8d, x86::edi);
    leave(form_.writes ? exits_.write : exits_.read);

    a_.bind(element_);
    take_flags_back(a_);
    leave(exits_.element);

    a_.bind(step_);
    take_flags_back(a_);
    a_.bind(event_);
    leave(exits_.step);
}

}  // namespace

void emit_repeated(Assembler& a, const Repeated& what, const x86::Gp& source, const x86::Gp& destination) {
    if (what.source) a.lea(x86::rsi, x86::ptr(x86::rsi, source));
    a.lea(x86::rdi, x86::ptr(x86::rdi, destination));
    if (what.shift == 1) a.db(0x66);
    a.db(what.repne ? 0xf2 : 0xf3);
    a.db(what.shift ? what.opcode | 1 : what.opcode);
    // NOT and LEA subtract without the flags.
    if (what.source) {
        a.not_(source);
        a.lea(x86::esi, x86::ptr(x86::rsi, source, 0, 1));
    }
    if (!what.source || source != destination) a.not_(destination);
    a.lea(x86::edi, x86::ptr(x86::rdi, destination, 0, 1));
}

StringStubs emit_string_stubs(Assembler& a, const StringExits& exits, const Place& here) {
    auto sizes = [&](Form form) {
        StringStubs::Sizes stubs;
        for (form.shift = 0; form.shift < stubs.size(); ++form.shift)
            stubs[form.shift] = here([&] { StringStub(a, form, exits).emit(); });
        return stubs;
    };
    StringStubs stubs;
    stubs.movs = sizes({.opcode = 0xa4, .source = true, .writes = true, .compares = false, .repne = false, .shift = 0});
    stubs.stos = sizes({.opcode = 0xaa, .source = false, .writes = true, .compares = false, .repne = false, .shift = 0});
    for (const bool repne : {false, true}) {
        stubs.cmps[repne] =
            sizes({.opcode = 0xa6, .source = true, .writes = false, .compares = true, .repne = repne, .shift = 0});
        stubs.scas[repne] =
            sizes({.opcode = 0xae, .source = false, .writes = false, .compares = true, .repne = repne, .shift = 0});
    }
    return stubs;
}

}  // namespace ringfold::windows
