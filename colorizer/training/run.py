"""The run folder: config.json, metrics.jsonl, samples/, checkpoints/."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from colorizer import console
from colorizer.config import FREE_TO_CHANGE, TrainConfig, to_json
from colorizer.data.shards import Index
from colorizer.errors import UserError
from colorizer.training import checkpoint


def data_digest(index: Index) -> str:
    """One sha256 for all shards of a folder, in order."""
    return hashlib.sha256("".join(e.sha256 for e in index.shards).encode()).hexdigest()


class RunFolder:
    """Where a run writes, and what an earlier start of it has left."""

    def __init__(self, config: TrainConfig, index: Index) -> None:
        self.config = config
        self.data = data_digest(index)
        self.folder = config.output
        self.checkpoints = self.folder / "checkpoints"
        self.samples = self.folder / "samples"
        self.metrics = self.folder / "metrics.jsonl"

    def find_checkpoint(self) -> tuple[Path | None, dict[Path, str]]:
        """The checkpoint to continue from, and damaged newer ones with what is wrong with them.

        Raises:
            UserError: the run in this folder had other settings or other data; lists them.
        """
        newest, faults = checkpoint.newest_intact(self.checkpoints)
        if newest is not None:
            state = checkpoint.verify(newest)
            differences = difference(state.config, to_json(self.config))
            if differences:
                raise UserError(
                    f"{self.folder} holds a run with other settings ({'; '.join(differences)})."
                    " Continue it with its own, or give another --output."
                )
            if state.data != self.data:
                raise UserError(
                    f"{self.folder} holds a run on other shards than {self.config.data} has"
                    " now. Put them back, or"
                    " give another --output."
                )
        return newest, faults

    def prepare(self, step: int, faults: dict[Path, str]) -> None:
        """Make the folder ready to go on from `step`.

        Raises:
            UserError: it cannot be written to.
        """
        try:
            for folder in (self.checkpoints, self.samples):
                folder.mkdir(parents=True, exist_ok=True)
            text = json.dumps(to_json(self.config), indent=2)
            (self.folder / "config.json").write_text(text + "\n")
            self._forget_after(step)
        except OSError as error:
            raise UserError(f"{self.folder}: cannot be written to ({error.strerror}).") from error
        for path, fault in faults.items():
            console.warn(f"{fault} Set aside as {checkpoint.set_aside(path).name}.")

    def _forget_after(self, step: int) -> None:
        """Drop metrics of steps that will be done again."""
        if not self.metrics.exists():
            return
        kept = []
        for line in self.metrics.read_text().splitlines(keepends=True):
            if not line.endswith("\n"):  # the last line of a run that was killed while writing it
                break
            if json.loads(line)["step"] <= step:
                kept.append(line)
        partial = self.metrics.with_suffix(".partial")
        partial.write_text("".join(kept))
        os.replace(partial, self.metrics)

    def append_metrics(self, figures: dict[str, Any]) -> None:
        """Add a line to metrics.jsonl."""
        with open(self.metrics, "a") as file:
            file.write(json.dumps(figures) + "\n")

    def append_keys(self, rank: int, step: int, keys: list[str]) -> None:
        """Write down what one process has trained on."""
        path = self.folder / "order" / f"rank-{rank}.jsonl"
        path.parent.mkdir(exist_ok=True)
        with open(path, "a") as file:
            file.write(json.dumps({"step": step, "keys": keys}) + "\n")


def difference(there: dict[str, Any], here: dict[str, Any], prefix: str = "") -> list[str]:
    """Settings that make another run: `network.width: 1.0 there, 0.5 here`."""
    found = []
    for name in sorted(there.keys() | here.keys()):
        path = prefix + name
        old, new = there.get(name), here.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            found += difference(old, new, f"{path}.")
        elif old != new and path not in FREE_TO_CHANGE:
            found.append(f"{path}: {old} there, {new} here")
    return found
