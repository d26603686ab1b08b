// What QMP's commands do.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "vmm/base/result.h"
#include "vmm/monitor/control.h"

namespace ringfold {

// An error in QMP's form.
class QmpError : public HostError {
public:
    explicit QmpError(const std::string& what, std::string error_class = "GenericError")
        : HostError(what), error_class_(std::move(error_class)) {}
    const std::string& error_class() const { return error_class_; }

private:
    std::string error_class_;
};

nlohmann::ordered_json run_qmp_command(MachineControl& control, const std::string& name,
                                       const nlohmann::json& arguments);

}  // namespace ringfold
