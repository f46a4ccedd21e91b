"""The generator alone, for use elsewhere: a file of this program's with a model card, or ONNX."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from colorizer.checkpoints.card import USE, check_license, write_card
from colorizer.checkpoints.commands import CheckpointPath
from colorizer.checkpoints.generator_file import (
    BUCKETS,
    check_whole,
    load_any,
    locate_generator,
    read_header,
    without_commit,
)
from colorizer.checkpoints.onnx_file import PAINTER, READER, as_onnx, check_packages
from colorizer.checkpoints.tensor_file import read_metadata, read_tensors, write_tensors
from colorizer.config.networks import GeneratorConfig
from colorizer.config.shipped import SHIPPED, shipped_file
from colorizer.system import console
from colorizer.system.errors import UserError
from colorizer.system.programs import command
from colorizer.system.storage import check_writable, partial_name, replace_file, writing

Weights = Literal["best", "average", "generator"]
ONNX_FORMAT = 1  # what colorizer-onnx reads


@dataclass(frozen=True)
class ExportConfig:
    """Write the generator alone, all that colouring needs, with a model card beside it; or ONNX."""

    path: CheckpointPath
    """Export from this run folder (its newest intact checkpoint), checkpoint folder or file.
    shipped: the small colorizer that comes with the program."""
    output: Path | None = None
    """Write this file; without it, generator.safetensors or generator.onnx.
    ONNX: for NAME.onnx, a colorizer becomes NAME.reader.onnx and NAME.painter.onnx."""
    weights: Weights = "best"
    """Export the running average, the generator itself, or the average if the run has one."""
    overwrite: bool = False
    """Replace the output if it exists already."""
    commit: bool = True
    """Say in the file which commit of the code trained it.
    Without it, with --no-commit, equal trainings give equal bytes."""
    format: Literal["safetensors", "onnx"] = "safetensors"
    """Write a file for this program, or graphs for others: any sizes, any number of references."""
    card: bool = True
    """Write a model card beside a .safetensors file: NAME.md, and NAME.png if there are samples."""
    license: str = ""
    """Name the licence of the weights, as Hugging Face does: apache-2.0, cc-by-4.0, other, ..."""


def export(config: ExportConfig) -> None:
    """Write the generator alone, and read it back.

    Raises:
        UserError: there is none, it is damaged, or a file cannot be written.
    """
    check_license(config.license)
    source = generator_to_export(config.path, config.weights)
    output = config.output or Path(f"generator.{config.format}")
    if config.format == "onnx":
        _export_onnx(config, source, output)
        return
    check_output(output, config.overwrite)
    card = output.with_suffix(".md")
    if config.card and card.exists() and not config.overwrite:
        raise UserError(f"{card} exists already; give --overwrite, --no-card or another --output.")
    check_whole(source)
    tensors = read_tensors(source)
    header = (
        read_metadata(source) if config.commit else without_commit(read_header(source), tensors)
    )
    publish(output, tensors, header)
    console.say(f"{output}: {_said(source)}, {output.stat().st_size / 1e6:,.1f} MB")
    if config.card:
        write_card(card, output, source, config.license)
        console.say(f"{card}: its model card")
    colors = read_header(source)["task"] == GeneratorConfig.task
    console.say(f"Use it: {how_to_use(output, colors)}")


def generator_to_export(path: Path, weights: Weights = "best") -> Path:
    """The file that a path and `--weights` mean.

    Raises:
        UserError: there is none.
    """
    source = shipped_file(GeneratorConfig.task) if path == SHIPPED else locate_generator(path)
    if weights != "best":
        source = source.with_name(f"{weights}.safetensors")
    if not source.is_file():
        raise UserError(f"{source}: this run has no {weights}; give other --weights.")
    return source


def _said(source: Path) -> str:
    return f"{source.stem} of {source.parent.name}"


def how_to_use(generator: Path, colors: bool = True) -> str:
    """The command that colours with a generator's file, or else draws lines."""
    path = shlex.quote(str(generator))
    if colors:
        return f"{command('colorize')} --checkpoint {path} {USE}"
    return f"{command('extract')} --checkpoint {path} --picture PICTURE --output RESULT"


def check_output(output: Path, overwrite: bool, suffix: str = ".safetensors") -> None:
    """Before long work: whether a generator file may be written there.

    Raises:
        UserError: it may not.
    """
    if output.suffix != suffix:
        raise UserError(f"{output}: the name must end in {suffix}.")
    if output.exists() and not overwrite:
        raise UserError(f"{output} exists already; give --overwrite or another --output.")
    check_writable(output.parent)


def publish(output: Path, tensors: Mapping[str, Tensor], header: dict[str, str]) -> None:
    """Write a generator file, whole or not at all, and read it back.

    Raises:
        UserError: it cannot be written.
    """
    partial = partial_name(output)
    with writing(output):
        output.parent.mkdir(parents=True, exist_ok=True)
        write_tensors(partial, tensors, header)
        partial.replace(output)
    check_whole(output)


# ---- ONNX


def _export_onnx(config: ExportConfig, source: Path, output: Path) -> None:
    check_output(output, config.overwrite, ".onnx")
    for ending in (READER, PAINTER):
        check_output(output.with_suffix(ending), config.overwrite, ".onnx")
    check_packages()
    _, network = load_any(source)
    content = read_header(source)
    exported = as_onnx(network, _about(content, network.stride, config))
    written = [output.with_suffix(graph.ending) for graph in exported.graphs]
    with writing(output):
        output.parent.mkdir(parents=True, exist_ok=True)
    for path, graph in zip(written, exported.graphs, strict=True):
        replace_file(path, graph.data)
        console.say(f"{path}: {_said(source)}, {len(graph.data) / 1e6:,.1f} MB")
    console.say(f"Largest difference from torch: {exported.off:.1e} of [-1, 1].")
    if content["task"] == GeneratorConfig.task:
        console.say(f"Use it: colorizer-onnx --model {shlex.quote(str(output))} {USE}")


def _about(content: dict[str, Any], stride: Any, config: ExportConfig) -> dict[str, str]:
    """What an ONNX file says of itself: the sha256 is that of the generator file it was made of."""
    version = content["version"] if config.commit else content["version"].partition(" at ")[0]
    return {
        "colorizer": str(ONNX_FORMAT),
        "task": content["task"],
        "size": str(content["size"]),
        "buckets": str(BUCKETS in content).lower(),
        "stride": str(stride),
        "step": str(content["step"]),
        "network": json.dumps(content["network"]),
        "version": version,
        "sha256": content["sha256"],
        **({"license": config.license} if config.license else {}),
    }
