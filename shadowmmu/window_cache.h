// The windows there are: the supervisor's, and those of the user address spaces used last. Keeps the process
// under the host's limit of mappings.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "shadowmmu/address_space.h"
#include "shadowmmu/guest_memory.h"
#include "shadowmmu/window.h"

namespace ringfold {

class WindowCache {
public:
    static constexpr size_t kUserWindows = 8;

    WindowCache(Ram& ram, GuestMemory::Counts& counts);
    ~WindowCache();

    // Made on first use. A window stays where it is, but a user window changes hands when its space is not current.
    Window& supervisor();
    Window& user(AddressSpace& space, const AddressSpace* current);
    Window& none();  // in which nothing is ever mapped
    Window* supervisor_if_any() { return supervisor_.get(); }
    // From now on there is one place for all: the supervisor's window and that of one user space share it. nullopt: no
    // window is left, and later ones lie anywhere again.
    void share(const std::optional<WindowPlace>& place);
    const std::optional<WindowPlace>& shared() const { return shared_; }

    // The window's pages from here on may be written through: protect() must find them.
    void note_writer(const Window& window, uint32_t frame) {
        writers_[frame] |= static_cast<uint16_t>(1u << window.number);
    }
    void protect(uint32_t first_frame, uint32_t count);
    // Takes these frames out of all windows.
    void drop_frames(uint32_t first, uint32_t count);

    bool map(Window& window, uint32_t first, uint32_t count, WindowPage to, bool touch);
    void unmap(Window& window, uint32_t first, uint32_t count);
    void unmap_all(Window& window);
    void write_protect(Window& window, uint32_t first, uint32_t count);

    uint32_t budget() const { return budget_; }
    // So far from the budget that many more mappings evict nothing?
    bool has_plenty() const { return pieces() < budget_ / 2; }
    void set_budget(uint32_t pieces) { budget_ = pieces; }

private:
    uint32_t pieces() const;
    Window& free_window(const AddressSpace* current);
    void make_room(const Window& keep);
    void evict(Window& window);
    template <class F>
    void counted(Window& window, F f);

    void discount(const Window& window);
    void drop_windows();

    Ram& ram_;
    GuestMemory::Counts& counts_;
    std::optional<WindowPlace> shared_;
    uint32_t budget_;
    uint64_t uses_ = 0;
    size_t most_users_ = kUserWindows;
    std::unique_ptr<Window> supervisor_, none_;
    std::vector<std::unique_ptr<Window>> users_;
    std::vector<uint16_t> writers_;  // by frame: windows that may have it writable; a set bit promises nothing
};

}  // namespace ringfold
