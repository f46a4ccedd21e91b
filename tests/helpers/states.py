"""Checkpoints of a tensor or two, with real settings, and ways to write what should be refused."""

import hashlib
import json
from pathlib import Path

import torch

from colorizer.checkpoints import checkpoint, saving
from colorizer.config.presets import PRESETS
from colorizer.config.serialization import to_json


def state(step: int) -> checkpoint.State:
    """What a run of the demo would say at a step; without its files."""
    config = to_json(PRESETS["demo"](Path("shards"), Path("run")))
    return checkpoint.State(step, config, "0" * 64, 64, 1, None, {})


def save(folder: Path, step: int, value: float = 0.0) -> Path:
    """A checkpoint of one generator."""
    tensors = {"generator": {"weight": torch.full((2, 3, 4, 4), value)}}
    return saving.save(folder, tensors, state(step))


def forge(folder: Path, **changes: object) -> None:
    """Change entries of a state.json (dotted: its settings) and make its checksum right again."""
    path = folder / "state.json"
    content = json.loads(path.read_text())
    del content["sha256"]
    for name, value in changes.items():
        *parents, last = name.split(".")
        place = content
        for parent in parents:
            place = place[parent]
        if value is ...:
            del place[last]
        else:
            place[last] = value
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    content["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(json.dumps(content))
