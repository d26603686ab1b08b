#!/usr/bin/env python3
"""A whole Debian from a disk, through SeaBIOS and GRUB to its login, and what its user does then.

usage: debian.py PART RINGFOLD DISK [PICTURES]

screen: the login on the screen is QEMU's picture.
disk: a file written and packages installed from this host's loopback survive power-off. e1000, virtio: saved while it
computes, writes its disk and uses that network card, and a VNC viewer looks; restored, it goes on.
DISK: what guests/debian/make-image has made; it stays as it is. PICTURES: a folder, where the screen is kept as a PNG.
"""
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time

from console import Console, Problem
from monitor_client import Hmp
from pc import Pc, QEMU, QemuPc
from picture import colours, ppm
from rfb import Rfb, free_display
from web_server import serve

PROMPT = "root@debian# "
failed = 0


def report(good, name, why=""):
    global failed
    print(f"{'ok' if good else 'not ok'} - {name}{'' if good else ': ' + str(why)}", flush=True)
    failed += not good


class Debian:
    """Booted from `options`, with root logged in on the serial port."""

    def __init__(self, ringfold, *options):
        self.console = Console([ringfold, "-m", "256", "-no-reboot", "-display", "none", "-serial", "mon:stdio", *options])
        self.console.expect("login: ", 900)
        self.console.send("root\n")
        self.console.expect("Password: ", 120)
        self.console.send("ringfold\n")
        self.console.expect("# ", 120)
        shown = PROMPT.replace("@", "''@''")  # quoted so that its echo is not taken for it
        self.console.send(f"stty -echo; bind 'set enable-bracketed-paste off'; dmesg -n 1; PS1='{shown}'\n")
        self.console.expect(PROMPT, 60)

    def ask(self, command, limit=300):
        return self.console.ask(command, PROMPT, limit)

    def online(self):
        """Waits for the address that systemd-networkd gets by DHCP; gives back the card's driver."""
        self.ask("until hostname -I | grep -q '10\\.'; do sleep 0.2; done")
        return self.ask("basename $(readlink /sys/class/net/en*/device/driver)").strip()

    def counted(self):
        """How far WORK has come; its file is empty for a moment now and then."""
        return int(self.ask('until n=$(cat /dev/shm/n); [ "$n" ]; do :; done; echo $n'))

    def power_off(self):
        self.console.send("systemctl poweroff\n")
        return self.console.wait(300)


def make_mirror(packages, folder):
    """A repository of these packages as apt wants it: Packages with their checksums, Release with that of Packages."""
    index = ""
    for name in sorted(os.listdir(packages)):
        shutil.copy(os.path.join(packages, name), folder)
        with open(os.path.join(folder, name), "rb") as f:
            content = f.read()
        control = subprocess.run(["dpkg-deb", "-f", os.path.join(folder, name)], capture_output=True, text=True, check=True).stdout
        index += f"{control}Filename: ./{name}\nSize: {len(content)}\nSHA256: {hashlib.sha256(content).hexdigest()}\n\n"
    with open(os.path.join(folder, "Packages"), "w") as f:
        f.write(index)
    with open(os.path.join(folder, "Release"), "w") as f:
        f.write(f"Suite: here\nArchitectures: i386\nSHA256:\n {hashlib.sha256(index.encode()).hexdigest()} {len(index.encode())} Packages\n")


def install(guest, server):
    """apt-get from the host's loopback, through the user network."""
    report(guest.online() == "e1000", "systemd-networkd has an address on the E1000")
    guest.ask(f"echo 'deb [trusted=yes] http://10.0.2.2:{server.server_port}/ ./' >/etc/apt/sources.list")
    done = guest.ask("apt-get -q update && apt-get -q -y install hello sqlite3; echo status $?", 900)
    report("status 0" in done, "apt-get update and install from a server on the host's loopback", done)
    fetched = [path for path in server.asked if path.endswith(".deb")]
    report(len(fetched) > 3, "sqlite3 came with what it depends on", server.asked)
    report("\n0\n" not in done and "install ok installed" in guest.ask("dpkg -s sqlite3; dpkg --verify hello sqlite3 && echo in order"),
           "dpkg finds every file of them as it was packed")


def programs_work(guest):
    report(guest.ask("hello") == "Hello, world!\n", "hello runs")
    sums = guest.ask("sqlite3 /root/numbers 'select count(*), sum(n) from numbers'")
    report(sums == "20000|200010000\n", "sqlite3 finds its rows", sums)


def power_off_in_order(guest):
    status = guest.power_off()
    report(status == 0, "power-off by ACPI ends it with status 0", status)


def file_system_in_order(folder, disk):
    raw = os.path.join(folder, "raw")
    subprocess.run(["qemu-img", "convert", "-O", "raw", disk, raw], check=True)
    done = subprocess.run(["e2fsck", "-f", "-n", f"{raw}?offset=1048576"], capture_output=True, text=True)
    report(done.returncode == 0, "e2fsck finds the file system in order", done.stdout + done.stderr)
    os.unlink(raw)


def survives_power_off(ringfold, folder, disk):
    mirror = os.path.join(folder, "mirror")
    os.mkdir(mirror)
    make_mirror(os.path.join(os.path.dirname(os.path.abspath(disk)), "packages"), mirror)
    copy = os.path.join(folder, "disk.img")
    subprocess.run(["cp", "--sparse=always", disk, copy], check=True)
    for turn in ("first", "second"):
        guest = Debian(ringfold, "-hda", copy)
        try:
            report(True, f"the {turn} boot comes to the shell")
            if turn == "first":
                release = guest.ask("cat /etc/debian_version; systemctl is-system-running --wait")
                report(release.startswith("12.") and "running" in release, "systemd finds all its units in order", release)
                guest.ask("echo still there >/root/kept")
                install(guest, serve(mirror))
                guest.ask("(echo 'create table numbers(n); begin;'; for n in $(seq 20000); do echo \"insert into numbers values($n);\"; "
                          "done; echo 'commit;') | sqlite3 /root/numbers")
            else:
                kept = guest.ask("cat /root/kept")
                report(kept == "still there\n", "the file is there", kept)
            programs_work(guest)
            power_off_in_order(guest)
        finally:
            guest.console.close()
    file_system_in_order(folder, copy)


# Counts, writes the disk and fetches from the host, each for ever. After loadvm the host knows nothing of an open connection.
WORK = """(n=0; while :; do echo $((n+=1)) >/dev/shm/n; done) &
(while :; do dd if=/dev/shm/random of=/root/written bs=64k conv=fsync status=none; done) &
(while :; do fetch big 2>/dev/null | sha256sum >/dev/shm/fetched; sleep 0.1; done) &
true"""
# One that only waits for data would wait for ever after loadvm, as for a server that has lost power; hence the timeout.
FETCH = r"""fetch() { timeout 30 bash -c 'exec 3<>/dev/tcp/10.0.2.2/%d; printf "GET /$1 HTTP/1.0\r\n\r\n" >&3; sed -u "/^\r\$/q" <&3 >/dev/null; cat <&3' fetch $1; }"""
CARDS = {"e1000": ("e1000", "ide", "e1000"), "virtio": ("virtio-net-pci", "virtio", "virtio_net")}


class Viewer:
    """Sees the login on the guest's screen and types there."""

    def __init__(self, display):
        self.rfb = Rfb(5900 + display)
        self.rfb.update(incremental=False)

    def types(self, text):
        """Does the picture change by it?"""
        self.rfb.update(incremental=False)
        before = self.rfb.rgb()
        for character in text:
            self.rfb.key(ord(character))
        end = time.monotonic() + 60
        while time.monotonic() < end:
            time.sleep(0.3)
            self.rfb.update(incremental=False)
            now = self.rfb.rgb()
            # More than the cursor: some letters.
            if sum(a != b for a, b in zip(before, now)) > 3 * 16 * len(text):
                return True
        return False


def saved_at_work(ringfold, folder, disk, kind, pictures):
    model, interface, driver = CARDS[kind]
    overlay, socket, display = os.path.join(folder, "overlay.qcow2"), os.path.join(folder, "monitor"), free_display()
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", os.path.abspath(disk), "-F", "raw", overlay], check=True)
    with open(os.path.join(folder, "big"), "wb") as f:
        f.write(os.urandom(8 << 20))
    wanted = hashlib.sha256(open(f.name, "rb").read()).hexdigest()
    server = serve(folder)
    guest = Debian(ringfold, "-drive", f"file={overlay},if={interface},format=qcow2", "-nic", f"user,model={model}", "-vnc",
                   f":{display}", "-monitor", f"unix:{socket},server,nowait")
    monitor = Hmp(socket)
    try:
        got = guest.online()
        report(got == driver, f"Debian is up on {got}")
        disk_name = guest.ask("findmnt -n -o SOURCE /").strip()
        report(disk_name == ("/dev/vda1" if kind == "virtio" else "/dev/sda1"), f"its root is {disk_name}")
        guest.ask(FETCH % server.server_port)
        guest.ask("head -c 16M /dev/urandom >/dev/shm/random; sha256sum </dev/shm/random >/dev/shm/sum")
        report(wanted in guest.ask("fetch big | sha256sum"), "it fetches 8 MB from the host")
        viewer = Viewer(display)
        report(viewer.types("one"), "a VNC viewer types at the login on the screen")
        if pictures:
            monitor.run(f"screendump {os.path.join(pictures, f'debian-{kind}.png')}")
        guest.ask(WORK)
        time.sleep(3)
        before = guest.counted()
        answer = monitor.run("savevm at-work")
        report(answer == "", "savevm while it computes, writes and fetches", answer)
        guest.ask("echo later >/root/later; sync")
        time.sleep(2)
        after = guest.counted()
        report(after > before, "it goes on behind savevm")
        for turn in ("once", "and again"):
            answer = monitor.run("loadvm at-work")
            report(answer == "", f"loadvm {turn}", answer)
            asked = len(server.asked)
            count = guest.counted()
            report(before <= count, "it counts on from the saved moment", f"{before}, {count}")
            report("OK" in guest.ask("[ \"$(sha256sum </dev/shm/random)\" = \"$(cat /dev/shm/sum)\" ] && echo OK"), "memory is as it was")
            report("gone" in guest.ask("[ -e /root/later ] || echo gone"), "what was written later is gone from the disk")
            report(wanted in guest.ask("fetch big | sha256sum"), "the network works: 8 MB from the host")
            end = time.monotonic() + 120
            while len(server.asked) < asked + 4 and time.monotonic() < end:
                time.sleep(0.5)
            report(len(server.asked) >= asked + 4, "the fetches in the background go on too", server.asked[asked:])
            report(viewer.types("two"), "the viewer that was there still sees and types")
        guest.ask("kill $(jobs -p); wait 2>/dev/null; sync")
        report("OK" in guest.ask("dd if=/dev/shm/random of=/root/written bs=64k conv=fsync status=none; "
                                 "echo 3 >/proc/sys/vm/drop_caches; cmp /dev/shm/random /root/written && echo OK"),
               "what it writes to the disk is there")
        complaints = guest.ask("dmesg | grep -iE 'I/O error|ext4.*error|ata.*(exception|failed)|Tx Unit Hang|NETDEV WATCHDOG|BUG: |rcu.*stall'")
        report(complaints == "", "no driver complains", complaints)
        power_off_in_order(guest)
    finally:
        guest.console.close()
    done = subprocess.run(["qemu-img", "check", overlay], capture_output=True, text=True)
    report(done.returncode == 0, "qemu-img finds the image in order", done.stdout + done.stderr)
    file_system_in_order(folder, overlay)


def login_pictures(pc, serial):
    """The screen at the login: with its cursor and without."""
    end = time.monotonic() + 900
    while b"login: " not in open(serial, "rb").read():
        if time.monotonic() > end or pc.child.poll() is not None:
            raise Problem(f"no login on the serial port:\n{open(serial, 'rb').read()[-2000:].decode('latin1')}")
        time.sleep(0.5)
    time.sleep(5)  # the screen's comes at about the same time
    pictures = []
    for _ in range(30):
        picture = ppm(pc.picture())
        if picture not in pictures:
            pictures.append(picture)
        time.sleep(0.1)
    return pictures


def login_screen(ringfold, folder, disk):
    """The picture that Debian's driver of the display card makes of its console."""
    seen = []
    for program, kind in ((ringfold, Pc), (QEMU, lambda _, *rest: QemuPc(*rest, "-global", "VGA.edid=off"))):
        if not program:
            continue
        serial = os.path.join(folder, f"serial-{len(seen)}")
        open(serial, "w").close()
        pc = kind(program, folder, "-m", "256", "-snapshot", "-drive", f"file={os.path.abspath(disk)},format=raw", "-serial",
                  f"file:{serial}")
        try:
            seen.append(login_pictures(pc, serial))
        finally:
            pc.close()
        report(0 < len(seen[-1]) <= 2 and len(colours(seen[-1][0])) > 1, "the screen rests but for the cursor", len(seen[-1]))
    report(len(seen) < 2 or any(picture in seen[1] for picture in seen[0]), "the login is QEMU's picture")


def main():
    part, ringfold, disk, *pictures = sys.argv[1:]
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    with tempfile.TemporaryDirectory() as folder:
        try:
            if part == "screen":
                login_screen(ringfold, folder, disk)
            elif part == "disk":
                survives_power_off(ringfold, folder, disk)
            else:
                saved_at_work(ringfold, folder, disk, part, pictures[0] if pictures else None)
        except Problem as problem:
            report(False, part, str(problem)[-3000:])
    sys.exit(failed > 0)


main()
