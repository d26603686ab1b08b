// Greeting, negotiation, requests with their ids, errors and events.
#include <cerrno>
#include <cstring>
#include <ctime>

#include "vmm/monitor/qmp_commands.h"
#include "vmm/monitor/sessions.h"
#include "vmm/monitor/version.h"

namespace ringfold {

namespace {

using Json = nlohmann::json;
using Ordered = nlohmann::ordered_json;

Ordered error(const std::string& error_class, const std::string& what) {
    return {{"error", {{"class", error_class}, {"desc", what}}}};
}

Ordered timestamp() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return {{"seconds", now.tv_sec}, {"microseconds", now.tv_nsec / 1000}};
}

}  // namespace

QmpSession::QmpSession(MachineControl& control, MonitorPort& port) : control_(control), port_(port) {
    control_.on_event([this](const MachineControl::Event& event) { tell(event); });
}

QmpSession::~QmpSession() = default;

void QmpSession::send(const Ordered& message) {
    // A guest's or a user's text need not be UTF-8.
    port_.send(message.dump(-1, ' ', false, Json::error_handler_t::replace) + "\r\n");
}

void QmpSession::connected() {
    talking_ = true;
    negotiated_ = false;
    send({{"QMP",
           {{"version",
             {{"qemu", {{"micro", kQemuMicro}, {"minor", kQemuMinor}, {"major", kQemuMajor}}},
              {"package", package_version()}}},
            {"capabilities", Json::array()}}}});
}

void QmpSession::command(const std::string& unit) {
    const Json request = Json::parse(unit, nullptr, false);
    Ordered reply;
    if (request.is_discarded())
        reply = error("GenericError", "JSON parse error, invalid syntax");
    else if (!request.is_object())
        reply = error("GenericError", "QMP input must be a JSON object");
    else
        reply = answer(request);
    if (request.is_object() && request.contains("id")) reply["id"] = request["id"];
    send(reply);
}

Ordered QmpSession::answer(const Json& request) {
    for (const auto& [key, value] : request.items())
        if (key != "execute" && key != "exec-oob" && key != "arguments" && key != "id")
            return error("GenericError", "QMP input member '" + key + "' is unexpected");
    if (request.contains("exec-oob"))
        return error("GenericError", "QMP input member 'exec-oob' is unexpected: there is no out-of-band execution");
    if (!request.contains("execute")) return error("GenericError", "QMP input lacks member 'execute'");
    if (!request["execute"].is_string()) return error("GenericError", "QMP input member 'execute' must be a string");
    const std::string name = request["execute"];
    const Json arguments = request.value("arguments", Json::object());
    if (!arguments.is_object()) return error("GenericError", "QMP input member 'arguments' must be an object");
    if (!negotiated_) {
        if (name != "qmp_capabilities")
            return error("CommandNotFound", "Expecting capabilities negotiation with 'qmp_capabilities'");
        negotiated_ = true;
        return {{"return", Json::object()}};
    }
    if (name == "qmp_capabilities")
        return error("CommandNotFound", "Capabilities negotiation is already complete, command ignored");
    try {
        return {{"return", run_qmp_command(control_, name, arguments)}};
    } catch (const QmpError& e) {
        return error(e.error_class(), e.what());
    } catch (const HostError& e) {
        return error("GenericError", e.what());
    } catch (const std::bad_alloc&) {
        return error("GenericError", "the host is out of memory");
    }
}

namespace {

// No node has a name here, and none is said (QEMU, qapi/block-core.json).
Ordered io_error(const MachineControl::Event& event) {
    const block::Drive::Failure& f = event.failure;
    const char* const action = f.action == block::OnError::Stop     ? "stop"
                               : f.action == block::OnError::Ignore ? "ignore"
                                                                    : "report";
    return {{"device", event.device}, {"operation", f.write ? "write" : "read"}, {"action", action}, {"nospace", f.error == ENOSPC},
            {"reason", strerror(f.error)}};
}

}  // namespace

void QmpSession::tell(const MachineControl::Event& event) {
    if (!talking_ || !negotiated_) return;
    using Kind = MachineControl::Event::Kind;
    Ordered message = {{"timestamp", timestamp()}};
    switch (event.kind) {
        case Kind::Stop:
            message["event"] = "STOP";
            break;
        case Kind::Resume:
            message["event"] = "RESUME";
            break;
        case Kind::PowerDown:
            message["event"] = "POWERDOWN";
            break;
        case Kind::Reset:
        case Kind::Shutdown:
            message["event"] = event.kind == Kind::Reset ? "RESET" : "SHUTDOWN";
            message["data"] = {{"guest", event.guest}, {"reason", event.reason}};
            break;
        case Kind::TrayMoved:
            message["event"] = "DEVICE_TRAY_MOVED";
            message["data"] = {{"device", event.device}, {"tray-open", event.tray_open}, {"id", event.id}};
            break;
        case Kind::IoError:
            message["event"] = "BLOCK_IO_ERROR";
            message["data"] = io_error(event);
            break;
    }
    send(message);
}

}  // namespace ringfold
