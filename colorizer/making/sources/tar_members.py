"""What a tar holds: its plain files, and where in it they lie; nothing is ever unpacked."""

import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from colorizer.pictures.files import Rejection
from colorizer.pictures.kinds import HEAD, SUFFIXES, why_unread
from colorizer.pictures.left_out import is_hidden_within

COLOR_ROLES = ("", "color", "colour", "image")  # between a member's key and its suffix
LINE_ROLE = re.compile(r"line[-_]?\d*")  # several drawings: line1, line2, ...
COMPRESSED_TAR = "compressed tar", "unpack it to a plain .tar first"
COMPRESSION = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")  # gzip, bzip2, xz, zstd
Place = tuple[int, int]  # where a member's bytes begin in the tar, and how many they are


@dataclass(frozen=True)
class Member:
    """A file in a tar."""

    name: str
    offset: int
    size: int

    @property
    def place(self) -> Place:
        """Where its bytes lie."""
        return self.offset, self.size

    @property
    def key(self) -> str:
        """What WebDataset takes for the sample's key: the path up to the file name's first dot."""
        folder, slash, name = self.name.rpartition("/")
        return folder + slash + name.partition(".")[0]

    @property
    def kind(self) -> str:
        """What follows that dot."""
        return self.name.rpartition("/")[2].partition(".")[2].lower()

    @property
    def _role(self) -> str | None:
        """What stands between key and suffix, if it is a picture."""
        role, _, suffix = self.kind.rpartition(".")
        return role if f".{suffix}" in SUFFIXES else None

    @property
    def is_picture(self) -> bool:
        """Whether it is one at all."""
        return self._role is not None

    @property
    def is_numbered(self) -> bool:
        """Whether it is a picture that was numbered behind a dot, as others of its name."""
        return self._role is not None and self._role.isdecimal()

    @property
    def holds_color(self) -> bool:
        """Whether it is a sample's picture."""
        return self._role in COLOR_ROLES

    @property
    def holds_line(self) -> bool:
        """Whether it is a drawing of it."""
        return self._role is not None and LINE_ROLE.fullmatch(self._role) is not None


def members_of(path: Path, tar: str) -> Iterator[Member | Rejection]:
    """The plain files of a tar; what is odd in it is rejected, the rest is still found."""
    if not path.is_file():  # a named pipe would be waited for
        yield Rejection(tar, "cannot be opened", "no regular file")
        return
    try:
        with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as archive:
            while (member := archive.next()) is not None:
                archive.members = []  # pyright: ignore[reportAttributeAccessIssue]  # else it keeps all
                if member.size < 0:  # which would lead back to the same header for ever
                    yield Rejection(tar, "damaged tar", f"a size of {member.size} bytes")
                    return
                if not member.isdir() and not is_hidden_within(member.name):
                    yield _look_at(member, tar)
            fault = _fault_behind(file, archive.offset)
            if fault is not None:
                yield Rejection(tar, "damaged tar", fault)
    except tarfile.TarError as error:
        yield Rejection(tar, *(_why_none(path) or ("damaged tar", str(error))))
    except OSError as error:
        yield Rejection(tar, "cannot be opened", error.strerror or str(error))


def _fault_behind(file: BinaryIO, offset: int) -> str | None:
    """What is wrong if a tar does not end there, as tarfile takes damage and holes for the end."""
    file.seek(offset)
    zeros = 0
    while block := file.read(2**20):
        if block.strip(b"\0"):
            start = (len(block) - len(block.lstrip(b"\0"))) // tarfile.BLOCKSIZE * tarfile.BLOCKSIZE
            if zeros + start and block[start + 257 :].startswith(b"ustar"):
                at = offset + zeros + start
                return (
                    f"another tar begins at byte {at} of it, and is not read; split the file there"
                )
            return f"no end mark at byte {offset}"
        zeros += len(block)
    return None if zeros >= tarfile.BLOCKSIZE else f"no end mark at byte {offset}"


def _why_none(path: Path) -> tuple[str, str] | None:
    """What a file is that is called a tar and is none; None: nothing that is known."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head.startswith(COMPRESSION):
        return COMPRESSED_TAR
    return why_unread(head)


def _look_at(member: tarfile.TarInfo, tar: str) -> Member | Rejection:
    if member.issparse():
        return Rejection(f"{tar}/{member.name}", "no plain file", "a sparse file in a tar")
    if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
        return Rejection(f"{tar}/{member.name}", "no plain file", "a link or device in a tar")
    if member.name.startswith("/") or ".." in member.name.split("/"):
        return Rejection(f"{tar}/{member.name}", "unsafe name", "a path that leaves its folder")
    return Member(member.name, member.offset_data, member.size)
