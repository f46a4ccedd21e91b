"""Line drawings coloured like a reference: make shards, train, evaluate, colour, draw lines.

from dataclasses import replace
from pathlib import Path
from colorizer import Colorizer, presets, train

config = replace(presets.demo(Path("shards/demo"), Path("runs/mine")), steps=2)
train(config)
picture = Colorizer(config.output)(line, [reference]).picture
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from colorizer.coloring.colorizer import Colorizer
    from colorizer.config import presets
    from colorizer.evaluation.evaluator import evaluate
    from colorizer.lines.extractor import Extractor
    from colorizer.making.pipeline import make_shards
    from colorizer.system.version import RELEASE as __version__
    from colorizer.training.train import train

__all__ = [
    "Colorizer",
    "Extractor",
    "__version__",
    "evaluate",
    "make_shards",
    "presets",
    "train",
]

# Imported when asked for: torch and all takes seconds, and a message about a setting needs none.
_HOMES = {
    "Colorizer": ("colorizer.coloring.colorizer", "Colorizer"),
    "Extractor": ("colorizer.lines.extractor", "Extractor"),
    "evaluate": ("colorizer.evaluation.evaluator", "evaluate"),
    "make_shards": ("colorizer.making.pipeline", "make_shards"),
    "train": ("colorizer.training.train", "train"),
    "__version__": ("colorizer.system.version", "RELEASE"),
}


def __getattr__(name: str) -> Any:
    if name == "presets":
        return import_module("colorizer.config.presets")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _HOMES[name]
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return __all__
