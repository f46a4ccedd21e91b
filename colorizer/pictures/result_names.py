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
        `a.png` for `a.jpg`; but for `a.jpg` beside `a.png` `a.jpg.png` and `a.png.png`. So, too,
        where a folder is called `a.png`.
    """
    long = [PurePath(f"{source}{suffix}") for source in sources]
    names = [_with_suffix(source, suffix) for source in sources]
    folders = {folder for source in sources for folder in PurePath(source).parents}
    while True:  # a long name may be another's short one
        times = Counter(names)
        better = [
            longer if times[name] > 1 or name in folders else name
            for name, longer in zip(names, long, strict=True)
        ]
        if better == names:
            return names
        names = better


def _with_suffix(source: str, suffix: str) -> PurePath:
    path = PurePath(source)
    return path.with_name(path.stem + suffix)  # also where the picture has no suffix
