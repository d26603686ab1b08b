// Instructions whose immediate the guest keeps changing (see PatchHistory): it is loaded from guest memory each time.
#include "translator/emit/emit.h"

namespace ringfold {

using namespace windows;

namespace {

std::optional<asmjit::InstId> host_instruction(const Instruction& i) {
    switch (i.mnemonic) {
        case ZYDIS_MNEMONIC_MOV: return x86::Inst::kIdMov;
        case ZYDIS_MNEMONIC_ADD: return x86::Inst::kIdAdd;
        case ZYDIS_MNEMONIC_OR: return x86::Inst::kIdOr;
        case ZYDIS_MNEMONIC_ADC: return x86::Inst::kIdAdc;
        case ZYDIS_MNEMONIC_SBB: return x86::Inst::kIdSbb;
        case ZYDIS_MNEMONIC_AND: return x86::Inst::kIdAnd;
        case ZYDIS_MNEMONIC_SUB: return x86::Inst::kIdSub;
        case ZYDIS_MNEMONIC_XOR: return x86::Inst::kIdXor;
        case ZYDIS_MNEMONIC_CMP: return x86::Inst::kIdCmp;
        case ZYDIS_MNEMONIC_TEST: return x86::Inst::kIdTest;
        case ZYDIS_MNEMONIC_PUSH: return x86::Inst::kIdPush;
        default: return std::nullopt;
    }
}

}  // namespace

bool Emit::loads_immediate(const Instruction& i) const {
    const uint32_t offset = eip_ - block_->key.eip;
    if (!flat() || !patches || !patches->often(block_->key.code.value + offset)) return false;
    const bool in_page = block_->key.code.page_offset() + offset + i.immediate_offset + 4 <= kPageSize;
    return in_page && i.immediate_length == 4 && i.operand_size == 4 &&
           i.op(i.operand_count - 1).kind == OperandKind::Immediate &&
           (i.operand_count == 2 || i.mnemonic == ZYDIS_MNEMONIC_PUSH) && host_instruction(i) &&
           !(i.has_memory && i.memory.segment == CS && i.writes_memory()) && !i.lock;
}

Emit::After Emit::emit_loaded(const Instruction& i) {
    const uint32_t offset = eip_ - block_->key.eip + i.immediate_offset;
    const uint8_t* immediate = guest_code_ + offset;
    auto load = [&] {
        a_.mov(x86::r10, reinterpret_cast<uint64_t>(immediate));
        a_.mov(x86::r10d, x86::dword_ptr(x86::r10));
    };
    ++block_->simulated;
    block_->loaded.push_back({static_cast<uint16_t>(offset), immediate});
    if (i.mnemonic == ZYDIS_MNEMONIC_PUSH) {
        push_dword([&](const x86::Mem& to) {
            load();
            a_.mov(to, x86::r10d);
        });
        return After::GoesOn;
    }
    const asmjit::InstId id = *host_instruction(i);
    if (i.op(0).kind == OperandKind::Gpr) {
        load();
        a_.emit(id, host32(i.op(0).reg), x86::r10d);
        return After::GoesOn;
    }
    linear_address(i);
    x86::Mem to = guest_memory(4, i.writes_memory() ? Access::Write : Access::Read);
    to.setSize(4);
    load();
    a_.emit(id, to, x86::r10d);
    return After::GoesOn;
}

}  // namespace ringfold
