"""What the tests of damaged shards share: good shards made into bad ones."""

import hashlib
import json
from pathlib import Path

from colorizer.shards.format import COLOR, JSON, LINE, SampleMembers, scan_shard, tar_header
from colorizer.shards.index import INDEX, ShardEntry, checksum, read_index

MEMBERS = (COLOR, LINE, JSON)


def members_of(folder: Path, shard: int) -> list[SampleMembers]:
    """Where the samples of a shard of a folder lie in it."""
    entry = read_index(folder).shards[shard]
    return scan_file(folder / entry.name, entry)


def scan_file(path: Path, entry: ShardEntry) -> list[SampleMembers]:
    """Where the samples of a shard lie in its file."""
    with path.open("rb") as file:
        return scan_shard(file, entry, path)


def place_of(members: SampleMembers, member: str) -> tuple[int, int]:
    """Offset and size of a member of a sample, in bytes."""
    return dict(zip(MEMBERS, (members.color, members.line, members.json), strict=True))[member]


def flip(path: Path, offset: int) -> None:
    """Change one bit of the byte at an offset."""
    with path.open("r+b") as file:
        file.seek(offset)
        (byte,) = file.read(1)
        file.seek(offset)
        file.write(bytes([byte ^ 1]))


def spoil(folder: Path, *numbers: int) -> None:
    """Change a bit in the line drawings of some samples of a folder of shards."""
    first = 0
    for shard, entry in enumerate(read_index(folder).shards):
        for position, members in enumerate(members_of(folder, shard)):
            if first + position in numbers:
                offset, size = members.line
                flip(folder / entry.name, offset + size // 2)
        first += entry.samples


def forge(folder: Path, member: str, data: bytes) -> None:
    """Give the third sample of the first shard another member, and an index that fits it."""
    path = folder / "000000.tar"
    whole, tar, checksums = path.read_bytes(), b"", ""
    for position, members in enumerate(members_of(folder, 0)):
        contents = []
        for name in MEMBERS:
            offset, size = place_of(members, name)
            forged = (position, name) == (2, member)
            contents.append(data if forged else whole[offset : offset + size])
            tar += tar_header(f"{members.key}.{name}", len(contents[-1])) + contents[-1]
            tar += bytes(-len(tar) % 512)
        checksums += checksum(*contents)
    tar += bytes(1024)
    path.write_bytes(tar)
    index = json.loads((folder / INDEX).read_bytes())
    sha256 = hashlib.sha256(tar).hexdigest()
    index["shards"][0] |= {"bytes": len(tar), "sha256": sha256, "crc32": checksums}
    (folder / INDEX).write_text(json.dumps(index))
