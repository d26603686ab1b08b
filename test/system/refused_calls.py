"""A seccomp filter for a child process: one system call of x86-64 is answered with an error, as by a container or an old kernel."""
import ctypes
import struct

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06  # BPF_LD | BPF_W | BPF_ABS, BPF_JMP | BPF_JEQ | BPF_K, BPF_RET | BPF_K
RETURN_ERRNO, ALLOW = 0x00050000, 0x7FFF0000

libc = ctypes.CDLL(None, use_errno=True)


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def refusing(number, error, first_argument=None):
    """For subprocess's preexec_fn. `first_argument`: only calls with this one. `error` 0: the call does nothing, and says it did."""
    def install():
        rules = [(LOAD_WORD, 0, 0, 0), (JUMP_IF_EQUAL, 0, 1 if first_argument is None else 3, number)]
        if first_argument is not None:
            rules += [(LOAD_WORD, 0, 0, 16), (JUMP_IF_EQUAL, 0, 1, first_argument)]
        rules += [(RETURN, 0, 0, RETURN_ERRNO | error), (RETURN, 0, 0, ALLOW)]
        code = b"".join(struct.pack("<HBBI", *rule) for rule in rules)
        program = Program(len(rules), code)
        if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0):
            raise OSError(ctypes.get_errno(), "prctl")
    return install
