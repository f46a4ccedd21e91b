"""What collections hold that is nobody's picture: thumbnails and bins of systems, and patterns."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

# Of NAS, desktops and disks; names that begin with a dot (.thumbnails, ._a.png) are hidden anyway.
SYSTEM_NAMES = frozenset(
    (
        *("@eadir", "@__thumb", "@recycle", "@recently-snapshot", "@tmp", "#recycle", "#snapshot"),
        *("$recycle.bin", "system volume information", "lost+found", "recycler"),
        *("__macosx", "network trash folder", "temporary items", "icon\r"),
        *("thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini"),
    )
)


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is the system's, or hidden."""
    return name.startswith(".") or name.lower() in SYSTEM_NAMES


def is_hidden_within(path: str) -> bool:
    """Whether a file (its path with /) or a folder that it lies in is the system's, or hidden."""
    return any(is_hidden(name) for name in path.split("/") if name not in ("", ".", ".."))


def is_excluded(path: str, patterns: Sequence[str]) -> bool:
    """Whether a pattern matches a path (with /), the name of the file, or a folder it lies in.

    Args:
        path: Relative to what was given.
        patterns: With `*`, `?` and `[...]`; `*` matches `/` as well.
    """
    if not patterns:
        return False
    names = path.split("/")
    candidates = {*names, *("/".join(names[: end + 1]) for end in range(len(names)))}
    return any(
        fnmatchcase(candidate, pattern.rstrip("/"))
        for pattern in patterns
        for candidate in candidates
    )
