"""The run folder: config.json, metrics.jsonl, curves.png, log.txt, samples/, checkpoints/, best."""

import errno
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from colorizer.checkpoints import checkpoint, saving
from colorizer.config.serialization import to_json
from colorizer.config.training import TrainConfig
from colorizer.loading.batch import Batch
from colorizer.loading.dataset import say
from colorizer.shards.index import Index
from colorizer.system import console
from colorizer.system.errors import UserError
from colorizer.system.storage import locked, replace_file, writing
from colorizer.system.version import code_version

# What may differ between a run and its continuation: where things are, how they are computed, how
# often they are written, how fast it learns. All else makes another run.
CHANGEABLE_ON_RESUME = frozenset(
    [
        "data",
        "cache",
        "cache_size",
        "output",
        "start_from",
        "steps",
        "mixed_precision",
        "accumulate",
        "at_once",
        "exchange",
        "recompute",
        "compile",
        "workers",
        "log_every",
        "sample_every",
        "sample_count",
        "evaluate_every",
        "evaluate_count",
        "best_by",
        "patience",
        "profile",
        "checkpoint_every",
        "keep_checkpoints",
        "keep_every",
        "mirror",
        "not_finite",
        "bad_samples",
        "timeout",
        "log_with",
        "log_samples",
        "dry_run",
        "loss.vgg_weights",
        "optimizer.generator_lr",
        "optimizer.discriminator_lr",
        "optimizer.warmup",
        "optimizer.schedule",
        "optimizer.decay_from",
        "optimizer.final_lr",
    ]
)


def data_digest(indexes: Sequence[Index]) -> str:
    """One sha256 for all shards of all sets, in order."""
    sets = ("".join(entry.sha256 for entry in index.shards) for index in indexes)
    return hashlib.sha256("|".join(sets).encode()).hexdigest()


class RunFolder:
    """Where a run writes, and what an earlier start of it has left."""

    def __init__(self, config: TrainConfig, indexes: Sequence[Index]) -> None:
        self.config = config
        self.data = data_digest(indexes)
        self.folder = config.output
        self.checkpoints = self.folder / "checkpoints"
        self.samples = self.folder / "samples"
        self.metrics = self.folder / "metrics.jsonl"
        self.curves = self.folder / "curves.png"
        self.profile = self.folder / "profile"
        self.order = self.folder / "order"
        self.best = self.folder / saving.BEST

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep a second training out of this folder: the first may still be saving.

        Raises:
            UserError: another process trains there.
        """
        with locked(self.folder, "is training, or still saving,"):
            yield

    def peek(self) -> checkpoint.State | None:
        """What the newest checkpoint says of itself; whether it is intact is not looked at.

        Raises:
            UserError: the run here had other settings or data; lists them.
        """
        for path in checkpoint.saved_steps(self.checkpoints):
            try:
                state = checkpoint.read_state(path)
            except checkpoint.Damaged:
                continue
            self.check(state)
            return state
        return None

    def find_checkpoint(self) -> checkpoint.FoundCheckpoint | None:
        """The checkpoint to continue from, every byte of it checked.

        Raises:
            UserError: none is intact, or the run here had other settings or data; lists them.
        """
        newest = checkpoint.newest_intact(self.checkpoints)
        if newest is not None:
            self.check(newest.state)
        return newest

    def check(self, state: checkpoint.State) -> None:
        """Look whether a checkpoint is of this run.

        Raises:
            UserError: it had other settings or data; lists them.
        """
        now = to_json(self.config)
        changeable = CHANGEABLE_ON_RESUME
        if None in (state.config["start_from"], now["start_from"]):
            changeable -= {"start_from"}  # what it started from may move, but not come or go
        differences = difference(state.config, now)
        others = [text for name, text in differences.items() if name not in changeable]
        if others:
            raise UserError(
                f"{self.folder} holds a run with other settings ({'; '.join(others)})."
                " Continue it with its own settings, or give another --output."
            )
        if state.data != self.data:
            raise UserError(
                f"{self.folder} holds a run on other shards than those now in"
                f" {say(self.config.data)}. Put its own shards back, or give another --output."
            )

    def prepare(
        self, newest: checkpoint.FoundCheckpoint | None, origin: checkpoint.Origin | None
    ) -> None:
        """Make the folder ready to go on from a checkpoint, or from the start.

        Args:
            newest: The checkpoint; None: there is none.
            origin: What a run without checkpoint starts from; None: random weights.

        Raises:
            UserError: it cannot be written to.
        """
        with writing(self.folder):
            for folder in (self.checkpoints, self.samples):
                folder.mkdir(parents=True, exist_ok=True)
        origin = newest.state.origin if newest else origin
        settings = {**to_json(self.config), "origin": asdict(origin) if origin else None}
        text = json.dumps(settings, indent=2)
        replace_file(self.folder / "config.json", f"{text}\n".encode())
        saving.clean(self.checkpoints)
        step = newest.state.step if newest else -1
        if newest:
            self._say_changes(newest.state)
            saving.point_at_best(self.checkpoints, newest.state.best)
        for log in (self.metrics, *self.order.glob("rank-*.jsonl")):
            forget_after(log, step)
        for path, fault in (newest.faults if newest else {}).items():
            console.warn(f"{fault} Set aside as {saving.set_aside(path).name}.")

    def _say_changes(self, state: checkpoint.State) -> None:
        """What is set otherwise now than when the checkpoint was written."""
        for text in difference(state.config, to_json(self.config)).values():
            console.say(f"Changed from step {state.step} on: {text}.")
        if state.version != code_version():
            console.say(f"Step {state.step} was trained by {state.version}; now {code_version()}.")

    def append_metrics(self, figures: dict[str, Any]) -> None:
        """Add a line to metrics.jsonl."""
        append_lines(self.metrics, [figures])

    def append_samples(self, lines: Sequence[Sequence[dict[str, Any]]]) -> None:
        """Write down what each process has trained on, as `sample_lines` tells it."""
        for rank, of_rank in enumerate(lines):
            append_lines(self.order / f"rank-{rank}.jsonl", of_rank)


def sample_lines(step: int, batch: Batch) -> list[dict[str, Any]]:
    """What one process trains on, a line a sample.

    The samples, the reference pictures if the batch carries them, and digests of the augmentation.

    Args:
        step: The step that the batch belongs to.
        batch: The samples.
    """
    lines, parameters = [], batch.parameters
    for row, (number, key) in enumerate(zip(batch.numbers, batch.keys, strict=True)):
        digest = hashlib.blake2b(digest_size=8)
        for column in parameters:
            digest.update(column[row].numpy().tobytes())
        line = {"step": step, "n": number, "key": key, "augmentation": digest.hexdigest()}
        if batch.references:
            line["reference"] = batch.references[row]
        lines.append(line)
    return lines


def append_lines(path: Path, lines: Iterable[dict[str, Any]]) -> None:
    """Add lines of JSON to a log: all of them, or none if the disk is full.

    Raises:
        UserError: they cannot be written.
    """
    text = "".join(json.dumps(line, allow_nan=False) + "\n" for line in lines)
    with writing(path):
        path.parent.mkdir(exist_ok=True)
        with path.open("ab", buffering=0) as file:
            before = file.tell()
            try:
                if file.write(text.encode()) < len(text.encode()):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError:
                file.truncate(before)
                raise


def forget_after(log: Path, step: int) -> None:
    """Drop the lines of steps that will be done again, and one cut short by a kill."""
    if not log.exists():
        return
    kept = []
    for line in log.read_bytes().splitlines(keepends=True):
        try:
            if json.loads(line)["step"] <= step:
                kept.append(line)
        except (ValueError, KeyError, TypeError):
            console.warn(f"{log}: a damaged line is dropped.")
    replace_file(log, b"".join(kept))


def difference(before: dict[str, Any], now: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Settings that differ, by name: `network.width was 1.0, is now 0.5`."""
    if before.get("task") != now.get("task"):  # then few other settings can be compared
        return {"task": f"task was {before.get('task')}, is now {now.get('task')}"}
    found = {}
    for name in sorted(before.keys() | now.keys()):
        path = prefix + name
        old, new = before.get(name), now.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            found |= difference(old, new, f"{path}.")
        elif old != new:
            found[path] = f"{path} was {old}, is now {new}"
    return found
