"""Colour drawings with what `checkpoint.py export --format onnx` has written: without torch."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from colorizer.coloring.any_colorizer import LARGEST, AnyColorizer
from colorizer.system.errors import UserError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

FORMAT = "1"  # of what the files say of themselves
PARTS = ("reader", "painter")
STRIDES = 1024  # no network has a larger one


Features = dict[str, np.ndarray]  # by the names of the reader's outputs: 1×M×C each


class OnnxColorizer(AnyColorizer[Features]):
    """A trained generator at work, run by onnxruntime."""

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

    def features_of(self, reference: np.ndarray) -> Features:
        """See `AnyColorizer`."""
        tensors = _run(self._reader, {"reference": _signed(reference.transpose(2, 0, 1))})
        return dict(zip(self._names, tensors, strict=True))

    def joined(self, several: Sequence[Features]) -> Features:
        """See `AnyColorizer`."""
        return {name: np.concatenate([f[name] for f in several], 1) for name in self._names}

    def colored(self, line: np.ndarray, features: Features) -> np.ndarray:
        """See `AnyColorizer`."""
        images = [_run(self._painter, {"line": _signed(each[None]), **features}) for each in line]
        signed = np.concatenate([image for (image,) in images])
        levels = np.rint((signed + 1) * 127.5).clip(0, 255).astype(np.uint8)
        return np.ascontiguousarray(levels.transpose(0, 2, 3, 1))


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


def _signed(planes: np.ndarray) -> np.ndarray:
    """C×H×W uint8 → 1×C×H×W float32 in [-1, 1]."""
    return (planes.astype(np.float32) / 127.5 - 1)[None]


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
