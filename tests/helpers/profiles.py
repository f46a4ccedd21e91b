"""ICC colour profiles, written byte by byte as the specification says."""

import struct

# Columns of the primaries in XYZ relative to D50, and the exponent of the tone curve.
DISPLAY_P3 = (((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841)), 2.2)
ADOBE_RGB = (((0.6097, 0.3111, 0.0195), (0.2053, 0.6257, 0.0609), (0.1492, 0.0632, 0.7446)), 2.2)
D50 = (0.9642, 1.0, 0.8249)


def _fixed(*values: float) -> bytes:
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def _xyz(values: tuple[float, ...]) -> bytes:
    return b"XYZ \0\0\0\0" + _fixed(*values)


def _curve(exponent: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IHxx", 1, round(exponent * 256))


def _profile(space: bytes, kind: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    header = struct.pack(">I4sI4s4s4s", 0, b"none", 0x02400000, kind, space, connection)
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + _fixed(*D50)
    header = header.ljust(128, b"\0")
    at, table, body = 128 + 4 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        table += struct.pack(">4sII", name, at + len(body), len(content))
        body += content.ljust(-(-len(content) // 4) * 4, b"\0")
    whole = header + table + body
    return struct.pack(">I", len(whole)) + whole[4:]


def rgb_profile(primaries: tuple[tuple[float, ...], ...], exponent: float) -> bytes:
    """A profile of three primaries and a tone curve."""
    curve = _curve(exponent)
    tags = {b"wtpt": _xyz(D50)}
    tags |= {b"%sXYZ" % n: _xyz(p) for n, p in zip((b"r", b"g", b"b"), primaries, strict=True)}
    tags |= {b"%sTRC" % n: curve for n in (b"r", b"g", b"b")}
    return _profile(b"RGB ", b"mntr", b"XYZ ", tags)


def grey_profile(exponent: float) -> bytes:
    """A profile of one tone curve."""
    return _profile(b"GRAY", b"mntr", b"XYZ ", {b"wtpt": _xyz(D50), b"kTRC": _curve(exponent)})


def cmyk_profile(corners: dict[tuple[int, int, int, int], tuple[int, int, int]]) -> bytes:
    """A press: CIELAB of full inks (c, m, y, k each 0 or 1); all other corners are black."""
    grid = b""
    for number in range(16):
        inks = tuple(number >> bit & 1 for bit in (3, 2, 1, 0))
        light, a, b = corners.get(inks, (0, 0, 0))
        grid += bytes((round(light * 2.55), a + 128, b + 128))
    identity = bytes(range(256))
    table = b"mft1\0\0\0\0" + bytes((4, 3, 2, 0)) + _fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
    table += identity * 4 + grid + identity * 3
    return _profile(b"CMYK", b"prtr", b"Lab ", {b"wtpt": _xyz(D50), b"A2B0": table})
