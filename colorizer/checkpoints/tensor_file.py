"""Safetensors files, which somebody else may have written: nothing is run or unbounded."""

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from colorizer.system.errors import UserError
from colorizer.system.storage import flush, set_mode, writing

MAX_HEADER = 16 * 2**20  # bytes; that of the full generator has 40,000
PICKLES = (".pt", ".pth", ".ckpt", ".bin", ".pkl")
ZIP, PICKLE_OPCODE = b"PK\x03\x04", b"\x80"  # how torch.save's files begin


class Pickle(UserError):
    """A file that can run any program when it is read."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is a pickle. Reading a pickle can run any program, so it is refused; give a"
            " .safetensors file."
        )


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a file, on the CPU.

    Raises:
        Pickle: it is one, and not opened.
        UserError: it cannot be read, or is no safetensors file.
    """
    check_header(path)
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise UserError(_unreadable(path, error)) from error


def read_metadata(path: Path) -> dict[str, str]:
    """What the header of a file says beside its tensors.

    Raises:
        UserError: see `read_tensors`.
    """
    check_header(path)
    try:
        with safe_open(path, "pt") as file:
            return file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise UserError(_unreadable(path, error)) from error


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str]) -> None:
    """Write a file and have it on the disk.

    Args:
        path: A name that nothing else has: no file is left under it by a full disk.
        tensors: In host memory and row-major.
        metadata: Of the header.

    Raises:
        UserError: there is no room, or another failure to write.
    """
    with writing(path):
        path.touch()
        mode = path.stat().st_mode  # what everybody's files have; safetensors' are for one user
        try:
            save_file(dict(tensors), path, metadata)
        except SafetensorError as error:  # how a full disk comes through
            path.unlink(missing_ok=True)
            raise UserError(f"cannot write {path}: {error}; make room there.") from error
        set_mode(path, mode)
        flush(path)


def check_header(path: Path) -> None:
    """Look at the first bytes, before safetensors takes their word for how much to read.

    Raises:
        UserError: see `read_tensors`.
    """
    if path.suffix.lower() in PICKLES:
        raise Pickle(path)
    try:
        with path.open("rb") as file:
            start = file.read(8)
        length = int.from_bytes(start, "little")
        if len(start) == 8 and length <= min(MAX_HEADER, path.stat().st_size - 8):
            return
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    if start.startswith((ZIP, PICKLE_OPCODE)):
        raise Pickle(path)
    raise UserError(f"{path}: not a readable .safetensors file (its header has {length} bytes).")


def _unreadable(path: Path, error: Exception) -> str:
    return f"{path}: not a readable .safetensors file ({error})."
