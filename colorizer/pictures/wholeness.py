"""What decoders do not look at: whether a file holds all its data, or zeros in place of some.

After a power cut, or a copy that stopped, a file has its full length, and zeros where nothing was
written. Of most formats a decoder makes a picture of that without a word.
"""

from colorizer.pictures.jpeg_fill import scans_of
from colorizer.pictures.png_chunks import wrong_checksum

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
            at = wrong_checksum(data)
            return None if at is None else f"the checksum of its data at byte {at} is wrong"
        case "JPEG" | "MPO":
            return NOT_WRITTEN if data.endswith(zeros) and not _has_end(data) else None
        case "WEBP":
            return NOT_WRITTEN if _webp_ends_in(zeros, data) else None
        case "AVIF":
            return NOT_WRITTEN if _avif_ends_in(zeros, data) else None
        case _:
            return None


def _has_end(data: bytes) -> bool:
    """Whether a JPEG's last data are followed by a marker."""
    ends = [scan.end for scan in scans_of(data)]
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
