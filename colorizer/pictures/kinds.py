"""What a file is by its first bytes, whatever its name says."""

from PIL import features

HEAD = 64  # bytes that are enough to tell

# Named so that a file's content can start no other reader (Pillow's for EPS runs Ghostscript).
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP") + (
    ("AVIF",) if features.check("avif") else ()
)
SUFFIXES = frozenset(
    (
        *(".apng", ".avif", ".bmp", ".dib", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg"),
        *(".png", ".tif", ".tiff", ".webp"),
    )
)
# Of these no file is opened to see whether it is a picture by another name: there may be millions.
NEVER_PICTURES = frozenset((".csv", ".html", ".json", ".jsonl", ".md", ".txt", ".xml", ".yaml"))

AS_PICTURE = "save it as PNG, JPEG or WebP"
_REMEDIES = {
    "ZIP": "unpack it",
    "video": "save its frames as PNG or JPEG",
    "PDF": "save its pages as PNG",
    "PostScript": "save its pages as PNG",
}
_STARTS = (
    (b"8BPS", "PSD"),
    (b"\xff\x0a", "JXL"),
    (b"\0\0\0\x0cJXL ", "JXL"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"II\xbc\x01", "JPEG XR"),
    (b"gimp xcf", "XCF"),
    (b"CSFCHUNK", "CLIP"),
    (b"qoif", "QOI"),
    (b"DDS ", "DDS"),
    *((b"P%d%c" % (kind, end), "PPM") for kind in range(1, 7) for end in b" \n\r\t#"),
    (b"\x76\x2f\x31\x01", "EXR"),
    (b"%PDF", "PDF"),
    (b"%!PS", "PostScript"),
    (b"<svg", "SVG"),
    (b"PK\x03\x04", "ZIP"),
    (b"\x1aE\xdf\xa3", "video"),
)
_BRANDS = {
    **dict.fromkeys(
        (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "HEIC"
    ),
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
    **dict.fromkeys((b"isom", b"iso2", b"mp41", b"mp42", b"M4V ", b"qt  "), "video"),
}
_UNREAD_SUFFIXES = {
    **dict.fromkeys((".heic", ".heif", ".hif"), "HEIC"),
    **dict.fromkeys((".psd", ".psb"), "PSD"),
    ".jxl": "JXL",
    ".avifs": "AVIF",
    ".tga": "TGA",  # has no first bytes of its own
}
_OURS = (
    b"BM",
    b"GIF8",
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"II*\0",
    b"MM\0*",
    b"II+\0",
    b"MM\0+",
)


def is_readable(head: bytes) -> bool:
    """Whether a file that begins so is of a format that is read."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return True
    return head.startswith(_OURS) or (_container(head) == "AVIF" and "AVIF" in FORMATS)


def why_unread(head: bytes) -> tuple[str, str] | None:
    """The reason and remedy for a file that begins so; None: it is of no kind that is known."""
    text = head.lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return "a web page, no picture", "download it again"
    if text.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer, no picture", "fetch the files with `git lfs pull`"
    if head and not head.strip(b"\0"):
        return "only zeros", "copy it again"
    kinds = (kind for start, kind in _STARTS if head.startswith(start))
    kind = next(kinds, None) or _container(head)
    if kind is None and b"<svg" in text:
        kind = "SVG"
    return None if kind is None else (f"{kind} is not read", _REMEDIES.get(kind, AS_PICTURE))


def why_unread_by_name(suffix: str) -> tuple[str, str] | None:
    """The same for a file that cannot be looked into, by its lower-case suffix, with its dot."""
    kind = _UNREAD_SUFFIXES.get(suffix)
    return None if kind is None else (f"{kind} is not read", AS_PICTURE)


def _container(head: bytes) -> str | None:
    """The kind of a file of boxes (HEIF, MP4), which its major brand tells, or a compatible one."""
    if head[4:8] != b"ftyp":
        return None
    size = min(int.from_bytes(head[:4]), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, size - 3, 4))]
    kinds = [_BRANDS[brand] for brand in brands if brand in _BRANDS]
    # A still picture of either codec may call itself mif1: then the others tell.
    return "AVIF" if "AVIF" in kinds else next(iter(kinds), "video")
