// The two languages of a monitor's connection.
#pragma once

#include <memory>

#include <nlohmann/json_fwd.hpp>

#include "vmm/monitor/hmp.h"
#include "vmm/monitor/port.h"

namespace ringfold {

class HmpSession final : public MonitorSession {
public:
    HmpSession(MachineControl& control, MonitorPort& port) : hmp_(control, true), port_(port) {}
    void connected() override;
    void command(const std::string& unit) override;

private:
    void say(std::string_view text);  // with a carriage return at each line's end, as QEMU does

    Hmp hmp_;
    MonitorPort& port_;
};

// QMP (QEMU, docs/interop/qmp-spec.txt).
class QmpSession final : public MonitorSession {
public:
    QmpSession(MachineControl& control, MonitorPort& port);
    ~QmpSession() override;
    void connected() override;
    void command(const std::string& unit) override;
    void disconnected() override { talking_ = negotiated_ = false; }

private:
    void send(const nlohmann::ordered_json& message);
    void tell(const MachineControl::Event& event);
    nlohmann::ordered_json answer(const nlohmann::json& request);

    MachineControl& control_;
    MonitorPort& port_;
    bool talking_ = false, negotiated_ = false;
};

}  // namespace ringfold
