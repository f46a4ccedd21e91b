"""The chunks of a PNG: whether those that hold its pixels are whole, and a PNG without others."""

import zlib
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
SHOWN = frozenset((b"iCCP", b"eXIf"))  # what changes how a picture is shown


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and end of each, as far as they are there and up to IEND."""
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        name, end = data[at + 4 : at + 8], at + 12 + int.from_bytes(data[at : at + 4])
        if end > len(data):
            return
        yield name, at, end
        if name == b"IEND":
            return
        at = end


def _holds_pixels(name: bytes) -> bool:
    """IHDR, PLTE, IDAT, IEND and what else begins with a capital letter; and transparency."""
    return not name[0] & 0x20 or name == b"tRNS"


def wrong_checksum(data: bytes) -> int | None:
    """Where the first chunk begins that pixels depend on and whose checksum is wrong."""
    for name, start, end in _chunks(data):
        if _holds_pixels(name) and not _is_sound(data, start, end):
            return start
    return None


def _is_sound(data: bytes, start: int, end: int) -> bool:
    view = memoryview(data)
    return zlib.crc32(view[start + 4 : end - 4]) == int.from_bytes(view[end - 4 : end])


def without_notes(data: bytes) -> Iterator[bytes]:
    """A PNG without what is beside its pixels: first with its sound profile and EXIF, then not."""
    for kept in (SHOWN, frozenset()):
        chunks = (
            data[start:end]
            for name, start, end in _chunks(data)
            if _holds_pixels(name) or (name in kept and _is_sound(data, start, end))
        )
        yield b"".join((SIGNATURE, *chunks))
