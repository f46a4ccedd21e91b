"""What decoders do not look at: whether a file holds all its data, or zeros in place of some.

After a power cut, or a copy that stopped, a file has its full length, and zeros where nothing was
written. Of most formats a decoder makes a picture of that without a word.
"""

import zlib

from colorizer.pictures.jpeg_fill import scans_of

ZEROS = 16  # bytes; compressed data end with more only in large flat pictures:
PIXELS_OF_ZERO = 4096  # pixels for one more; of flat WebP a byte holds 9000
NOT_WRITTEN = "its end is only zeros: it was not written or copied whole"


def fault_of(data: bytes, kind: str | None, pixels: int) -> str | None:
    """What is wrong with a file that could be decoded; None: nothing, or nothing that can be told.

    Args:
        data: The file.
        kind: Its format, as Pillow calls it. The checksums of a PNG are all looked at; the data of
            JPEG, WebP and AVIF must not end in zeros. Nothing tells BMP's zeros from black.
        pixels: How many it has.
    """
    zeros = bytes(ZEROS + pixels // PIXELS_OF_ZERO)
    match kind:
        case "PNG":
            return _wrong_checksum(data)
        case "JPEG" | "MPO":
            return NOT_WRITTEN if data.endswith(zeros) and not _has_end(data) else None
        case "WEBP":
            return NOT_WRITTEN if _webp_ends_in(zeros, data) else None
        case "AVIF":
            return NOT_WRITTEN if _avif_ends_in(zeros, data) else None
        case _:
            return None


def _wrong_checksum(data: bytes) -> str | None:
    """Of a chunk that the pixels depend on: Pillow compares none of those that hold them."""
    view, at = memoryview(data), 8
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(view[at : at + 4])
        name = bytes(view[at + 4 : at + 8])
        is_needed = not name[0] & 0x20  # upper-case: IHDR, PLTE, IDAT, IEND
        checksum = int.from_bytes(view[end - 4 : end])
        if is_needed and end <= len(data) and zlib.crc32(view[at + 4 : end - 4]) != checksum:
            return f"the checksum of its data at byte {at} is wrong"
        if name == b"IEND":
            break
        at = end
    return None


def _has_end(data: bytes) -> bool:
    """Whether a JPEG's last data are followed by a marker."""
    ends = [end for _, end in scans_of(data)]
    return bool(ends) and ends[-1] < len(data)


def _webp_ends_in(zeros: bytes, data: bytes) -> bool:
    """Whether any of the chunks that hold pixels does; those of text may."""
    at, end = 12, 8 + int.from_bytes(data[4:8], "little")
    while at + 8 <= min(end, len(data)):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        holds_pixels = data[at : at + 4] in (b"VP8 ", b"VP8L", b"ALPH", b"ANMF")
        if holds_pixels and data[at + 8 : at + 8 + size].endswith(zeros):
            return True
        at += 8 + size + size % 2
    return False


def _avif_ends_in(zeros: bytes, data: bytes) -> bool:
    """Whether its box of pixels does."""
    at = 0
    while at + 8 <= len(data):
        size, name = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        if size == 1:  # it follows, in 64 bits
            size = int.from_bytes(data[at + 8 : at + 16])
        end = at + size if size else len(data)
        if name == b"mdat" and data[at:end].endswith(zeros):
            return True
        at = max(end, at + 8)
    return False
