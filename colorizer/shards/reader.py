"""Random access to the samples of a folder of shards; each is checked whenever it is read."""

from functools import lru_cache
from typing import Any, BinaryIO, NamedTuple, get_args

import numpy as np

from colorizer.characters.traits import Art
from colorizer.remote.bucket import NotFetched
from colorizer.remote.cache import ShardFolder
from colorizer.shards.encoding import decode_color, decode_line, picture_size
from colorizer.shards.files import files_of
from colorizer.shards.format import BLOCK, SampleMembers, scan_shard
from colorizer.shards.index import Index, checksum, read_index
from colorizer.system.errors import UserError
from colorizer.system.json_file import parse_json

_SOMEONE = {"seed": 0, "pose": 0}  # a character, as drawn ones are described
SAMPLES_IN_TABLES = 2**21  # whose places are kept: 24 bytes and its key each, 218 MB at most


class Sample(NamedTuple):
    """One pair of a shard."""

    key: str
    color: np.ndarray  # H×W×3 uint8 RGB
    line: np.ndarray  # H×W uint8, white 255
    metadata: dict[str, Any]


class Encoded(NamedTuple):
    """A sample's members as they lie in a shard, equal to what was once written."""

    key: str
    color: bytes
    line: bytes
    json: bytes


class ShardReader:
    """Reads any sample of a folder of shards."""

    def __init__(self, folder: ShardFolder) -> None:
        """Read the index.

        Raises:
            UserError: it is missing or damaged, or a shard is missing.
        """
        self.index = read_index(folder)
        self.files = files_of(folder)
        self.counts = [entry.samples for entry in self.index.shards]
        self.starts = np.cumsum([0, *self.counts])  # place of each shard's first sample in the set
        # int32: of every sample its group's place in `index.groups`, or NO_GROUP
        self.groups = np.concatenate(
            [np.empty(0, np.int32), *(entry.groups for entry in self.index.shards)], dtype=np.int32
        )
        kept = SAMPLES_IN_TABLES // max(self.counts, default=1)  # shards
        self._members = lru_cache(max(kept, 1))(self._scan)

    def __len__(self) -> int:
        return self.index.samples

    def __getitem__(self, number: int) -> Sample:
        """The sample at a place in the order of the shards."""
        return self.read(*self._place(number))

    def read(self, shard: int, position: int) -> Sample:
        """The sample at a position of a shard.

        Raises:
            UserError: it cannot be read or is not what was written; names shard and key. Or its
                shard cannot be fetched.
        """
        return decode_sample(self.index, shard, position, self.read_encoded(shard, position))

    def read_encoded(self, shard: int, position: int) -> Encoded:
        """The members of a sample, checked, but not decoded.

        Raises:
            UserError: see `read`.
        """
        try:
            return self._read_encoded(shard, position)
        except NotFetched:
            raise
        except UserError:
            if not self.files.is_worth_another_try(self.index.shards[shard]):
                raise
        self._members.cache_clear()
        return self._read_encoded(shard, position)

    def _read_encoded(self, shard: int, position: int) -> Encoded:
        members = self._members(shard)[position]
        key = members["key"].decode()
        try:
            with self.files.open(self.index.shards[shard]) as file:
                sample = Encoded(key, *(_read_at(file, *place) for place in members["places"]))
        except (OSError, ValueError) as error:
            raise unreadable(self.index, shard, key, error) from error
        check_sample(self.index, shard, position, sample)
        return sample

    def color(self, number: int) -> tuple[str, np.ndarray]:
        """Key and colours (H×W×3 uint8 RGB) of the sample at a place; its line is not decoded.

        Raises:
            UserError: as for `read`.
        """
        shard, position = self._place(number)
        sample = self.read_encoded(shard, position)
        _metadata_of(self.index, shard, position, sample)
        try:
            _check_size(self.index, shard, sample.color)
            return sample.key, decode_color(sample.color)
        except ValueError as error:
            raise unreadable(self.index, shard, sample.key, error) from error

    def metadata(self, number: int) -> tuple[str, dict[str, Any]]:
        """Key and JSON of the sample at a place in the order of the shards.

        Its pictures are read and checked, too: the checksum is of all three.

        Raises:
            UserError: as for `read`.
        """
        shard, position = self._place(number)
        sample = self.read_encoded(shard, position)
        return sample.key, _metadata_of(self.index, shard, position, sample)

    def key(self, number: int) -> str:
        """The key of the sample at a place in the order of the shards, from its tar's header.

        Raises:
            UserError: the shard cannot be read, or a header of it is damaged.
        """
        shard, position = self._place(number)
        return self._members(shard)[position]["key"].decode()

    def _place(self, number: int) -> tuple[int, int]:
        shard = int(np.searchsorted(self.starts, number, "right")) - 1
        return shard, number - int(self.starts[shard])

    def scan(self, shard: int) -> list[SampleMembers]:
        """Where the samples of a shard lie in it.

        Raises:
            UserError: see `scan_shard`; or the shard cannot be fetched.
        """
        entry = self.index.shards[shard]
        name = self.index.folder / entry.name
        try:
            file = self.files.open(entry)
        except OSError as error:
            raise UserError(
                f"shard {name} cannot be read: {error.strerror}; check the disk, or make the"
                " shards again."
            ) from error
        with file:
            return scan_shard(file, entry, name)

    def _scan(self, shard: int) -> np.ndarray:
        """A shard's samples, packed: `key`, and `places`, 3×2, of its members (`_read_at`)."""
        samples = self.scan(shard)
        longest = max(len(sample.key) for sample in samples)
        table = np.empty(len(samples), [("key", f"S{longest}"), ("places", np.uint32, (3, 2))])
        table["key"] = [sample.key for sample in samples]
        places = [(sample.color, sample.line, sample.json) for sample in samples]
        table["places"] = np.array(places) // (BLOCK, 1)
        return table


def check_sample(index: Index, shard: int, position: int, sample: Encoded) -> None:
    """Compare a sample with its checksum in the index.

    Raises:
        UserError: it is not what was written; names shard and key.
    """
    crc32 = checksum(sample.color, sample.line, sample.json)
    if crc32 != index.shards[shard].crc32_of(position):
        raise _not_as_written(index, shard, sample.key, "crc32")


def decode_sample(index: Index, shard: int, position: int, sample: Encoded) -> Sample:
    """Pictures and JSON of a sample, of the shape that the index says.

    Raises:
        UserError: they are not what make_shards.py writes, or of another group than the index says;
            names shard and key.
    """
    try:
        for data in (sample.color, sample.line):  # before anything is decoded
            _check_size(index, shard, data)
        color, line = decode_color(sample.color), decode_line(sample.line)
    except ValueError as error:
        raise unreadable(index, shard, sample.key, error) from error
    return Sample(sample.key, color, line, _metadata_of(index, shard, position, sample))


def unreadable(index: Index, shard: int, key: str, error: Exception) -> UserError:
    """What to say when a sample cannot be read, for whatever reason."""
    reason = getattr(error, "strerror", None) or error
    return UserError(
        f"shard {index.folder / index.shards[shard].name}: sample {key} cannot be read ({reason});"
        " check the disk, or make the shards again."
    )


def _check_size(index: Index, shard: int, picture: bytes) -> None:
    width, height = picture_size(picture)
    rows, columns = index.shards[shard].shape
    if (width, height) != (columns, rows):
        raise ValueError(f"a picture is {width}x{height}, not {columns}x{rows}")


def _not_as_written(index: Index, shard: int, key: str, what: str) -> UserError:
    return UserError(
        f"shard {index.folder / index.shards[shard].name}: sample {key} is not as it was written"
        f" (its {what} is not the one in index.json); make the shards again."
    )


def _metadata_of(index: Index, shard: int, position: int, sample: Encoded) -> dict[str, Any]:
    """A sample's JSON, of the group that the index says.

    Raises:
        UserError: it is not; names shard and key.
    """
    try:
        metadata = _parse_metadata(sample.json)
    except ValueError as error:
        raise unreadable(index, shard, sample.key, error) from error
    if metadata.get("group") != index.group_of(shard, position):
        raise _not_as_written(index, shard, sample.key, "group")
    return metadata


def _parse_metadata(text: bytes) -> dict[str, Any]:
    """A sample's JSON, in which all that this program reads again is of its type."""
    try:
        metadata = parse_json(text)
    except ValueError as error:
        raise ValueError(f"its JSON is damaged: {error}") from error
    if not isinstance(metadata, dict):
        raise ValueError("its JSON is no object")
    character = metadata.get("character", _SOMEONE)
    seeds = [character.get(name) for name in _SOMEONE] if isinstance(character, dict) else [None]
    if not all(type(seed) is int and seed >= 0 for seed in seeds):
        raise ValueError("its character has no seed and pose, both whole numbers from 0 on")
    if character.get("art", "portraits") not in get_args(Art):
        raise ValueError("its character is of an art that this version does not draw")
    return metadata


def _read_at(file: BinaryIO, block: int, size: int) -> bytes:
    """A member's bytes, which begin at one of the tar's blocks."""
    file.seek(int(block) * BLOCK)
    data = file.read(size)
    if len(data) < size:
        raise ValueError("the shard ends inside it")
    return data
