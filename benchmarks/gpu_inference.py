"""How long colouring a drawing takes, and in how much GPU memory; float32 and half precision."""

import torch
from gpu_report import Teller
from gpu_scale import Place, release
from inference import InferenceConfig, gigabytes_of, seconds_of

PRECISIONS = ("float32", "bf16", "fp16")
SETTLED = 2.0  # seconds that one figure takes at least


def run(tell: Teller, place: Place) -> None:
    """Small sizes first."""
    precisions = PRECISIONS if torch.cuda.is_available() else PRECISIONS[:2]
    for size in place.scale.sizes:
        for precision in precisions:
            tell.attempt(
                f"{size} pixels in {precision}",
                lambda size=size, precision=precision: color(tell, place, size, precision),
                SETTLED if torch.cuda.is_available() else 0.0,
            )


def color(tell: Teller, place: Place, size: int, precision: str) -> None:
    """One size: the full network with random weights."""
    release()
    config = InferenceConfig(precision=precision, rounds=place.scale.least_steps)
    seconds = seconds_of(config, size)
    row = {"size": size, "precision": precision, "ms": 1e3 * seconds}
    if torch.cuda.is_available():  # on a CPU a process that keeps what it frees tells nothing
        release()
        row["GB_beyond_the_network"] = gigabytes_of(config, size)
    tell.row("Colouring one drawing, attention-aware at full width", **row)
