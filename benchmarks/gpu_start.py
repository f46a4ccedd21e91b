"""What the machine is and what it can do at most; pictures and weights for the parts to come."""

import os
import platform
import subprocess
from pathlib import Path

import torch
from gpu_report import Teller
from gpu_scale import Place, device
from standing_in import write_vgg
from train_step import arithmetic_ceiling, copy_ceiling

from colorizer.making.config import CharactersConfig
from colorizer.making.pipeline import make_shards

PRECISIONS = {"float32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def run(tell: Teller, place: Place) -> None:
    """All of it."""
    write_vgg(place.vgg)
    tell.attempt("the pictures", lambda: draw_pictures(tell, place))
    tell.attempt("the machine", lambda: tell.fact("machine", machine()))
    tell.attempt("the ceilings", lambda: ceilings(tell, place.scale.shrink))


def draw_pictures(tell: Teller, place: Place) -> None:
    """Shards of drawn characters, a tenth of them held out."""
    config = CharactersConfig(
        output=place.shards,
        count=place.scale.characters,
        size=place.scale.size,
        held_out=0.25 if place.scale.characters < 100 else 0.1,
        samples_per_shard=200,
        workers=os.cpu_count() or 1,
    )
    make_shards(config)
    tell.note(f"{place.scale.characters} characters were drawn, in two poses each.")


def machine() -> dict[str, str | int | None]:
    """Processor, GPU and driver."""
    about = {"processor": processor(), "cores": os.cpu_count()}
    if not torch.cuda.is_available():
        return about | {"GPU": "none"}
    properties = torch.cuda.get_device_properties(0)
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        driver = subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError) as error:
        driver = f"unknown ({error})"
    return about | {
        "GPU": properties.name,
        "its memory": f"{properties.total_memory / 1e9:.1f} GB",
        "its multiprocessors": properties.multi_processor_count,
        "compute capability": f"{properties.major}.{properties.minor}",
        "driver": driver,
        "cuDNN": torch.backends.cudnn.version(),
        "NCCL": ".".join(map(str, torch.cuda.nccl.version())),
    }


def processor() -> str:
    """Its name."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def ceilings(tell: Teller, shrink: int) -> None:
    """What large products, convolutions and copies reach."""
    reached = {}
    for name, dtype in PRECISIONS.items():
        if device().type == "cpu" and name == "fp16":
            continue
        reached[name] = arithmetic_ceiling(device().type, dtype, shrink)
        tell.row(
            "Most that this machine reaches",
            what=name,
            figure=f"{reached[name] / 1e12:.3g} TFLOP/s",
        )
    reached["copy"] = copy_ceiling(device().type, shrink)
    tell.row(
        "Most that this machine reaches",
        what="copy, read and written",
        figure=f"{reached['copy'] / 1e9:.0f} GB/s",
    )
    tell.fact("ceilings", reached)
