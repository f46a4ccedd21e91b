"""Whether a JPEG lacks data that its decoder made up, without a word: grey blocks, coarse ones."""

import io
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from PIL import Image

GREY = 127  # or one more: what coefficients of zero give, of inks and of light
BLOCK = 8  # pixels a side
_SCAN, _END = 0xDA, 0xD9
_PROGRESSIVE = (0xC2, 0xCA)  # by Huffman's codes, by arithmetic ones
_ALONE = frozenset((0x01, *range(0xD0, 0xD9)))  # markers without a length
_RESTART_OR_OTHER = re.compile(rb"\xff+[\x01-\xfe]")
_MARKER = re.compile(rb"\xff+[\x01-\xcf\xd8-\xfe]")  # which ends a scan's data
# Neither a marker, nor coefficients of zero in any usual table.
_FILLER = bytes(range(1, 255)) * 2


def is_filled_up(data: bytes, image: Image.Image, pixels: np.ndarray) -> bool:
    """Whether parts of a decoded JPEG were made up, as those of a cut file with a new end are.

    Where data ends too early libjpeg goes on with zeros, which are grey blocks, and says so to
    nobody that Pillow asks. Grey blocks may also be true: so the picture is decoded again with
    other bytes behind each part of the data, which change it only where bytes are missing.

    Args:
        data: The file.
        image: Opened and decoded from it, not turned, and at full size.
        pixels: Its, H×W or H×W×C uint8, before its profile is applied; they may be turned.
    """
    if not _has_grey_block(pixels):
        return False
    with Image.open(io.BytesIO(_lengthened(data)), formats=("JPEG",)) as longer:
        return not np.array_equal(np.asarray(longer), np.asarray(image))


def _has_grey_block(pixels: np.ndarray) -> bool:
    """Whether any block is all grey but for its edge: four values of each are looked at first."""
    plane = pixels if pixels.ndim == 2 else pixels[..., 1]
    rows, columns = (side // BLOCK * BLOCK for side in pixels.shape[:2])
    corners = ((1, 1), (2, 5), (5, 2), (6, 6))  # colours of neighbours run into the edges
    suspects = np.ones((rows // BLOCK, columns // BLOCK), bool)
    for top, left in corners:
        suspects &= _is_grey(plane[top:rows:BLOCK, left:columns:BLOCK])
        if not suspects.any():
            return False
    return any(
        _is_grey(pixels[BLOCK * row :, BLOCK * column :][1 : BLOCK - 1, 1 : BLOCK - 1]).all()
        for row, column in np.argwhere(suspects)
    )


def _is_grey(values: np.ndarray) -> np.ndarray:
    return values - np.uint8(GREY) <= 1  # darker ones wrap round


def _lengthened(data: bytes) -> bytes:
    """A JPEG with more bytes behind the data of each scan and restart interval."""
    pieces: list[bytes] = []
    kept = 0
    for _, start, end, _ in scans_of(data):
        pieces += (data[kept:start], _RESTART_OR_OTHER.sub(_behind_filler, data[start:end]))
        pieces.append(_FILLER)
        kept = end
    return b"".join((*pieces, data[kept:]))


def _behind_filler(marker: re.Match[bytes]) -> bytes:
    return _FILLER + marker[0]


class Scan(NamedTuple):
    """A scan of a JPEG."""

    header: bytes  # behind its length
    start: int  # of its data
    end: int
    progressive: bool  # one of several for the same pixels


def lacks_scans(data: bytes) -> bool:
    """Whether a progressive JPEG lacks some of its scans, as one that was cut and got a new end.

    Each component needs each of its 64 coefficients down to the last bit.
    """
    exact: dict[int, set[int]] = defaultdict(set)  # component → coefficients
    for header, _, _, progressive in scans_of(data):
        count = header[0]
        if not progressive or len(header) < 4 + 2 * count:
            return False
        first, last, bits = header[1 + 2 * count : 4 + 2 * count]
        for component in header[1 : 1 + 2 * count : 2]:
            exact[component].update(range(first, last + 1) if bits & 15 == 0 else ())
    return any(len(coefficients) < BLOCK**2 for coefficients in exact.values())


def scans_of(data: bytes) -> Iterator[Scan]:
    """Its scans."""
    at, progressive = 2, False
    while at + 4 <= len(data):
        if data[at] != 0xFF:  # what does not belong there: as libjpeg, look for the next marker
            at = data.find(b"\xff", at)
            if at < 0:
                return
            continue
        marker = data[at + 1]
        if marker in (0xFF, 0x00):
            at += 1
        elif marker in _ALONE:
            at += 2
        elif marker == _END:
            return
        else:
            header, at = at + 4, at + 2 + int.from_bytes(data[at + 2 : at + 4])
            progressive |= marker in _PROGRESSIVE
            if marker == _SCAN:
                found = _MARKER.search(data, at)
                end = found.start() if found else len(data)
                yield Scan(data[header:at], at, end, progressive)
                at = end
