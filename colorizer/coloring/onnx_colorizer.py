"""Colour drawings with what `checkpoint.py export --format onnx` has written: without torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from colorizer.coloring.opened import Picture, opened, opened_all
from colorizer.coloring.painting import Painting, paint
from colorizer.coloring.preparing import WorkingSize, prepare, prepare_reference
from colorizer.drawings.corrections import Point
from colorizer.drawings.palette import palette_of
from colorizer.drawings.regions import GAP
from colorizer.system.errors import UserError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

FORMAT = "1"  # of what the files say of themselves
PARTS = ("reader", "painter")
LARGEST = 16_384  # pixels of a working size
STRIDES = 1024  # no network has a larger one


@dataclass(frozen=True)
class ReadReferences:
    """What was read from pictures of a character; colours any number of drawings."""

    features: dict[str, np.ndarray]  # of all pictures side by side: 1×M×C each
    palette: np.ndarray  # K×3 uint8


class OnnxColorizer:
    """A colorizer that onnxruntime runs, on drawings of any size and kind."""

    def __init__(self, model: Path, providers: Sequence[str] = ("CPUExecutionProvider",)) -> None:
        """Load the two graphs of a colorizer.

        Args:
            model: NAME.onnx, as it was exported, for NAME.reader.onnx and NAME.painter.onnx; or one
                of these.
            providers: What onnxruntime runs on, by its names.

        Raises:
            UserError: one cannot be read, or is no colorizer's, or they are of two colorizers.
        """
        paths = files_of(model)
        self._reader, self._painter = (_session(path, providers) for path in paths)
        about = [_about(s, p, part) for s, p, part in zip(self._graphs, paths, PARTS, strict=True)]
        if about[0]["sha256"] != about[1]["sha256"]:
            raise UserError(f"{paths[0]} and {paths[1]} are of two colorizers; export them again.")
        self.sha256 = about[0]["sha256"]  # of the generator file that they were made of
        self.size, self.stride = int(about[0]["size"]), int(about[0]["stride"])
        self.buckets = about[0]["buckets"] == "true"
        self._names = [output.name for output in self._reader.get_outputs()]

    @property
    def _graphs(self) -> tuple["InferenceSession", "InferenceSession"]:
        return self._reader, self._painter

    def __call__(
        self,
        line: Picture,
        references: "Picture | Sequence[Picture] | ReadReferences",
        working_size: int | None = None,
        points: Sequence[Point] = (),
        gap: float = GAP,
    ) -> Painting:
        """Colour a drawing like pictures of the same character.

        Args:
            line: The drawing, of any size.
            references: One or more pictures, in any order and of any sizes, or what `read` gave.
            working_size: The network sees pictures with about as many pixels as a square of this
                side; default: what it was trained at.
            points: The regions there have their colours.
            gap: Close gaps in the lines up to this share of the longer side.

        Raises:
            UserError: a picture cannot be read, or the working size is out of bounds.
        """
        size = self.working_size(working_size)
        if not isinstance(references, ReadReferences):
            references = self.read(references, working_size)
        drawing = opened(line)
        prepared = prepare(drawing.pixels, size, drawing.alpha, gap)
        height, width = prepared.small.shape
        planes = self._padded(prepared.small[None])
        (image,) = _run(self._painter, {"line": planes, **references.features})
        small = np.rint((image[0, :, :height, :width] + 1) * 127.5).clip(0, 255)
        small = np.ascontiguousarray(small.astype(np.uint8).transpose(1, 2, 0))
        return paint(prepared, small, references.palette).corrected(points)

    def working_size(self, side: int | None = None) -> WorkingSize:
        """The size that the network sees pictures at; default: what it was trained at.

        Raises:
            UserError: it is out of bounds.
        """
        if side is not None and not self.stride <= side <= LARGEST:
            raise UserError(f"working size {side}: it must be from {self.stride} to {LARGEST}.")
        return WorkingSize(side or self.size, self.buckets)

    def read(
        self, references: "Picture | Sequence[Picture]", working_size: int | None = None
    ) -> ReadReferences:
        """Read pictures of a character once, to colour several drawings with them.

        Raises:
            UserError: none is given, one cannot be read, or the working size is out of bounds.
        """
        size = self.working_size(working_size)
        pictures = opened_all(references)
        small = [prepare_reference(picture, size) for picture in pictures]
        read = [_run(self._reader, {"reference": self._planes_of(each)}) for each in small]
        joined = [np.concatenate(tensors, 1) for tensors in zip(*read, strict=True)]
        return ReadReferences(dict(zip(self._names, joined, strict=True)), palette_of(pictures))

    def _planes_of(self, picture: np.ndarray) -> np.ndarray:
        """H×W×3 uint8 → 1×3×H'×W' as the network sees it."""
        return self._padded(picture.transpose(2, 0, 1))

    def _padded(self, planes: np.ndarray) -> np.ndarray:
        """C×H×W uint8 → 1×C×H'×W' float32 in [-1, 1], white up to the stride."""
        _, height, width = planes.shape
        missing = ((0, 0), (0, -height % self.stride), (0, -width % self.stride))
        padded = np.pad(planes, missing, constant_values=255)
        return (padded.astype(np.float32) / 127.5 - 1)[None]


def files_of(model: Path) -> tuple[Path, Path]:
    """The two files that a name stands for.

    Raises:
        UserError: one of them is not there.
    """
    name = model.name.removesuffix(".onnx")
    for part in PARTS:
        name = name.removesuffix(f".{part}")
    reader, painter = (model.with_name(f"{name}.{part}.onnx") for part in PARTS)
    for path in (reader, painter):
        if not path.is_file():
            raise UserError(
                f"{path}: no such file; `checkpoint.py export --format onnx` writes a colorizer as"
                " NAME.reader.onnx and NAME.painter.onnx."
            )
    return reader, painter


def _session(path: Path, providers: Sequence[str]) -> "InferenceSession":
    """Raises: UserError: it is no model that onnxruntime reads, or there is no onnxruntime."""
    try:
        import onnxruntime
    except ImportError as error:
        raise UserError("ONNX files need onnxruntime: pip install onnxruntime.") from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors: its warnings are about how a graph might be smaller
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=list(providers))
    except Exception as error:  # its exceptions have no base of their own
        said = str(error).splitlines()[0]
        raise UserError(f"{path} is no model that onnxruntime reads ({said}).") from error


def _run(session: "InferenceSession", tensors: dict[str, np.ndarray]) -> list[np.ndarray]:
    """Raises: UserError: memory is full."""
    try:
        return [np.asarray(result) for result in session.run(None, tensors)]
    except Exception as error:  # as above
        if "allocat" not in str(error):
            raise
        raise UserError("memory is full; give a smaller working size.") from error


def _about(session: "InferenceSession", path: Path, part: str) -> Mapping[str, str]:
    """What a file says of itself, checked.

    Raises:
        UserError: it is no part of a colorizer.
    """
    about: dict[str, Any] = session.get_modelmeta().custom_metadata_map
    try:
        if about["colorizer"] != FORMAT:
            raise ValueError(f"format {about['colorizer']}, not {FORMAT}")
        if about["part"] != part:
            raise ValueError(f"it is a {about['part']}")
        size, stride = int(about["size"]), int(about["stride"])
        if not 0 < stride <= STRIDES or not 0 < size <= LARGEST:
            raise ValueError(f"size {size}, stride {stride}")
        if not about["sha256"] or about["buckets"] not in ("true", "false"):
            raise ValueError("its sha256 or its buckets are not said")
    except (KeyError, ValueError) as error:
        why = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise UserError(
            f"{path} is not the {part} of a colorizer that `checkpoint.py export --format onnx`"
            f" wrote ({why})."
        ) from error
    return about
