"""What the processes of a machine will need of a cache: each tells the others in a file."""

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from colorizer.system.storage import replace_file, try_lock, writing

Needs = Mapping[str, float]  # name → when it is needed, by time.monotonic(); now or before: in use


class ToldNeeds:
    """The needs of one process, which others read for as long as it lives."""

    def __init__(self, folder: Path) -> None:
        """Nothing is needed yet.

        Raises:
            UserError: the folder cannot be written to.
        """
        name = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._path = folder / f"{name}.json"
        self._life = folder / f"{name}.life"
        unborn = folder / f"{name}.unborn"
        with writing(unborn):
            folder.mkdir(parents=True, exist_ok=True)
            self._file = unborn.open("w")
            try_lock(self._file, folder, without_locks=True)
            unborn.replace(self._life)  # others that see it unlocked take the process for dead

    def tell(self, needs: Needs) -> None:
        """Say what is needed from now on.

        Raises:
            UserError: it cannot be written.
        """
        replace_file(self._path, json.dumps(needs).encode())

    def close(self) -> None:
        """Need nothing more."""
        self._path.unlink(missing_ok=True)
        self._life.unlink(missing_ok=True)
        self._file.close()


def needs_of_all(folder: Path) -> dict[str, float]:
    """When each copy is needed first by any living process; what dead ones told is removed."""
    earliest: dict[str, float] = {}
    for path in folder.glob("*.life"):
        told = path.with_suffix(".json")
        try:
            with path.open("r+") as life:
                if try_lock(life, folder, without_locks=False):
                    told.unlink(missing_ok=True)
                    path.unlink(missing_ok=True)
                    continue
            needs = json.loads(told.read_bytes())
        except FileNotFoundError:  # it has just ended, or told nothing yet
            continue
        for name, moment in needs.items():
            earliest[name] = min(moment, earliest.get(name, moment))
    return earliest


def least_needed(
    copies: Mapping[str, float], needs: Needs, now: float, until: float | None = None
) -> list[str]:
    """What may go to make room, the first to go first: what is not needed, then what is last.

    Args:
        copies: Name → when it was fetched.
        needs: Of all processes.
        now: What is needed now or before stays.
        until: So does what is needed before this, for the sake of which room is made.
    """
    unneeded = sorted((name for name in copies if name not in needs), key=copies.__getitem__)
    until = now if until is None else max(now, until)
    later = [name for name in copies if needs.get(name, now) > until]
    return [*unneeded, *sorted(later, key=needs.__getitem__, reverse=True)]
