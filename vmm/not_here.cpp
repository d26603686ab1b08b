// Two tables: options, and devices by the beginnings of their names.
#include "vmm/not_here.h"

#include <algorithm>

namespace ringfold {

namespace {

struct NotHere {
    std::string_view name, why;
};
constexpr std::string_view kNoUsb = "there is no USB; leave it out: keyboard and mouse are on the PS/2 ports";
constexpr std::string_view kNoSound = "there is no sound; leave it out";
constexpr std::string_view kNoGdb = "there is no GDB server; -d in_asm,int and the monitor's x and info registers look inside";
constexpr std::string_view kNoSharing = "no folder can be shared; pass files on a disk, or by -nic user,tftp=FOLDER";
constexpr std::string_view kNoWindowOption = "-display sdl is as it is; leave it out";
constexpr std::string_view kNoConfigFile = "options come from the command line alone; write them there";
constexpr std::string_view kNoFlash = "there is no flash memory; give firmware with -bios FILE";
constexpr std::string_view kNoWatchdog = "there is no watchdog; leave it out";
constexpr std::string_view kNotOurs = "a PC has none; leave it out";
constexpr NotHere kOptions[] = {
    {"enable-kvm", kNoKvm}, {"usb", kNoUsb}, {"usbdevice", kNoUsb}, {"soundhw", kNoSound}, {"audiodev", kNoSound},
    {"audio", kNoSound}, {"audio-help", kNoSound}, {"gdb", kNoGdb}, {"s", kNoGdb}, {"spice", "there is no SPICE; write -vnc :N"},
    {"blockdev", "write -drive file=FILE,format=FORMAT,if=none,id=NAME instead"},
    {"pflash", kNoFlash},
    {"incoming", "a machine is moved as a snapshot: savevm there, -loadvm here"},
    {"only-migratable", "a machine is moved as a snapshot, which any can be but for what savevm names; leave it out"},
    {"icount", "time is the host's; leave it out"},
    {"localtime", "write -rtc base=localtime"},
    {"startdate", "write -rtc base=YYYY-MM-DDTHH:MM:SS"},
    {"object", "there are no objects; -mem-path gives memory a file, and -vnc ...,password-file= a password"},
    {"runas", "start it as that user: it needs no privileges"},
    {"chroot", "start it in there: it needs no privileges"},
    {"sandbox", "it puts no filter on its own system calls; start it in a sandbox, as bwrap"},
    {"virtfs", kNoSharing}, {"fsdev", kNoSharing}, {"smb", kNoSharing},
    {"tftp", "write -nic user,tftp=FOLDER"},
    {"bootp", "write -nic user,bootfile=FILE"},
    {"redir", "write -nic user,hostfwd=tcp::PORT-:PORT"},
    {"readconfig", kNoConfigFile}, {"writeconfig", kNoConfigFile}, {"set", kNoConfigFile},
    {"acpitable", "ACPI tables of one's own cannot be added; leave it out"},
    {"watchdog", kNoWatchdog}, {"watchdog-action", kNoWatchdog},
    {"sd", "there is no SD card; give the image as -hda FILE"},
    {"mtdblock", kNoFlash},
    {"qmp-pretty", "write -qmp; jq . makes it pretty"},
    {"trace", "-d LIST is the log; see -d help"},
    {"plugin", "there are no plug-ins; -d LIST and -stats FILE look inside"},
    {"dfilter", "the log cannot be cut by addresses; leave it out"},
    {"singlestep", "write -accel interp to run one instruction after the other"},
    {"one-insn-per-tb", "write -accel interp to run one instruction after the other"},
    {"seed", "nothing here is random; leave it out"},
    {"msg", "messages have no time; pipe them to ts"},
    {"full-screen", kNoWindowOption}, {"alt-grab", kNoWindowOption}, {"ctrl-grab", kNoWindowOption}, {"no-quit", kNoWindowOption},
    {"rotate", kNoWindowOption},
    {"preconfig", "the machine is as the command line says; -S waits before it starts"},
    {"semihosting", kNotOurs}, {"semihosting-config", kNotOurs}, {"prom-env", kNotOurs}, {"dtb", kNotOurs}, {"g", kNotOurs},
    {"win2k-hack", "not needed; leave it out"},
    {"numa", "there is one CPU and one node; leave it out"},
    {"add-fd", "descriptors cannot be handed over; give the file's name"},
};

constexpr std::string_view kOtherDisk = "disks are ide-hd, ide-cd and virtio-blk-pci, with drive=NAME";
constexpr std::string_view kOtherCard = "network cards are e1000, ne2k_pci and virtio-net-pci, with netdev=NAME";
constexpr std::string_view kOtherScreen = "the display card is VGA; write -vga std";
constexpr NotHere kDevices[] = {
    {"usb-", kNoUsb}, {"piix3-usb", kNoUsb}, {"piix4-usb", kNoUsb}, {"ich9-usb", kNoUsb}, {"nec-usb", kNoUsb}, {"qemu-xhci", kNoUsb},
    {"pci-ohci", kNoUsb}, {"AC97", kNoSound}, {"ES1370", kNoSound}, {"sb16", kNoSound}, {"adlib", kNoSound}, {"cs4231", kNoSound},
    {"gus", kNoSound}, {"intel-hda", kNoSound}, {"ich9-intel-hda", kNoSound}, {"hda-", kNoSound}, {"ahci", kOtherDisk}, {"ich9-ahci", kOtherDisk},
    {"nvme", kOtherDisk}, {"scsi-", kOtherDisk}, {"virtio-scsi", kOtherDisk}, {"lsi", kOtherDisk}, {"megasas", kOtherDisk}, {"rtl8139", kOtherCard},
    {"pcnet", kOtherCard}, {"i82", kOtherCard}, {"vmxnet3", kOtherCard}, {"e1000e", kOtherCard}, {"ne2k_isa", kOtherCard}, {"igb", kOtherCard},
    {"cirrus-vga", kOtherScreen}, {"isa-cirrus-vga", kOtherScreen}, {"isa-vga", kOtherScreen}, {"qxl", kOtherScreen}, {"vmware-svga", kOtherScreen},
    {"virtio-vga", kOtherScreen}, {"virtio-gpu", kOtherScreen}, {"bochs-display", kOtherScreen}, {"ramfb", kOtherScreen},
    {"secondary-vga", kOtherScreen}, {"virtio-balloon", "memory cannot be given back; leave it out"},
    {"virtio-rng", "there is no source of random numbers; leave it out: the guest's kernel has its own"},
    {"virtio-9p", kNoSharing}, {"vhost-user-fs", kNoSharing}, {"virtio-serial", "serial ports are isa-serial, with chardev=NAME"},
    {"pci-serial", "serial ports are isa-serial, with chardev=NAME"}, {"isa-parallel", "there is no parallel port; leave it out"},
    {"vfio-", "devices of the host cannot be handed over"}, {"pvpanic", "there is no such device; leave it out: -no-reboot tells of a crash"},
    {"i6300esb", kNoWatchdog}, {"ib700", kNoWatchdog}, {"tpm-", "there is no TPM; leave it out"}, {"ivshmem", "no memory is shared with others"},
    {"pci-bridge", "there is one PCI bus; leave it out"}, {"pcie-", "there is no PCI Express; leave it out"},
    {"pxb", "there is one PCI bus; leave it out"}, {"ioh3420", "there is no PCI Express; leave it out"},
};

}  // namespace

std::string_view why_no_option(std::string_view name) {
    const auto found = std::ranges::find(kOptions, name, &NotHere::name);
    return found == std::end(kOptions) ? std::string_view{} : found->why;
}

std::string_view why_no_device(std::string_view name) {
    const auto found = std::ranges::find_if(kDevices, [name](const NotHere& d) { return name.starts_with(d.name); });
    return found == std::end(kDevices) ? std::string_view{} : found->why;
}

}  // namespace ringfold
