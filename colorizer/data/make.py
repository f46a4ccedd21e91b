"""Makes a set of shards: workers prepare the samples, this process writes them in order."""

import hashlib
import json
from collections import Counter
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from colorizer import console
from colorizer.config import FolderConfig, ShardsConfig
from colorizer.data.files import Rejection
from colorizer.data.lines import XDoG
from colorizer.data.prepare import prepare
from colorizer.data.shard_writer import ShardWriter
from colorizer.data.shards import INDEX, read_index
from colorizer.data.sources import Item, Listing, Part, list_source
from colorizer.data.workers import map_in_order
from colorizer.errors import UserError
from colorizer.storage import replace_file, writing

HELD_OUT = 0.05  # where neither the settings nor the source say otherwise
UNFINISHED = "unfinished.json"  # is there from the first shard to the last index
REJECTED = "rejected.jsonl"


@dataclass(frozen=True)
class Report:
    """What became of the pictures: train + held_out + rejections = found."""

    found: int
    train: int
    held_out: int
    rejections: list[Rejection]
    animated: int  # kept pictures of which only the first frame was taken


def make_shards(config: ShardsConfig) -> Report | None:
    """Write train/ and held-out/ under the output, and rejected.jsonl where a picture was rejected.

    The bytes written depend on the pictures and settings alone, not on the number of workers.

    Returns:
        The report, or None where the output already holds this very set.

    Raises:
        UserError: bad settings or source, an output that holds something else or cannot be
            written, no picture for training, or a worker killed from outside.
    """
    _check(config)
    listing = list_source(config)
    share = _held_out_share(config, listing.items)
    settings = _settings(config, listing, share)
    if _is_finished(config.output):
        _refuse_other_settings(config.output, settings)
        (config.output / UNFINISHED).unlink(missing_ok=True)  # killed just before it was removed
        return None
    _start_over(config.output, settings)
    report = _make(config, listing, share, settings)
    with writing(config.output):
        (config.output / UNFINISHED).unlink()
    return report


def is_held_out(name: str, share: float) -> bool:
    """Whether a key or group falls into the share that is kept from training; the same for ever."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) / 2**32 < share


# ---- Settings


def _check(config: ShardsConfig) -> None:
    if not 32 <= config.size <= 16383:
        raise UserError(f"--size is {config.size}; 32 to 16383 (WebP's most) can be made.")
    if config.held_out is not None and not 0 <= config.held_out < 1:
        raise UserError(f"--held-out is {config.held_out}; give a share from 0 to below 1.")
    if config.samples_per_shard < 1:
        raise UserError(f"--samples-per-shard is {config.samples_per_shard}; give at least 1.")
    if config.workers < 0:
        raise UserError(f"--workers is {config.workers}; give 0 (one for each core) or more.")
    folder = getattr(config, "folder", None)
    if folder is not None and config.output.resolve().is_relative_to(folder.resolve()):
        raise UserError(f"--output {config.output} lies in {folder} itself; choose another folder.")


def _held_out_share(config: ShardsConfig, items: list[Item]) -> float | None:
    """None: the source says itself what is held out."""
    if config.held_out is None and any(item.part for item in items):
        return None
    return HELD_OUT if config.held_out is None else config.held_out


def _settings(config: ShardsConfig, listing: Listing, share: float | None) -> dict[str, Any]:
    """All that determines the shards' content, as JSON values."""
    settings = {
        **listing.identity,
        "size": config.size,
        "fit": config.fit,
        "held_out": "val/" if share is None else share,
        "samples_per_shard": config.samples_per_shard,
    }
    if isinstance(config, FolderConfig):
        settings["lines"] = {"method": config.lines, **asdict(XDoG())}
    return settings


# ---- What the output already holds


def _parts(output: Path) -> dict[Part, Path]:
    return {"train": output / "train", "held-out": output / "held-out"}


def _is_finished(output: Path) -> bool:
    return all((folder / INDEX).exists() for folder in _parts(output).values())


def _refuse_other_settings(output: Path, settings: dict[str, Any]) -> None:
    for folder in _parts(output).values():
        there = read_index(folder).settings
        if there != settings:
            names = [name for name in there | settings if there.get(name) != settings.get(name)]
            difference = "; ".join(
                f"{name}: {there.get(name)} there, {settings.get(name)} asked for" for name in names
            )
            raise UserError(
                f"{output} already holds other shards ({difference}); choose another --output or"
                " delete it."
            )


def _start_over(output: Path, settings: dict[str, Any]) -> None:
    """Remove what an unfinished run has left, and nothing else; mark the output as unfinished."""
    leftovers = _in_parts(output, "*.tar.partial", "index.json.partial")
    complete = _in_parts(output, "*.tar", INDEX)
    if (output / UNFINISHED).exists():
        leftovers += complete
    elif complete:
        raise UserError(
            f"{complete[0]} belongs to no finished and no interrupted set; choose another --output"
            " or delete it."
        )
    with writing(output):
        output.mkdir(parents=True, exist_ok=True)
        for path in leftovers:
            path.unlink()
        (output / REJECTED).unlink(missing_ok=True)
    if leftovers:
        console.say(f"{output}: {len(leftovers)} file(s) of an unfinished run removed.")
    replace_file(output / UNFINISHED, json.dumps(settings, indent=1).encode() + b"\n")


def _in_parts(output: Path, *patterns: str) -> list[Path]:
    folders = _parts(output).values()
    return [path for folder in folders for pattern in patterns for path in folder.glob(pattern)]


# ---- The work


def _make(
    config: ShardsConfig, listing: Listing, share: float | None, settings: dict[str, Any]
) -> Report:
    size, samples_per_shard = config.size, config.samples_per_shard
    folders = _parts(config.output)
    with (
        ShardWriter(folders["train"], size, samples_per_shard, settings) as train,
        ShardWriter(folders["held-out"], size, samples_per_shard, settings) as held_out,
    ):
        rejections, animated = _write_samples(config, listing, share, train, held_out)
        _write_rejections(config.output / REJECTED, rejections)
        report = Report(listing.found, train.samples, held_out.samples, rejections, animated)
        if report.train == 0:
            raise UserError(_nothing_to_train_on(report, config.output))
    return report


def _write_samples(
    config: ShardsConfig,
    listing: Listing,
    share: float | None,
    train: ShardWriter,
    held_out: ShardWriter,
) -> tuple[list[Rejection], int]:
    """Write the samples; return all that was rejected, and how many kept pictures were animated."""
    items, rejections, animated = listing.items, list(listing.rejections), 0
    work = partial(prepare, size=config.size, fit=config.fit)
    with (
        closing(map_in_order(work, items, config.workers)) as results,
        console.progress("Making shards", len(items), "pictures") as advance,
    ):
        for done, (item, result) in enumerate(zip(items, results, strict=True), 1):
            if isinstance(result, Rejection):
                rejections.append(result)
            else:
                writer = held_out if _goes_to(item, share) == "held-out" else train
                writer.write_encoded(item.key, result.color, result.line, result.metadata)
                animated += result.animated
            advance(done, f"rejected {len(rejections)}")
    return sorted(rejections, key=lambda rejection: rejection.source), animated


def _goes_to(item: Item, share: float | None) -> Part:
    if share is None:
        assert item.part is not None
        return item.part
    return "held-out" if is_held_out(item.group or item.key, share) else "train"


def _write_rejections(path: Path, rejections: list[Rejection]) -> None:
    if rejections:
        lines = [json.dumps(asdict(rejection)) + "\n" for rejection in rejections]
        replace_file(path, "".join(lines).encode())


def _nothing_to_train_on(report: Report, output: Path) -> str:
    counts = Counter(rejection.reason for rejection in report.rejections)
    reasons = ", ".join(f"{count} {reason}" for reason, count in counts.most_common())
    if report.held_out:
        return (
            f"all {report.held_out} pictures that can be used are held out from training"
            f" (rejected: {reasons or 'none'}); give a smaller --held-out."
        )
    return f"no picture could be used ({reasons}); {output / REJECTED} names each."
