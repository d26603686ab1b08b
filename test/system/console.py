"""A program under test on a pseudo-terminal: what it prints, what it is sent, how it ends. Used by the system tests."""
import os
import pty
import select
import signal
import termios
import time


class Problem(Exception):
    """The test has failed; the text says how."""


class Console:
    """Starts `command` as the foreground job of a terminal of its own."""

    def __init__(self, command):
        self.text = ""
        self.seen = 0  # how much of the text expect() has passed
        self.status = None
        self.before_modes = None
        master, slave = pty.openpty()
        self.master = master
        self.before_modes = termios.tcgetattr(slave)
        self.slave = slave  # kept open, to look at the terminal's modes after the program has gone
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            import fcntl
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
            for fd in (0, 1, 2):
                os.dup2(slave, fd)
            os.closerange(3, 64)
            try:
                os.execv(command[0], command)
            finally:
                os._exit(127)

    def modes(self):
        return termios.tcgetattr(self.slave)

    def is_raw(self):
        return not self.modes()[3] & (termios.ICANON | termios.ECHO)

    def _read(self, wait):
        if not select.select([self.master], [], [], wait)[0]:
            return False
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return False
        self.text += data.decode("latin1").replace("\r", "")
        return bool(data)

    def expect(self, wanted, limit):
        """Waits for the text to come; returns what came before it since the last call."""
        end = time.monotonic() + limit
        while True:
            at = self.text.find(wanted, self.seen)
            if at >= 0:
                skipped = self.text[self.seen:at]
                self.seen = at + len(wanted)
                return skipped
            if time.monotonic() > end:
                raise Problem(f"no {wanted!r} within {limit:.0f} s; the end of the output:\n{self.text[-3000:]}")
            if not self._read(0.2) and self.poll() is not None:
                raise Problem(f"ended with status {self.status} before {wanted!r}; the end of the output:\n{self.text[-3000:]}")

    def send(self, text):
        os.write(self.master, text.encode("latin1"))

    def ask(self, command, prompt="ready# ", limit=120):
        """What a shell on this terminal answers. The markers are split so that no echo looks like them."""
        self.send(f'echo "<""<"; {command}; echo ">"">"\n')
        self.expect("<<\n", limit)
        answer = self.expect(">>", limit)
        self.expect(prompt, 60)
        return answer

    def poll(self):
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
                while self._read(0):
                    pass
        return self.status

    def wait(self, limit):
        end = time.monotonic() + limit
        while self.poll() is None:
            if time.monotonic() > end:
                raise Problem(f"still running after {limit:.0f} s; the end of the output:\n{self.text[-3000:]}")
            self._read(0.05)
        return self.status

    def signal(self, number):
        os.kill(self.pid, number)

    def cpu_seconds(self):
        fields = open(f"/proc/{self.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self):
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.status = -9
        os.close(self.master)
        os.close(self.slave)
