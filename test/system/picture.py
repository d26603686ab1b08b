"""Pictures of screens, as monitors dump them: width, height, bytes of red, green and blue. Used by the system tests."""
import time

from console import Problem


def ppm(path):
    with open(path, "rb") as f:
        magic, size, _, pixels = f.read().split(b"\n", 3)
    assert magic == b"P6"
    width, height = map(int, size.split())
    return width, height, pixels


def differences(one, other, tolerance=0):
    """Empty if they are the same picture, each byte within the tolerance."""
    if one[:2] != other[:2]:
        return f"{one[:2]} and {other[:2]}"
    count = sum(abs(a - b) > tolerance for a, b in zip(one[2], other[2]))
    return f"{count} of {len(one[2])} bytes differ" if count else ""


def colours(picture):
    pixels = picture[2]
    return set(zip(pixels[::3], pixels[1::3], pixels[2::3]))


def at_rest(pc, wanted, limit=300):
    """The screen of a Pc once it is as wanted and has stayed the same for two seconds."""
    end = time.monotonic() + limit
    before = None
    while time.monotonic() < end:
        now = ppm(pc.picture())
        if now == before and wanted(now):
            return now
        before = now
        time.sleep(2)
    text = "\n".join(line for line in pc.text() if line)
    raise Problem(f"no such picture within {limit} s; the last has {before[:2]} pixels in {len(colours(before))} colours\n{text}")
