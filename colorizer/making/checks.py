"""Refuses settings of make_shards that cannot work, before anything is touched."""

import math
import os
from pathlib import Path

from colorizer.config.presets import PRESETS
from colorizer.making.config import CharactersConfig, PairedConfig, PicturesConfig, ShardsConfig
from colorizer.making.sources import source_of
from colorizer.networks.sizes import DISCRIMINATOR_SIDE
from colorizer.pictures.buckets import bucket_shapes, least_size, step_of
from colorizer.pictures.decode import MAX_PIXELS, MIN_SIDE
from colorizer.shards.encoding import MAX_SIDE
from colorizer.system import console
from colorizer.system.errors import UserError
from colorizer.system.workers import usable_cores

MOST_PIXELS = 4_000_000_000  # --max-pixels
MOST_SIDE = 100_000  # --min-side


def check(config: ShardsConfig) -> None:
    """Look at the settings, and for a first sign of pictures.

    Raises:
        UserError: naming the setting, what is wrong and what to do.
    """
    if not 32 <= config.size <= MAX_SIDE:
        raise UserError(f"--size is {config.size}; give 32 to {MAX_SIDE} pixels.")
    if config.fit == "buckets":
        _check_buckets(config.size)
    if config.held_out is not None and not 0 <= config.held_out < 1:
        raise UserError(f"--held-out is {config.held_out}; give a share of at least 0 and below 1.")
    if config.samples_per_shard < 1:
        raise UserError(f"--samples-per-shard is {config.samples_per_shard}; give at least 1.")
    if not 0 <= config.workers <= 1024:
        raise UserError(f"--workers is {config.workers}; give 0 (as many as cores) to 1024.")
    _warn_of_presets(config)
    _check_lines(config)
    if isinstance(config, PicturesConfig):
        _check_wanted(config)
    _check_folder_names(config)
    folder = getattr(config, "folder", None) or getattr(config, "tars", None)
    if folder is not None and config.output.resolve().is_relative_to(folder.resolve()):
        raise UserError(
            f"--output {config.output} lies inside {folder}; choose a folder outside it."
        )
    for part in (config.output / "train", config.output / "held-out"):
        if folder is not None and folder.resolve().is_relative_to(part.resolve()):
            raise UserError(
                f"--output {config.output} would put shards into {part}, where the pictures are;"
                " choose another folder."
            )
    folder = folder or getattr(config, "file", None)
    source = source_of(config)
    if next(source.find(), None) is None:  # before the output is touched
        raise UserError(source.nothing_found())
    if config.held_out is not None and (split := source.own_split) is not None:
        raise UserError(
            f"--held-out is {config.held_out:g}, but {folder} is split into {split.train}/ and"
            f" {split.held_out}/, and so {split.held_out}/ is held out; leave out --held-out."
        )
    if config.fit == "buckets" and not isinstance(config, CharactersConfig):
        _warn_of_small_sides(config.size)


def _warn_of_presets(config: ShardsConfig) -> None:
    """Of those whose networks cannot halve the pictures' sides as often as they do."""
    shapes = bucket_shapes(config.size) if config.fit == "buckets" else ((config.size,) * 2,)
    sides = {side for shape in shapes for side in shape}
    strides = {name: preset(Path(), Path()).network.stride for name, preset in PRESETS.items()}
    unfit = [name for name, stride in strides.items() if any(side % stride for side in sides)]
    if not unfit:
        return
    needed = max(strides.values())
    sizes = (config.size // needed * needed, -(-config.size // needed) * needed)
    if config.fit == "buckets":
        sizes = (least_size(needed, 1),)
    suiting = " or ".join(str(size) for size in dict.fromkeys(sizes) if size >= 32)
    which = "no preset" if len(unfit) == len(strides) else f"none of {', '.join(unfit)}"
    console.warn(f"--size {config.size}: {which} can train on it; all can on --size {suiting}.")


def _check_wanted(config: PicturesConfig) -> None:
    if not MIN_SIDE**2 <= config.max_pixels <= MOST_PIXELS:
        raise UserError(
            f"--max-pixels is {config.max_pixels}; give {MIN_SIDE**2} to {MOST_PIXELS}."
        )
    if config.max_aspect is not None and not 1 <= config.max_aspect < math.inf:
        raise UserError(f"--max-aspect is {config.max_aspect}; give 1 or more, such as 3.")
    if not MIN_SIDE <= config.min_side <= MOST_SIDE:
        raise UserError(f"--min-side is {config.min_side}; give {MIN_SIDE} to {MOST_SIDE} pixels.")
    if config.max_pixels > MAX_PIXELS:
        workers = config.workers or usable_cores()
        needed = 4 * config.max_pixels * workers / 1e9
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
        if needed > memory / 2:
            console.warn(
                f"--max-pixels {config.max_pixels} may take {needed:.0f} GB in {workers} worker"
                f" processes, and this machine has {memory:.0f}; give fewer --workers."
            )


def _check_buckets(size: int) -> None:
    if size % (step := step_of(size)):
        raise UserError(
            f"--size is {size}; --fit buckets needs a multiple of {step}, as"
            f" {size // step * step} or {(size // step + 1) * step}."
        )
    if (longest := bucket_shapes(size)[0][1]) > MAX_SIDE:
        raise UserError(
            f"--size is {size}, and its widest bucket is {longest} pixels wide, more than"
            f" {MAX_SIDE}; give a smaller --size."
        )


def _warn_of_small_sides(size: int) -> None:
    """The discriminator does not take them, but other trainings do."""
    side, needed = min(map(min, bucket_shapes(size))), DISCRIMINATOR_SIDE
    if side < needed:
        console.warn(
            f"--size {size} --fit buckets can make sides of {side} pixels, and the discriminator"
            f" needs {needed}: give --size {least_size(1, needed)} or more, or --fit pad, or"
            " train with --loss.adversarial 0."
        )


def _check_folder_names(config: ShardsConfig) -> None:
    if not isinstance(config, PairedConfig):
        return
    given = ([] if config.color is None else [config.color]) + list(config.line)
    names = [name.rstrip("/") for name in given]
    for name in names:
        if "/" in name or name in ("", ".", ".."):
            raise UserError(
                f"--color and --line are names of folders, and {name!r} is none; give a name, as"
                " `gt`, without the folders round it."
            )
    if not config.line or len(set(names)) < len(names):
        raise UserError(
            f"--color and --line name {', '.join(names)}; give one folder of pictures, and one or"
            " more of drawings."
        )


def _check_lines(config: ShardsConfig) -> None:
    for name, given in (
        ("--extractor", config.extractor is not None),
        ("--extractor-scale", config.extractor_scale != 1),
    ):
        if given and config.lines != "extractor":
            raise UserError(
                f"--lines {config.lines} uses no extractor; leave out {name}, or give --lines"
                " extractor."
            )
    for name in ("--invert-lines", "--whiten"):
        asked = getattr(config, name.removeprefix("--").replace("-", "_"), False)
        if asked and config.lines != "given":
            raise UserError(
                f"--lines {config.lines} uses no drawings of the source; leave out {name}, or give"
                " --lines given."
            )
    if not 1 <= config.extractor_scale <= 8:
        raise UserError(f"--extractor-scale is {config.extractor_scale}; give 1 to 8.")
    bounds = (("sigma", 0, 1), ("k", 1, 100), ("tau", 0, 2), ("epsilon", -2, 2), ("phi", 0, 1e6))
    for name, least, most in bounds:
        value = getattr(config.xdog, name)
        if not least < value <= most:
            raise UserError(
                f"--xdog.{name} is {value}; give more than {least} and at most {most:g}."
            )
