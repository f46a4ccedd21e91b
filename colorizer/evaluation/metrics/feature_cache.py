"""Keeps the Inception features of the held-out pictures, which never change, beside the shards."""

import hashlib
from importlib.metadata import version
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from colorizer.evaluation.metrics.inception import Inception
from colorizer.system import console
from colorizer.system.device import device_name
from colorizer.system.errors import UserError
from colorizer.system.storage import replace_file, writing

TENSOR = "features"  # its name in the file


class FeatureCache:
    """The file for one set of pictures, one Inception and one kind of device."""

    def __init__(self, folder: Path, pictures: str, count: int, inception: Inception) -> None:
        """Nothing is read or written yet.

        Args:
            folder: Gets `inception-<start of the hash>.safetensors`.
            pictures: Their `stream.pictures_digest`.
            count: How many they are.
            inception: What makes the features.
        """
        # Other devices and versions give other last bits: each has features of its own.
        packages = (f"{name} {version(name)}" for name in ("torch", "pillow"))
        parts = (pictures, inception.sha256, device_name(inception.device), *packages)
        self.content = hashlib.sha256("\n".join(parts).encode()).hexdigest()
        self.count = count
        self.path = folder / f"inception-{self.content[:16]}.safetensors"

    def read(self) -> Tensor | None:
        """N×2048 float32; None if there is no file. One that is damaged costs a warning."""
        if not self.path.exists():
            return None
        try:
            with safe_open(self.path, "pt") as file:
                metadata, features = file.metadata() or {}, file.get_tensor(TENSOR)
        except (OSError, SafetensorError) as error:
            console.warn(f"{self.path}: not readable ({error}); the features are computed again.")
            return None
        expected = {"content": self.content, "sha256": _sha256(features)}
        if metadata != expected or len(features) != self.count:
            console.warn(f"{self.path}: damaged; the features are computed again.")
            return None
        return features

    def write(self, features: Tensor) -> None:
        """Keep N×2048 float32. If that cannot be, it costs a warning and work the next time."""
        metadata = {"content": self.content, "sha256": _sha256(features)}
        try:
            with writing(self.path):
                self.path.parent.mkdir(exist_ok=True)
            replace_file(self.path, save({TENSOR: features.contiguous()}, metadata))
        except UserError as error:
            console.warn(f"the features of the held-out pictures are not kept: {error}")


def _sha256(features: Tensor) -> str:
    return hashlib.sha256(features.numpy().tobytes()).hexdigest()
