"""An X server without a screen, and the asking of a window to close, as a window manager does (ICCCM 4.2.8). Used by sdl.py."""
import ctypes
import os
import subprocess
import time

CLIENT_MESSAGE = 33


class Server:
    """Xvfb on a display that it chooses."""

    def __init__(self):
        read, write = os.pipe()
        self.child = subprocess.Popen(["Xvfb", "-displayfd", str(write), "-nolisten", "tcp", "-screen", "0", "1024x768x24"],
                                      pass_fds=[write], stderr=subprocess.DEVNULL)
        os.close(write)
        with os.fdopen(read) as pipe:
            self.display = f":{pipe.readline().strip()}"

    def stop(self):
        self.child.terminate()
        self.child.wait()


class ClientMessage(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int), ("serial", ctypes.c_ulong), ("send_event", ctypes.c_int), ("display", ctypes.c_void_p),
                ("window", ctypes.c_ulong), ("message", ctypes.c_ulong), ("format", ctypes.c_int), ("data", ctypes.c_long * 5),
                ("rest", ctypes.c_long * 24)]  # XSendEvent() copies a whole XEvent


def close_windows(display, limit=60):
    """Asks each window on the root to close, once there is one. How many there were."""
    x = ctypes.CDLL("libX11.so.6")
    for name in ("XOpenDisplay", "XInternAtom", "XDefaultRootWindow"):
        getattr(x, name).restype = ctypes.c_ulong
    server = ctypes.c_void_p(x.XOpenDisplay(display.encode()))
    root = ctypes.c_ulong(x.XDefaultRootWindow(server))
    children, count, unused = ctypes.POINTER(ctypes.c_ulong)(), ctypes.c_uint(), ctypes.c_ulong()
    end = time.monotonic() + limit
    while not count.value and time.monotonic() < end:
        time.sleep(0.2)
        x.XQueryTree(server, root, ctypes.byref(unused), ctypes.byref(unused), ctypes.byref(children), ctypes.byref(count))
    for n in range(count.value):
        event = ClientMessage(type=CLIENT_MESSAGE, window=children[n], message=x.XInternAtom(server, b"WM_PROTOCOLS", 0), format=32)
        event.data[0] = x.XInternAtom(server, b"WM_DELETE_WINDOW", 0)
        x.XSendEvent(server, ctypes.c_ulong(children[n]), 0, ctypes.c_long(0), ctypes.byref(event))
    x.XCloseDisplay(server)
    return count.value
