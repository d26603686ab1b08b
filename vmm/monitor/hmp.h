// The human monitor: QEMU's commands, each a line in and some lines out.
#pragma once

#include <string>
#include <string_view>

#include "vmm/monitor/control.h"

namespace ringfold {

class Hmp {
public:
    // `can_ask`: lines come one after the other, so that one can be the answer to a question.
    explicit Hmp(MachineControl& control, bool can_ask) : control_(control), can_ask_(can_ask) {}

    // What the command prints, every line ended. A command that fails prints one line that says why.
    std::string run(std::string_view line);

    // For a new peer, who is not asked what the last one was.
    std::string greeting();
    // What to print before the next line: "(qemu) ", which scripts written for QEMU wait for, or a question.
    std::string_view prompt() const { return wants_password_ ? "Password: " : "(qemu) "; }
    // That line as it may be shown.
    std::string shown(std::string_view line) const {
        return wants_password_ ? std::string(line.size(), '*') : std::string(line);
    }

    // A line of text, taken apart. Throws HostError where something is missing.
    class Arguments {
    public:
        Arguments(std::string_view text, MachineControl& control) : text_(text), control_(control) { skip(); }
        bool empty() const { return text_.empty(); }
        // A word, or a string in quotation marks.
        std::string word(const char* what);
        std::string word_or(std::string otherwise) { return empty() ? otherwise : word(""); }
        int64_t number();
        // "/10xw", without the slash; empty if there is none.
        std::string format();
        // "-f": true if it stands here.
        bool flag(char letter);
        void end(std::string_view command) const;

    private:
        void skip();
        std::string_view text_;
        MachineControl& control_;
    };

    struct Command {
        std::string_view name, alias, parameters, summary;
        std::string (Hmp::*run)(Arguments&);
    };

private:
    friend struct HmpTables;
    std::string run_checked(std::string_view line);

    std::string help(Arguments&);
    std::string info(Arguments&);
    std::string stop(Arguments&);
    std::string cont(Arguments&);
    std::string quit(Arguments&);
    std::string system_reset(Arguments&);
    std::string system_powerdown(Arguments&);
    std::string sendkey(Arguments&);
    std::string mouse_move(Arguments&);
    std::string mouse_button(Arguments&);
    std::string screendump(Arguments&);
    std::string set_password(Arguments&);
    std::string eject(Arguments&);
    std::string change(Arguments&);
    std::string savevm(Arguments&);
    std::string loadvm(Arguments&);
    std::string delvm(Arguments&);
    std::string print(Arguments&);
    std::string pmemsave(Arguments&);
    std::string memsave(Arguments&);
    // hmp_memory.cpp
    std::string x(Arguments&);
    std::string xp(Arguments&);
    // hmp_info.cpp
    std::string info_status(Arguments&);
    std::string info_version(Arguments&);
    std::string info_name(Arguments&);
    std::string info_uuid(Arguments&);
    std::string info_registers(Arguments&);
    std::string info_block(Arguments&);
    std::string info_network(Arguments&);
    std::string info_jit(Arguments&);
    std::string info_snapshots(Arguments&);
    std::string info_state(Arguments&);
    // hmp_interrupts.cpp
    std::string info_pic(Arguments&);
    std::string info_lapic(Arguments&);
    std::string info_irq(Arguments&);
    // hmp_pci.cpp
    std::string info_pci(Arguments&);
    // hmp_paging.cpp
    std::string info_mem(Arguments&);
    std::string info_tlb(Arguments&);

    MachineControl& control_;
    const bool can_ask_;
    bool wants_password_ = false;  // the next line is the display's
};

}  // namespace ringfold
