"""Talks to a monitor and to QMP on Unix sockets, as scripts written for QEMU do. Used by the system tests."""
import json
import re
import socket
import time

from console import Problem

LIMIT = 60


def connect(path, limit=LIMIT):
    end = time.monotonic() + limit
    while True:
        s = socket.socket(socket.AF_UNIX)
        try:
            s.connect(path)
            s.settimeout(limit)
            return s
        except OSError:
            if time.monotonic() > end:
                raise Problem(f"nobody listens at {path}") from None
            time.sleep(0.05)


class Hmp:
    PROMPT = b"(qemu) "

    def __init__(self, path):
        self.socket = connect(path)
        self.greeting = self._answer()

    def _answer(self, prompt=PROMPT):
        data = b""
        while not data.endswith(prompt):
            try:
                more = self.socket.recv(65536)
            except OSError:
                raise Problem(f"no prompt behind {data[-500:]!r}") from None
            if not more:
                break
            data += more
        return data.removesuffix(prompt).decode("latin1")

    def run(self, command, prompt=PROMPT):
        """The lines of the answer; the first, which is what was typed with all the editing, is left out."""
        self.socket.sendall(command.encode() + b"\n")
        text = re.sub("\x1b\\[[KD]", "", self._answer(prompt)).replace("\r", "")
        return text[text.find("\n") + 1:]


class Qmp:
    def __init__(self, path):
        self.socket = connect(path)
        self.file = self.socket.makefile("r")
        self.events = []
        self.greeting = self.read()
        self.ids = 0

    def close(self):
        """Both: a file of a socket keeps the connection for itself."""
        self.file.close()
        self.socket.close()

    def read(self):
        try:
            line = self.file.readline()
        except OSError:
            raise Problem("QMP is silent") from None
        if not line:
            raise Problem("QMP has gone")
        return json.loads(line)

    def send(self, text):
        self.socket.sendall(text.encode())

    def answer(self):
        while True:
            message = self.read()
            if "event" not in message:
                return message
            self.events.append(message)

    def run(self, command, arguments=None):
        """The whole answer; its id has been checked and taken off."""
        self.ids += 1
        request = {"execute": command, "id": self.ids}
        if arguments is not None:
            request["arguments"] = arguments
        self.send(json.dumps(request) + "\n")
        message = self.answer()
        if message.pop("id", None) != self.ids:
            raise Problem(f"{command}: another id came back with {message}")
        return message

    def must(self, command, arguments=None):
        message = self.run(command, arguments)
        if "return" not in message:
            raise Problem(f"{command}: {message}")
        return message["return"]

    def wait_event(self, name, limit=LIMIT):
        self.socket.settimeout(limit)
        while True:
            for event in self.events:
                if event["event"] == name:
                    self.events.remove(event)
                    return event
            message = self.read()
            if "event" in message:
                self.events.append(message)
