"""A PC with a screen, Ringfold's or QEMU's, driven by the words that both monitors know. Used by the system tests."""
import os
import shutil
import subprocess
import time

from console import Problem
from monitor_client import Hmp

QEMU = shutil.which("qemu-system-i386")
KEYS = {" ": "spc", "\r": "ret", "\t": "tab", "\x1b": "esc", "-": "minus", "=": "equal", "/": "slash", ".": "dot", ",": "comma",
        "(": "shift-9", ")": "shift-0", ":": "shift-semicolon", "_": "shift-minus", "$": "shift-4", "{": "shift-bracket_left",
        "}": "shift-bracket_right", "\x02": "ctrl-b"}

# What Python's cp437 takes for control characters, from 0 on.
SYMBOLS = dict(enumerate(" ☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼"))


def key_name(character):
    return KEYS.get(character) or (f"shift-{character.lower()}" if character.isupper() else character)


class Pc:
    """Ringfold with `options`. Without a terminal of its own: the screen is asked for through the monitor."""

    def __init__(self, program, folder, *options):
        self.folder = folder
        socket = os.path.join(folder, f"monitor-{time.monotonic_ns()}")
        self.child = subprocess.Popen([program, *self.own_options(), "-display", "none", "-monitor",
                                       f"unix:{socket},server,nowait", *options], stdin=subprocess.DEVNULL)
        self.monitor = Hmp(socket)

    def own_options(self):
        return []

    def do(self, command):
        answer = self.monitor.run(command)
        if answer.strip():
            raise Problem(f"{command}: {answer}")

    def text(self):
        """The lines of a text screen; none in a graphics mode."""
        path = os.path.join(self.folder, "screen.txt")
        self.do(f"screendump {path}")
        with open(path, encoding="utf-8") as f:
            return [line.rstrip() for line in f]

    def expect(self, *wanted, limit=300):
        """Waits for a screen with all these texts; returns its lines."""
        end = time.monotonic() + limit
        while True:
            lines = self.text()
            if all(any(w in line for line in lines) for w in wanted):
                return lines
            if self.child.poll() is not None or time.monotonic() > end:
                raise Problem(f"no {wanted} within {limit} s; the screen:\n" + "\n".join(lines))
            time.sleep(0.25)

    def type(self, text):
        for character in text:
            self.do(f"sendkey {key_name(character)}")
            time.sleep(0.15)  # a BIOS keeps fifteen keys, and a key is down for 0.1 s

    def enter(self, prompt, text):
        """Types at the prompt, each letter once the one before is there: the keyboard keeps few for a guest that must wait."""
        self.expect(prompt)
        for n, character in enumerate(text, 1):
            self.type(character)
            self.expect(f"{prompt} {text[:n]}".rstrip(), limit=60)
        self.type("\r")

    def settled(self, limit=60):
        """The lines of the screen once it has stayed the same for a second."""
        end = time.monotonic() + limit
        lines = self.text()
        while time.monotonic() < end:
            time.sleep(1)
            if lines == (lines := self.text()):
                return lines
        raise Problem("the screen does not come to rest:\n" + "\n".join(lines))

    def picture(self, name="screen.ppm"):
        path = os.path.join(self.folder, name)
        self.do(f"screendump {path}")
        return path

    def close(self):
        if self.child.poll() is None:
            self.monitor.socket.sendall(b"quit\n")
            try:
                self.child.wait(30)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()


class QemuPc(Pc):
    """The reference: the same board under QEMU, interpreted by TCG."""

    def __init__(self, folder, *options):
        super().__init__(QEMU, folder, *options)

    def own_options(self):
        return ["-accel", "tcg", "-vga", "std", "-global", "apic-common.vapic=off"]  # else it adds an option ROM

    def text(self):
        """All of the text memory: where the screen is in it is the guest's choice."""
        path = os.path.join(self.folder, "memory")
        self.do(f"pmemsave 0xb8000 32768 \"{path}\"")
        with open(path, "rb") as f:
            text = f.read()[::2].decode("cp437").translate(SYMBOLS)
        return [text[n:n + 80].rstrip() for n in range(0, len(text), 80)]
