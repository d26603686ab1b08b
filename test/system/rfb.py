"""A VNC viewer for tests: the RFB protocol 3.8 with raw rectangles (RFC 6143)."""
import socket
import struct
import time


def free_display():
    """N of -vnc :N."""
    for n in range(40, 99):
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", 5900 + n))
                return n
            except OSError:
                pass
    raise OSError("no free port")


class Rfb:
    def __init__(self, port, password_answer=None, limit=60):
        """`password_answer`: from the 16 bytes of the challenge to the 16 of the answer; None if no password is wanted."""
        deadline = time.monotonic() + limit
        while True:
            try:
                self.socket = socket.create_connection(("127.0.0.1", port), 5)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        self.socket.settimeout(limit)
        self._take(12)
        self.socket.sendall(b"RFB 003.008\n")
        self.kinds = self._take(self._take(1)[0])
        kind = 2 if password_answer else 1
        if kind not in self.kinds:
            raise PermissionError(f"security types {list(self.kinds)}")
        self.socket.sendall(bytes([kind]))
        if password_answer:
            self.socket.sendall(password_answer(self._take(16)))
        if self._number(4):
            raise PermissionError("the password is wrong")
        self.socket.sendall(b"\1")  # shared
        self.width, self.height = struct.unpack(">HH", self._take(4))
        self._take(16)
        self.name = self._take(self._number(4)).decode()
        # 32 bits a pixel, little-endian: red, green, blue, nothing. Raw, and the screen may change its size.
        self.socket.sendall(struct.pack(">Bxxx BBBBHHHBBBxxx", 0, 32, 24, 0, 1, 255, 255, 255, 0, 8, 16))
        self.socket.sendall(struct.pack(">BxHii", 2, 2, 0, -223))
        self.pixels = bytearray(self.width * self.height * 4)

    def _take(self, count):
        data = bytearray()
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            if not part:
                raise ConnectionError("the server has closed the connection")
            data += part
        return bytes(data)

    def _number(self, size):
        return int.from_bytes(self._take(size), "big")

    def update(self, incremental=True):
        """Asks for what has changed, and waits for it."""
        self.socket.sendall(struct.pack(">BBHHHH", 3, incremental, 0, 0, self.width, self.height))
        while True:
            kind = self._number(1)
            if kind == 0:
                break
            if kind == 3:  # clipboard
                self._take(3)
                self._take(self._number(4))
            elif kind != 2:  # bell
                raise ConnectionError(f"message {kind}")
        self._take(1)
        for _ in range(self._number(2)):
            x, y, w, h, encoding = struct.unpack(">HHHHi", self._take(12))
            if encoding == -223:
                self.width, self.height = w, h
                self.pixels = bytearray(w * h * 4)
                continue
            if encoding != 0:
                raise ConnectionError(f"encoding {encoding}")
            data = self._take(w * h * 4)
            for row in range(h):
                at = ((y + row) * self.width + x) * 4
                self.pixels[at:at + w * 4] = data[row * w * 4:(row + 1) * w * 4]

    def rgb(self):
        data = bytearray(self.width * self.height * 3)
        for n in range(3):
            data[n::3] = self.pixels[n::4]
        return bytes(data)

    def key(self, keysym):
        for down in (1, 0):
            self.socket.sendall(struct.pack(">BBxxI", 4, down, keysym))

    def pointer(self, x, y, buttons=0):
        self.socket.sendall(struct.pack(">BBHH", 5, buttons, x, y))

    def close(self):
        self.socket.close()
