#!/usr/bin/env python3
"""Network cards as Debian's own drivers see them: an address by DHCP, a big file by HTTP from a server on the host's
loopback, a connection that comes in from the host, and what restrict=on and -nic none keep away.

usage: network.py RINGFOLD GUEST_FOLDER MODEL...
"""
import hashlib
import os
import random
import socket
import sys
import tempfile
import time

from console import Console, Problem
from web_server import serve

BYTES = 24 << 20
failed = 0


def report(good, name, why=""):
    global failed
    print(f"{'ok' if good else 'not ok'} - {name}{'' if good else ': ' + str(why)}", flush=True)
    failed += not good


class Guest:
    """Debian's kernel with the initrd that has the drivers."""

    def __init__(self, ringfold, guest, *options):
        self.console = Console([ringfold, "-kernel", os.path.join(guest, "vmlinuz-686"), "-initrd",
                                os.path.join(guest, "initrd-network.gz"), "-append", "console=ttyS0", "-m", "256",
                                "-nographic", "-no-reboot", "-machine", "pc", *options])
        self.console.expect("ringfold: shell ready", 300)
        self.console.expect("# ", 60)
        self.console.send("stty -echo; dmesg -n 1; exec env PS1='ready# ' sh\n")
        self.console.expect("\n", 60)
        self.console.expect("ready# ", 60)

    def ask(self, command, limit=180):
        return self.console.ask(command, limit=limit)


SCRIPT = r"""printf '#!/bin/sh\n[ "$1" = bound ] || exit 0\nifconfig $interface $ip netmask $subnet\nroute add default gw $router\necho lease $ip $router $dns $hostname\n' > /tmp/lease; chmod +x /tmp/lease; ifconfig lo up; ifconfig eth0 up"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def call_guest(port):
    """What comes back over a forwarded port."""
    with socket.create_connection(("127.0.0.1", port), 30) as s:
        s.settimeout(60)
        s.sendall(b"GET /hello HTTP/1.0\r\n\r\n")
        answer = b""
        while data := s.recv(65536):
            answer += data
        return answer


def one_model(ringfold, guest, folder, model, server, data):
    port = free_port()
    nic = f"user,model={model},mac=52:54:00:aa:bb:cc,hostname=visitor,hostfwd=tcp:127.0.0.1:{port}-:80"
    g = Guest(ringfold, guest, "-nic", nic)
    try:
        g.ask(SCRIPT)
        mac = g.ask("cat /sys/class/net/eth0/address").strip()
        report(mac == "52:54:00:aa:bb:cc", f"{model}: the driver finds its address", mac)
        lease = g.ask("udhcpc -i eth0 -n -q -t 10 -s /tmp/lease 2>&1")
        report("lease 10.0.2.15 10.0.2.2 10.0.2.3" in lease, f"{model}: DHCP gives an address", lease)
        ping = g.ask("ping -c 3 10.0.2.2")
        report(" 0% packet loss" in ping, f"{model}: the router answers", ping)
        url = f"http://10.0.2.2:{server.server_port}"
        start = time.monotonic()
        got = g.ask(f"wget -q -O - {url}/data | sha256sum", 600).split()[0]
        seconds = time.monotonic() - start
        report(got == hashlib.sha256(data).hexdigest(), f"{model}: a file of {BYTES >> 20} MiB arrives whole", got)
        print(f"# {model}: {BYTES / seconds / 1e6:.1f} MB/s with sha256sum in the guest")
        g.ask("dd if=/dev/urandom of=/tmp/up bs=64k count=64 2>/dev/null")
        sent = g.ask("sha256sum /tmp/up").split()[0]
        request = f"PUT /up HTTP/1.0\\r\\nContent-Length: {64 << 16}\\r\\n\\r\\n"
        g.ask(f"(printf '{request}'; cat /tmp/up; sleep 1) | nc 10.0.2.2 {server.server_port}", 600)
        report(server.uploaded == sent, f"{model}: a file of 4 MiB leaves whole", server.uploaded)
        g.ask("mkdir /www; cp /tmp/up /www/hello; httpd -p 80 -h /www")
        answer = call_guest(port).partition(b"\r\n\r\n")[2]
        report(hashlib.sha256(answer).hexdigest() == sent, f"{model}: a connection from the host is answered", answer[:100])
        again = g.ask("ifconfig eth0 down; ifconfig eth0 up; route add default gw 10.0.2.2; sleep 3; ping -c 2 10.0.2.2")
        report(" 0% packet loss" in again, f"{model}: it works again after down and up", again)
        errors = g.ask("cat /sys/class/net/eth0/statistics/*errors").split()
        report(errors and set(errors) == {"0"}, f"{model}: the driver counted no errors", errors)
    finally:
        g.console.close()


def boot_from_network(ringfold, folder):
    """SeaBIOS offers the card, iPXE fetches a script by TFTP and runs it."""
    open(os.path.join(folder, "boot.ipxe"), "w").write("#!ipxe\necho the script runs on ${net0/ip}\n")
    c = Console([ringfold, "-nographic", "-m", "64", "-boot", "n", "-nic", f"user,tftp={folder},bootfile=boot.ipxe"])
    try:
        c.expect("iPXE", 60)
        c.expect("the script runs on 10.0.2.15", 120)
        report(True, "iPXE boots from the network")
    finally:
        c.close()


def fences(ringfold, guest, server):
    g = Guest(ringfold, guest, "-nic", "user,restrict=on")
    try:
        g.ask(SCRIPT)
        g.ask("udhcpc -i eth0 -n -q -t 10 -s /tmp/lease 2>&1")
        got = g.ask(f"timeout 5 wget -q -O - http://10.0.2.2:{server.server_port}/data | wc -c")
        report(got.split()[-1] == "0", "restrict=on keeps the host away", got)
    finally:
        g.console.close()
    g = Guest(ringfold, guest, "-nic", "none")
    try:
        links = g.ask("ls /sys/class/net").split()
        report(links == ["lo"], "-nic none leaves no card", links)
    finally:
        g.console.close()


def main():
    ringfold, guest, *models = sys.argv[1:]
    data = random.Random(1).randbytes(BYTES)
    with tempfile.TemporaryDirectory() as folder:
        open(os.path.join(folder, "data"), "wb").write(data)
        server = serve(folder)
        for model in models:
            try:
                one_model(ringfold, guest, folder, model, server, data)
            except (Problem, OSError) as problem:
                report(False, model, problem)
        try:
            boot_from_network(ringfold, folder)
            fences(ringfold, guest, server)
        except Problem as problem:
            report(False, "fences", problem)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
