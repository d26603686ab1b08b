#!/usr/bin/env python3
"""The host's ends of the guest's serial ports and debug console: sockets as server and client, telnet, pseudo-terminals,
files; peers that come, go, flood and do not read, while the monitor goes on answering.

usage: chardev.py RINGFOLD
"""
import os
import re
import select
import socket
import subprocess
import sys
import tempfile
import time

from console import Problem
from monitor_client import Qmp, connect
from refusals import Refusals

HERE = os.path.dirname(os.path.abspath(__file__))
MANY = 0x400000
failed = 0


def report(good, name, why=""):
    global failed
    print(f"{'ok' if good else 'not ok'} - {name}{'' if good else ': ' + str(why)[:2000]}", flush=True)
    failed += not good


class Machine:
    """The guest of serial_guest.asm, with QMP."""

    def __init__(self, ringfold, folder, *options, stdout=subprocess.PIPE):
        self.qmp_path = os.path.join(folder, "qmp")
        self.process = subprocess.Popen([ringfold, "-m", "16", "-fda", os.path.join(folder, "guest.img"), "-nic", "none", "-display", "none",
                                         "-qmp", f"unix:{self.qmp_path},server,nowait", *options], stdin=subprocess.DEVNULL, stdout=stdout)

    def __enter__(self):
        self.qmp = Qmp(self.qmp_path)
        self.qmp.must("qmp_capabilities")
        return self

    def __exit__(self, *_):
        self.qmp.close()
        self.process.kill()
        self.process.wait()

    def resident(self):
        return int(re.search(r"VmRSS:\s*(\d+)", open(f"/proc/{self.process.pid}/status").read())[1]) << 10


def receive(s, count, limit=60):
    data = b""
    s.settimeout(limit)
    while len(data) < count:
        try:
            more = s.recv(65536)
        except OSError:
            break
        if not more:
            break
        data += more
    return data


def awake(s, limit=60):
    """Asks until the guest answers: what comes before it has started is lost, as on a real port."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        s.sendall(b"?")
        if select.select([s], [], [], 0.3)[0]:
            s.recv(1)
            break
    else:
        raise Problem("the guest does not answer")
    while select.select([s], [], [], 0.5)[0]:
        if not s.recv(4096):
            raise Problem("the connection has ended")


def expected_flood():
    return bytes(range(256)) * (MANY // 256)


def sockets(ringfold, folder):
    one, two = (os.path.join(folder, name) for name in ("com1", "com2"))
    away = socket.socket()
    away.bind(("127.0.0.1", 0))
    away.listen(1)
    port = away.getsockname()[1]
    with Machine(ringfold, folder, "-serial", f"unix:{one},server=on,wait=off", "-chardev", f"socket,id=c2,path={two},server,nowait",
                 "-device", "isa-serial,chardev=c2", "-serial", "null", "-serial", f"tcp:127.0.0.1:{port}") as m:
        s = connect(one)
        awake(s)
        s.sendall(b"hello\x00\xff\r\n")
        report(receive(s, 9) == b"hello\x00\xff\r\n", "a Unix socket: bytes there and back")
        s.close()
        time.sleep(0.3)
        s = connect(one)
        s.sendall(b"again")
        report(receive(s, 5) == b"again", "another peer after the first has gone")
        t = connect(two)
        t.sendall(b"two")
        report(receive(t, 3) == b"two", "a second port")
        client = away.accept()[0]
        client.sendall(b"four")
        report(receive(client, 4) == b"four", "a port that connects itself")

        before = m.resident()
        s.sendall(b"F")  # and does not read
        time.sleep(3)
        began = time.monotonic()
        running = m.qmp.must("query-status")["running"]
        report(running and time.monotonic() - began < 2, "the monitor answers while a peer does not read")
        report(m.resident() - before < 16 << 20, "what a peer does not read is bounded", m.resident() - before)
        report(receive(s, MANY + 3) == expected_flood() + b"end", "and comes whole when he does")
        s.sendall(b"F")
        time.sleep(0.5)
        s.close()  # in the middle of it
        s = connect(one)
        end = b""
        while not end.endswith(b"end"):
            more = receive(s, 1)
            if not more:
                break
            end = (end + more + (s.recv(65536, socket.MSG_DONTWAIT) if select.select([s], [], [], 0)[0] else b""))[-3:]
        report(end == b"end" and m.process.poll() is None, "a peer that goes in the middle of a flood", end)

        junk = os.urandom(1 << 20).replace(b"F", b"f").replace(b"D", b"d")
        t.setblocking(False)
        m.qmp.must("stop")
        sent = 0
        for _ in range(100):
            if not select.select([], [t], [], 0.05)[1]:
                break
            sent += t.send(junk[sent:])
        report(sent < len(junk), "what a stopped guest does not read waits at the peer", sent)
        m.qmp.must("cont")
        back = b""
        while len(back) < len(junk):
            readable, writable, _ = select.select([t], [t] if sent < len(junk) else [], [], 30)
            if not readable and not writable:
                break
            if writable:
                sent += t.send(junk[sent:])
            if readable:
                back += t.recv(65536)
        report(back == junk, "and then comes whole", len(back))
        m.qmp.must("quit")
        m.process.wait(20)
        report(not os.path.exists(one), "its own sockets are gone at the end")


def telnet(ringfold, folder):
    probe = socket.socket()
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
    probe.close()
    with Machine(ringfold, folder, "-serial", f"telnet:127.0.0.1:{port},server,nowait"):
        s = socket.create_connection(("127.0.0.1", port))
        report(receive(s, 6) == b"\xff\xfb\x01\xff\xfb\x03", "telnet: it says that it echoes")
        s.sendall(b"\xff\xfd\x01\xff\xfd\x03")
        awake(s)
        s.sendall(b"x\xff\xff\r\0y\xff\xf3z")
        got = receive(s, 7, 5)  # a break comes when it comes, beside what is on its way
        report(sorted(got) == sorted(b"x\xff\xff\ryBz"), "telnet: 255 doubled, CR NUL, a break", got)


def terminals(ringfold, folder):
    with Machine(ringfold, folder, "-serial", "pty") as m:
        line = m.process.stdout.readline().decode()
        name = re.fullmatch(r"char device redirected to (/dev/pts/\d+) \(label serial0\)\n", line)
        report(name, "a pseudo-terminal's name in QEMU's words", line)
        for attempt in ("first", "second"):
            fd = os.open(name[1], os.O_RDWR | os.O_NOCTTY)
            end, got = time.monotonic() + 30, b""
            while b"?" not in got and time.monotonic() < end:
                os.write(fd, b"?")
                if select.select([fd], [], [], 0.3)[0]:
                    got += os.read(fd, 100)
            report(b"?" in got, f"a pseudo-terminal: {attempt} user", got)
            os.write(fd, b"F")
            time.sleep(0.5)
            os.close(fd)  # in the middle of a flood, which goes nowhere
        report(m.qmp.must("query-status")["running"], "and the monitor")


def files(ringfold, folder):
    log, com2 = os.path.join(folder, "log"), os.path.join(folder, "com2.log")
    open(com2, "w").write("before\n")
    path = os.path.join(folder, "com1")
    with Machine(ringfold, folder, "-serial", f"unix:{path},server,nowait", "-debugcon", f"file:{log}", "-chardev",
                 f"file,id=f,path={com2},append=on", "-serial", "chardev:f"):
        s = connect(path)
        awake(s)
        s.sendall(b"D")
        report(receive(s, 1) == b"d", "the debug console's writer goes on")
        report(open(log, "rb").read() == expected_flood(), "the debug console in a file")
        report(open(com2).read() == "before\n", "append=on keeps what was there")
    reader, writer = os.pipe()
    with Machine(ringfold, folder, "-serial", f"unix:{path},server,nowait", "-debugcon", "stdio", stdout=writer) as m:
        os.close(writer)
        s = connect(path)
        awake(s)
        s.sendall(b"D")
        time.sleep(2)
        report(m.qmp.must("query-status")["running"], "standard output that nobody reads: the monitor answers")
        got = b""
        while len(got) < MANY and select.select([reader], [], [], 30)[0]:
            got += os.read(reader, 65536)
        report(got == expected_flood() and receive(s, 1) == b"d", "and nothing is lost when somebody does", len(got))
        os.close(reader)
        s.sendall(b"D")
        report(receive(s, 1) == b"d", "standard output whose reader has gone: the guest goes on")


def refusals(ringfold):
    r = Refusals(ringfold)
    r.refuses("a switch that is neither", ["-serial", "unix:/tmp/x,server=maybe"], "-serial unix:/tmp/x,server=maybe", "server=on or server=off")
    r.refuses("nobody listens", ["-serial", "unix:/nonexistent/x"], "-serial", "cannot connect")
    r.refuses("no such folder", ["-serial", "unix:/nonexistent/x,server,nowait"], "-serial", "cannot listen")
    r.refuses("a chardev twice", ["-chardev", "null,id=a", "-serial", "chardev:a", "-debugcon", "chardev:a"], "-debugcon chardev:a", "a user already")
    r.refuses("a path that is too long", ["-serial", f"unix:/{'x' * 200},server"], "-serial", "cannot use that path")
    return r.failed


def main():
    global failed
    ringfold = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        image = os.path.join(folder, "guest.img")
        subprocess.run(["nasm", "-f", "bin", "-o", image, os.path.join(HERE, "serial_guest.asm")], check=True)
        os.truncate(image, 1440 << 10)
        for part in (sockets, telnet, terminals, files):
            try:
                part(ringfold, folder)
            except Problem as problem:
                report(False, part.__name__, problem)
    failed += refusals(ringfold)
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
