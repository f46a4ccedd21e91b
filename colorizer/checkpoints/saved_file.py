"""Files of torch.save, which somebody else may have written: nothing is run or unbounded."""

import zipfile
from pathlib import Path
from typing import Any

import torch

from colorizer.checkpoints.tensor_file import PICKLE_OPCODE, ZIP
from colorizer.system.errors import UserError

NAMES_SHOWN = 3  # of what else a file holds


def read_saved(path: Path) -> dict[Any, Any]:
    """What torch.save has written, if it is a dictionary of nothing but tensors and plain values.

    Its tensors are mapped, not read: memory is taken for those alone that somebody looks at.

    Raises:
        UserError: it cannot be read, is damaged, is another kind of file, or holds more than that.
    """
    _check_archive(path)
    try:
        content = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
    except Exception as error:  # whatever somebody's pickle makes torch's reader raise
        raise UserError(
            f"{path} holds more than tensors and plain values{_foreign(path)}. Reading such a"
            " pickle can run any program, so it is refused; save the generator's state_dict()"
            " alone."
        ) from error
    if not isinstance(content, dict):
        raise UserError(f"{path} holds a {type(content).__name__}; give a generator's state dict.")
    return content


def _foreign(path: Path) -> str:
    """The names of what else a file holds, which are read without running anything."""
    try:
        names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except Exception:  # as above; then there is nothing to add
        return ""
    return f" ({', '.join(names[:NAMES_SHOWN])})" if names else ""


def _check_archive(path: Path) -> None:
    """Whether every byte of a file is what torch.save wrote, before anything takes its word.

    Raises:
        UserError: it is not.
    """
    try:
        with path.open("rb") as file:
            start = file.read(len(ZIP))
        if start.startswith(PICKLE_OPCODE):
            raise UserError(
                f"{path} is in the format of torch before 1.6, or another pickle, and is not read;"
                " save it again with a newer torch."
            )
        if not start.startswith(ZIP):
            raise UserError(f"{path} is not what torch.save writes; give the .pth file.")
        with zipfile.ZipFile(path) as archive:
            if any(e.compress_type != zipfile.ZIP_STORED for e in archive.infolist()):
                raise UserError(
                    f"{path} is a compressed archive, which torch.save never writes; give the"
                    " .pth file."
                )
            wrong = archive.testzip()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    except (zipfile.BadZipFile, EOFError, RuntimeError, NotImplementedError) as error:
        raise UserError(f"{path} is cut short or damaged ({error}); copy it again.") from error
    if wrong is not None:
        raise UserError(f"{path} is damaged (the checksum of {wrong} is wrong); copy it again.")
