"""What the results of a folder's pictures are called."""

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath


def result_names(sources: Sequence[str], suffix: str) -> list[PurePath]:
    """A name for each: its own with another suffix, or behind its own where that is one of two.

    Args:
        sources: Paths with /, relative to the folder.
        suffix: Of the results, with its dot.

    Returns:
        `a.png` for `a.jpg`; but for `a.jpg` beside `a.png` `a.jpg.png` and `a.png.png`.
    """
    plain = [_with_suffix(source, suffix) for source in sources]
    times = Counter(plain)
    return [
        name if times[name] == 1 else PurePath(f"{source}{suffix}")
        for source, name in zip(sources, plain, strict=True)
    ]


def _with_suffix(source: str, suffix: str) -> PurePath:
    path = PurePath(source)
    return path.with_name(path.stem + suffix)  # also where the picture has no suffix
