"""A trained network as ONNX: graphs that other programs run, at any size.

A colorizer is two files. Attention joins the tokens of all references, whose number and sizes may
differ, so reading one and painting are graphs of their own; ONNX starts no function of a model but
its graph, so that one file cannot hold both.
"""

import importlib.util
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.export import Dim

from colorizer.networks.extractor import LineExtractor
from colorizer.networks.generator import Generator
from colorizer.networks.graphs import PainterGraph, ReaderGraph, features_of
from colorizer.system.errors import UserError

PACKAGES = ("onnx", "onnxscript", "onnxruntime")
READER, PAINTER = ".reader.onnx", ".painter.onnx"  # what the names of a colorizer's files end in
MOST_OFF = 1e-3  # of [-1, 1], from what torch computes: an eighth of a level of 255
SEED = 0  # of the pictures that graph and network are compared on

Sides = tuple[int, int]  # in the network's strides


@dataclass(frozen=True)
class Graph:
    """One ONNX file."""

    ending: str  # of its name
    data: bytes


@dataclass(frozen=True)
class Exported:
    """A network's graphs, and how far they are from it."""

    graphs: tuple[Graph, ...]
    off: float  # the largest difference from torch, on the scale of [-1, 1]


def check_packages() -> None:
    """Before long work: whether what writes ONNX is installed.

    Raises:
        UserError: it is not.
    """
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(f"--format onnx needs {', '.join(missing)}: pip install 'colorizer[onnx]'.")


def as_onnx(network: nn.Module, about: dict[str, str]) -> Exported:
    """Write a network's graphs, run them, and compare them with it.

    Args:
        network: A generator or a line extractor, on the CPU, in eval mode.
        about: What each file says of itself.

    Raises:
        UserError: a graph computes something else than the network.
    """
    with torch.inference_mode(False), torch.no_grad():
        if isinstance(network, Generator):
            exported = _colorizer(network, about)
        else:
            assert isinstance(network, LineExtractor)
            exported = _extractor(network, about)
    if not exported.off <= MOST_OFF:
        raise UserError(
            f"the ONNX graph is off by {exported.off:.2g} of [-1, 1] from the network with this"
            " torch and onnxscript, so it is not written; use other versions of them."
        )
    return exported


def _colorizer(generator: Generator, about: dict[str, str]) -> Exported:
    names, stride = features_of(generator), generator.stride
    batch = Dim("batch", min=1)
    reader = ReaderGraph(generator).eval()
    reference = _noise(2, 3, (2, 3), stride)
    read = reader(reference)
    reading = _exported(
        reader,
        (reference,),
        ({0: batch, **_sides("reference", stride)},),
        (("reference",), names),
        {**about, "part": "reader"},
    )
    # Of each token there may be several offers.
    counts = {"tokens": Dim("tokens", min=1), "keys": (offers := Dim("offers", min=1))}
    joined = tuple({0: batch, 1: counts.get(name, offers)} for name in names)
    painting = _exported(
        PainterGraph(generator).eval(),
        (_noise(2, 1, (4, 2), stride), read),
        ({0: batch, **_sides("line", stride)}, joined),
        (("line", *names), ("image",)),
        {**about, "part": "painter"},
    )
    graphs = (Graph(READER, reading), Graph(PAINTER, painting))
    return Exported(graphs, _off(generator, reading, painting))


def _extractor(extractor: LineExtractor, about: dict[str, str]) -> Exported:
    stride = extractor.stride
    color = _noise(2, 3, (4, 2), stride)
    shapes = ({0: Dim("batch", min=1), **_sides("color", stride)},)
    about = {**about, "part": "extractor"}
    data = _exported(extractor, (color,), shapes, (("color",), ("line",)), about)
    run = _session(data)
    off = 0.0
    for sides in ((1, 1), (3, 5)):
        color = _noise(1, 3, sides, stride)
        (line,) = run(None, {"color": color.numpy()})
        off = max(off, _largest(line, extractor(color)))
    return Exported((Graph(".onnx", data),), off)


def _exported(
    module: nn.Module,
    inputs: tuple[Any, ...],
    shapes: tuple[Any, ...],
    names: tuple[Sequence[str], Sequence[str]],
    about: dict[str, str],
) -> bytes:
    """A module as the bytes of an ONNX file; `names` are those of its inputs and of its results."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch about torch
        program = torch.onnx.export(
            module,
            inputs,
            dynamo=True,
            dynamic_shapes=shapes,
            input_names=names[0],
            output_names=names[1],
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    for name, value in about.items():
        model.metadata_props.add(key=name, value=value)
    return model.SerializeToString()


def _off(generator: Generator, reading: bytes, painting: bytes) -> float:
    """The largest difference from torch: one and three references, three sizes."""
    read, paint = _session(reading), _session(painting)
    names, stride = features_of(generator), generator.stride
    off = 0.0
    for sides, several in (
        ((1, 1), [(1, 1)]),
        ((3, 5), [(2, 3), (4, 2), (3, 3)]),
        ((20, 17), [(9, 16)]),  # more tokens than a graph's attention looks at together
    ):
        line = _noise(1, 1, sides, stride)
        references = [_noise(1, 3, sides, stride) for sides in several]
        tensors = [read(None, {"reference": reference.numpy()}) for reference in references]
        joined = [np.concatenate(each, 1) for each in zip(*tensors, strict=True)]
        (image,) = paint(None, {"line": line.numpy(), **dict(zip(names, joined, strict=True))})
        features = [generator.read(reference) for reference in references]
        wanted = generator.color(line, features[0].joined(features)).image
        off = max(off, _largest(image, wanted))
    return off


def _session(data: bytes) -> Any:
    """A function that runs a graph."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors: its warnings are about how a graph might be smaller
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"]).run


def _noise(batch: int, channels: int, sides: Sides, stride: int) -> Tensor:
    """B×C×H×W in [-1, 1]; the same each time."""
    height, width = (side * stride for side in sides)
    generator = torch.Generator().manual_seed(SEED)
    return torch.rand(batch, channels, height, width, generator=generator) * 2 - 1


def _sides(name: str, stride: int) -> dict[int, Any]:
    """Height and width of B×C×H×W: any multiples of the stride."""
    return {
        2: stride * Dim(f"{name}_height", min=1),
        3: stride * Dim(f"{name}_width", min=1),
    }


def _largest(found: np.ndarray, wanted: Tensor) -> float:
    return float(np.abs(found - wanted.numpy()).max())
