// savevm, loadvm and delvm: in the disks, or in a file where no disk would have to go back too.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include <fmt/format.h>
#include <sys/stat.h>

#include "vmm/base/result.h"
#include "vmm/host/fd.h"
#include "vmm/monitor/control.h"

namespace ringfold {

namespace {

bool is_file(const std::string& name) {
    return name.find('/') != std::string::npos;
}

bool writable(const Drives::Entry& e) {
    return e.drive->medium() && !e.drive->medium()->read_only;
}

// Throws HostError for what the image cannot do.
template <class Use>
void with_store(const Drives::Entry& e, Use use) {
    try {
        e.drive->with_image([&](block::BlockBackend& image) { use(*image.snapshots()); });
    } catch (const block::IoFailure& failure) {
        throw HostError(fmt::format("Device '{}': {}", MachineControl::name_of(e.option), failure.what()));
    }
}

// By ID or by name, as QEMU looks.
std::vector<block::SnapshotInfo> named(const Drives::Entry& e, const std::string& name) {
    std::vector<block::SnapshotInfo> found;
    with_store(e, [&](block::SnapshotStore& store) { found = store.list(); });
    std::erase_if(found, [&](const block::SnapshotInfo& s) { return s.id != name && s.name != name; });
    return found;
}

// A new file beside, then in its place: a snapshot that was there stays until the new one is whole.
void write_file(const std::string& path, std::span<const uint8_t> bytes) {
    std::string beside = path + ".XXXXXX";
    const host::Fd file(mkostemp(beside.data(), O_CLOEXEC));
    const bool written = file && host::write_all(file.get(), bytes) && fchmod(file.get(), 0600) == 0 &&
                         fsync(file.get()) == 0 && rename(beside.c_str(), path.c_str()) == 0;
    if (written) return;
    const int error = errno;
    if (file) unlink(beside.c_str());
    throw HostError(fmt::format("Could not write '{}': {}", path, strerror(error)));
}

// At most `limit` bytes of a plain file: a pipe or a device might never end.
std::vector<uint8_t> read_file(const std::string& path, uint64_t limit) {
    const auto fail = [&path](const char* why) { throw HostError(fmt::format("Could not open '{}': {}", path, why)); };
    const host::Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat s {};
    if (!file || fstat(file.get(), &s) < 0) fail(strerror(errno));
    if (!S_ISREG(s.st_mode)) fail("it is not a file");
    if (static_cast<uint64_t>(s.st_size) > limit) fail("it is larger than any snapshot of this machine");
    std::vector<uint8_t> bytes(static_cast<size_t>(s.st_size));
    for (size_t done = 0; done < bytes.size();) {
        const ssize_t n = ::read(file.get(), bytes.data() + done, bytes.size() - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) fail(strerror(errno));
        if (n == 0) bytes.resize(done);  // it has become shorter
        done += static_cast<size_t>(n);
    }
    return bytes;
}

}  // namespace

std::vector<const Drives::Entry*> MachineControl::snapshot_disks(bool all_must) const {
    std::vector<const Drives::Entry*> disks;
    if (drives_)
        for (const Drives::Entry& e : drives_->all()) {
            if (!writable(e)) continue;
            bool can = false;
            e.drive->with_image([&](block::BlockBackend& image) { can = image.snapshots() != nullptr; });
            if (can)
                disks.push_back(&e);
            else if (all_must)
                throw HostError(
                    fmt::format("Device '{}' is writable but does not support snapshots: its image should be "
                                "qcow2 (qemu-img convert -O qcow2 OLD NEW)",
                                name_of(e.option)));
        }
    if (disks.empty() && all_must)
        throw HostError(
            "no block device can store vmstate for snapshot; a name with a slash in it, as ./NAME, is a file");
    return disks;
}

void MachineControl::save_snapshot(const std::string& name) {
    if (is_file(name) && drives_)
        for (const Drives::Entry& e : drives_->all())
            if (writable(e))
                throw HostError(
                    fmt::format("Device '{}' is writable, and a file would not hold its contents: give a name "
                                "without a slash",
                                name_of(e.option)));
    const auto disks = is_file(name) ? std::vector<const Drives::Entry*>{} : snapshot_disks(true);
    settle();
    synchronise_tsc();
    const std::vector<uint8_t> state = Snapshot::save(machine_->parts(), machine_->ram());
    if (is_file(name)) return write_file(name, state);

    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    const block::SnapshotInfo info{.name = name,
                                   .date_seconds = static_cast<uint32_t>(now.tv_sec),
                                   .date_nanoseconds = static_cast<uint32_t>(now.tv_nsec),
                                   .clock_nanoseconds = static_cast<uint64_t>(input_.clock().now())};
    for (const Drives::Entry* e : disks) {
        const auto older = named(*e, name);
        with_store(*e, [&](block::SnapshotStore& store) {
            store.create(info, e == disks.front() ? std::span<const uint8_t>(state) : std::span<const uint8_t>{});
            for (const block::SnapshotInfo& old : older)
                if (old.name == name) store.remove(old.id);
        });
    }
}

// Everything that can be refused is, before anything changes.
void MachineControl::load_snapshot(const std::string& name) {
    std::vector<std::pair<const Drives::Entry*, std::string>> disks;
    std::vector<uint8_t> state;
    settle();
    if (is_file(name)) {
        constexpr uint64_t kMostDevices = 1 << 30;
        state = read_file(name, machine_->ram().size() + kMostDevices);
    } else {
        for (const Drives::Entry* e : snapshot_disks(true)) {
            const auto found = named(*e, name);
            if (found.empty())
                throw HostError(fmt::format("Snapshot '{}' does not exist in one or more devices", name));
            disks.emplace_back(e, found.front().id);
            if (disks.size() > 1) continue;
            if (found.front().state_bytes == 0)
                throw HostError("This is a disk-only snapshot. Revert to it offline using qemu-img");
            with_store(*e, [&](block::SnapshotStore& store) { state = store.read_state(found.front().id); });
        }
    }
    auto snapshot = std::make_unique<Snapshot>(std::move(state), name);
    snapshot->check(machine_->parts(), machine_->ram());
    for (const auto& [e, id] : disks) with_store(*e, [&, &id = id](block::SnapshotStore& store) { store.apply(id); });
    loaded_ = std::move(snapshot);
    wish_ = Wish::Load;
    if (run_state_ == RunState::Shutdown) run_state_ = RunState::Paused;
}

void MachineControl::delete_snapshot(const std::string& name) {
    if (is_file(name)) throw HostError(fmt::format("'{}' is a file: remove it as one", name));
    bool any = false;
    settle();
    for (const Drives::Entry* e : snapshot_disks(true))
        for (const block::SnapshotInfo& s : named(*e, name)) {
            with_store(*e, [&](block::SnapshotStore& store) { store.remove(s.id); });
            any = true;
        }
    if (!any) throw HostError(fmt::format("Snapshot '{}' does not exist in one or more devices", name));
}

}  // namespace ringfold
