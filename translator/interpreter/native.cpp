// Re-encodes guest x87, MMX and SSE instructions for 64-bit mode and calls them.
//
// In a stub the guest's registers are in their own host registers, but esp is in r12, whose encoding differs in REX
// alone, and the memory operand is always [r8].
#include "translator/interpreter/native.h"

#include <sys/mman.h>

#include <array>
#include <new>

#include "vmm/base/result.h"

// ringfold_run_native(state, fpu image, code, memory operand)
asm(R"(
    .text
    .type ringfold_run_native, @function
ringfold_run_native:
    .cfi_startproc
    pushq %rbx
    .cfi_adjust_cfa_offset 8
    pushq %rbp
    .cfi_adjust_cfa_offset 8
    pushq %r12
    .cfi_adjust_cfa_offset 8
    pushq %r13
    .cfi_adjust_cfa_offset 8
    pushq %r14
    .cfi_adjust_cfa_offset 8
    pushq %r15
    .cfi_adjust_cfa_offset 8
    movq %rdi, %r13
    movq %rsi, %r14
    movq %rdx, %r15
    movq %rcx, %r8
    fxrstor (%r14)
    movl 36(%r13), %eax
    andl $0x8d5, %eax
    orl $0x202, %eax
    pushq %rax
    .cfi_adjust_cfa_offset 8
    popfq
    .cfi_adjust_cfa_offset -8
    movl 0(%r13), %eax
    movl 4(%r13), %ecx
    movl 8(%r13), %edx
    movl 12(%r13), %ebx
    movl 16(%r13), %r12d
    movl 20(%r13), %ebp
    movl 24(%r13), %esi
    movl 28(%r13), %edi
    call *%r15
    movl %eax, 0(%r13)
    movl %ecx, 4(%r13)
    movl %edx, 8(%r13)
    movl %ebx, 12(%r13)
    movl %r12d, 16(%r13)
    movl %ebp, 20(%r13)
    movl %esi, 24(%r13)
    movl %edi, 28(%r13)
    pushfq
    .cfi_adjust_cfa_offset 8
    popq %rax
    .cfi_adjust_cfa_offset -8
    andl $0x8d5, %eax
    movl %eax, 36(%r13)
    fxsave (%r14)
    fninit
    pushq $0x1f80
    .cfi_adjust_cfa_offset 8
    ldmxcsr (%rsp)
    popq %rax
    .cfi_adjust_cfa_offset -8
    popq %r15
    .cfi_adjust_cfa_offset -8
    popq %r14
    .cfi_adjust_cfa_offset -8
    popq %r13
    .cfi_adjust_cfa_offset -8
    popq %r12
    .cfi_adjust_cfa_offset -8
    popq %rbp
    .cfi_adjust_cfa_offset -8
    popq %rbx
    .cfi_adjust_cfa_offset -8
    ret
    .cfi_endproc
    .size ringfold_run_native, . - ringfold_run_native
)");

extern "C" void ringfold_run_native(ringfold::CpuState*, uint8_t* image, const void* code, void* memory)
    __attribute__((visibility("hidden")));

namespace ringfold::interpreter {

namespace {

// The bytes of a stub: at most seven and a RET.
class Encoding {
public:
    void add(uint8_t byte) { bits_ |= uint64_t{byte} << (8 * length_++); }
    // With the RET, which also tells `a, 0` from `a`; never 0.
    uint64_t code() const { return bits_ | uint64_t{0xc3} << (8 * length_); }

private:
    uint64_t bits_ = 0;
    unsigned length_ = 0;
};

// The REX bit of the field that names ESP, if one does.
uint8_t rex_of_esp(const Instruction& i) {
    constexpr uint8_t kRexR = 4, kRexB = 1;
    for (int n = 0; n < i.operand_count; ++n)
        if (i.op(n).kind == OperandKind::Gpr && i.op(n).reg == ESP) return i.op(n).encoded == Encoded::ModrmRm ? kRexB : kRexR;
    return 0;
}

bool is_x87(const Instruction& i) {
    return i.opcode_map == 0 && (i.opcode & 0xf8) == 0xd8;
}

Encoding encode(const Instruction& i) {
    constexpr uint8_t kRex = 0x40, kRexB = 1;
    Encoding code;
    if (i.mandatory_prefix)
        code.add(i.mandatory_prefix);
    else if (is_x87(i) && i.operand_size == 2)
        code.add(0x66);  // the 16-bit environment formats
    uint8_t modrm = i.modrm, rex = rex_of_esp(i);
    if (i.has_memory) {
        modrm &= 0x38;  // [rax], and with REX.B [r8]
        rex |= kRexB;
    }
    if (rex) code.add(kRex | rex);
    if (i.opcode_map) code.add(0x0f);
    if (i.opcode_map == 2) code.add(0x38);
    if (i.opcode_map == 3) code.add(0x3a);
    code.add(i.opcode);
    if (i.has_modrm) code.add(modrm);
    if (i.immediate_length) code.add(static_cast<uint8_t>(i.immediate));
    return code;
}

// Stubs in a direct-mapped table: an encoding that collides takes the place of the older one.
class Arena {
public:
    Arena() {
        void* p = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED) throw HostError("no executable memory for FPU stubs: the host must allow mmap with PROT_EXEC");
        base_ = static_cast<uint8_t*>(p);
    }
    ~Arena() { munmap(base_, kBytes); }
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;

    const void* find(Encoding encoding) {
        const uint64_t code = encoding.code();
        const size_t n = (code * 0x9e3779b97f4a7c15u) >> (64 - kBits);
        uint8_t* stub = base_ + n * sizeof(code);
        if (codes_[n] != code) {
            memcpy(stub, &code, sizeof(code));
            codes_[n] = code;
        }
        return stub;
    }

private:
    static constexpr unsigned kBits = 12;
    static constexpr size_t kBytes = sizeof(uint64_t) << kBits;
    uint8_t* base_;
    std::array<uint64_t, size_t{1} << kBits> codes_{};  // what is written there; 0: nothing yet
};

Arena& arena() {
    thread_local Arena a;
    return a;
}

void run(CpuState& s, const void* code, Bounce& memory) {
    std::array<uint8_t, FpuImage::kMxcsr - FpuImage::kFop> pointers;  // FOP to FDS
    memcpy(pointers.data(), &s.fpu[FpuImage::kFop], pointers.size());
    ringfold_run_native(&s, s.fpu.data(), code, memory.bytes);
    memcpy(&s.fpu[FpuImage::kFop], pointers.data(), pointers.size());
    // Where 64-bit FXSAVE puts XMM8 to 15.
    memset(&s.fpu[FpuImage::kEnd], 0, s.fpu.size() - FpuImage::kEnd);
}

// ES and B follow from the flags and the masks.
void set_summary(FpuImage image) {
    constexpr uint16_t kSummary = FpuImage::kErrorSummary | FpuImage::kBusy;
    const auto fsw = image.get<uint16_t>(FpuImage::kFsw);
    image.set<uint16_t>(FpuImage::kFsw, image.unmasked() ? fsw | kSummary : fsw & ~kSummary);
}

// With CR0.NE clear nobody answers FERR#: as with IGNNE# held, the instruction runs in spite of what is pending.
void run_ignoring(CpuState& s, const void* code, Bounce& memory) {
    FpuImage image = fpu_image(s);
    if (!image.unmasked()) return run(s, code, memory);
    const auto fcw = image.get<uint16_t>(FpuImage::kFcw);
    image.set<uint16_t>(FpuImage::kFcw, fcw | FpuImage::kAllMasked);
    set_summary(image);
    run(s, code, memory);
    image.set<uint16_t>(FpuImage::kFcw, fcw);
    set_summary(image);
}

}  // namespace

void run_native(CpuState& s, const Instruction& i, Bounce& memory) {
    run(s, arena().find(encode(i)), memory);
}

void run_waiting(CpuState& s, const Instruction& i, Bounce& memory) {
    run_ignoring(s, arena().find(encode(i)), memory);
}

void enter_mmx(CpuState& s) {
    Encoding store;  // movd [r8], mm0
    for (uint8_t byte : {0x41, 0x0f, 0x7e, 0x00}) store.add(byte);
    Bounce unused;
    run_ignoring(s, arena().find(store), unused);
}

void normalise_fpu(CpuState& s) {
    Bounce none;
    run(s, arena().find(Encoding()), none);
    set_summary(fpu_image(s));
}

}  // namespace ringfold::interpreter
