"""Addresses of folders that lie elsewhere: s3://bucket/shards, https://host/shards, ..."""

import re
from dataclasses import dataclass
from pathlib import Path

from colorizer.system.errors import UserError

_BEGINNING = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/")  # Path would make one slash of two


@dataclass(frozen=True)
class Address:
    """The address of a folder or a file, as fsspec reads it: it holds no password."""

    url: str  # without a slash at its end

    def __post_init__(self) -> None:
        """Refuse what is no address of a folder.

        Raises:
            UserError: naming what is wrong.
        """
        scheme, separator, rest = self.url.partition("://")
        if not separator or not rest.strip("/"):
            raise UserError(f"{self.url} is no address of a folder; give s3://bucket/folder, say.")
        host = rest.split("/")[0]
        if "@" in host:
            raise UserError(
                f"{scheme}://…@{host.rpartition('@')[2]}: give no password in an address, which is"
                " written down; sign in as docs/remote.md says."
            )
        if "?" in rest or "#" in rest:
            raise UserError(
                f"{self.url.partition('?')[0]}: an address of a folder ends before a ? or #; sign"
                " in as docs/remote.md says."
            )

    def __truediv__(self, name: str) -> "Address":
        return Address(f"{self.url}/{name}")

    def __str__(self) -> str:
        return self.url

    @property
    def name(self) -> str:
        """Its last part."""
        return self.url.rpartition("/")[2]

    @property
    def protocol(self) -> str:
        """s3, https, ..."""
        return self.url.partition("://")[0]


Location = Path | Address


def location_of(text: str) -> Location:
    """A folder on this machine, or elsewhere.

    Raises:
        UserError: it looks like an address, and is none.
    """
    if _BEGINNING.match(text):
        return Address(text.rstrip("/"))
    return Path(text)
