"""What a user is told in each case of bad data and hostile input, word for word.

    python benchmarks/messages.py

Every case is made and then met by the real program; nothing here is a quotation.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from colorizer.making.config import CharactersConfig
from colorizer.making.pipeline import make_shards
from tests.helpers.states import forge

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "benchmarks" / "demo.png"
NOTED = re.compile("Continuing|damaged|missing|intact")  # of what is said when nothing is wrong

Case = Callable[[Path], list[object]]  # changes the copy, gives a command's arguments


def train(place: Path, *more: object) -> list[object]:
    """A short training on the copy's shards."""
    return [
        *("train.py", "demo", "--data", place / "shards", "--output", place / "run"),
        *("--network.width", 0.125, "--batch-size", 4, "--steps", 12, "--workers", 1),
        *("--sample-every", 0, "--checkpoint-every", 3, "--loss.adversarial", 1, *more),
    ]


def first_shard(place: Path) -> Path:
    return place / "shards" / "train" / "000000.tar"


def change(path: Path, make: Callable[[bytes], bytes]) -> None:
    path.write_bytes(make(path.read_bytes()))


def flip(data: bytes, where: int) -> bytes:
    return data[:where] + bytes([data[where] ^ 1]) + data[where + 1 :]


# ---- Data


def cut(place: Path) -> list[object]:
    """shard cut"""
    change(first_shard(place), lambda data: data[:5000])
    return train(place)


def emptied(place: Path) -> list[object]:
    """shard emptied"""
    first_shard(place).write_bytes(b"")
    return train(place)


def missing(place: Path) -> list[object]:
    """shard missing"""
    first_shard(place).unlink()
    return train(place)


def flipped(place: Path) -> list[object]:
    """one bit of a picture flipped"""
    change(first_shard(place), lambda data: flip(data, 700))
    return train(place)


def header(place: Path) -> list[object]:
    """one bit of a tar header flipped"""
    change(first_shard(place), lambda data: flip(data, 130))
    return train(place)


def replaced(place: Path) -> list[object]:
    """shard replaced by another of the same size"""
    other = (place / "shards" / "train" / "000001.tar").read_bytes()
    change(first_shard(place), lambda data: (other + bytes(len(data)))[: len(data)])
    return train(place)


def allowed(place: Path) -> list[object]:
    """one bit flipped, --bad-samples 0.1"""
    change(first_shard(place), lambda data: flip(data, 700))
    return train(place, "--bad-samples", 0.1)


def too_many(place: Path) -> list[object]:
    """three samples damaged, --bad-samples 0.04 of 44"""
    shard = first_shard(place)
    places = [m.start() for m in re.finditer(b"WEBPVP8L", shard.read_bytes())]
    for where in (places[0], places[2], places[4]):
        change(shard, lambda data, where=where: flip(data, where + 30))
    return train(place, "--bad-samples", 0.04)


def index(place: Path) -> list[object]:
    """index damaged"""
    change(place / "shards" / "train" / "index.json", lambda data: data[:300])
    return train(place)


def deep(place: Path) -> list[object]:
    """index nested without end"""
    (place / "shards" / "train" / "index.json").write_text("[" * 100_000)
    return train(place)


# ---- How pictures are laid out and shaped


def share_of_split(place: Path) -> list[object]:
    """train/ and val/, and --held-out beside them"""
    for name in ("train", "val"):
        (place / "pictures" / name).mkdir(parents=True)
        shutil.copy(PICTURE, place / "pictures" / name)
    made = ("--output", place / "made", "--held-out", 0.1)
    return ["make_shards.py", "folder", place / "pictures", *made]


def small_sides(place: Path) -> list[object]:
    """buckets with sides too small for the discriminator, as they are made"""
    (place / "pictures").mkdir()
    cv2.imwrite(str(place / "pictures" / "wide.png"), np.full((100, 250, 3), 200, np.uint8))
    made = ("--output", place / "made", "--size", 64, "--fit", "buckets", "--held-out", 0)
    return ["make_shards.py", "folder", place / "pictures", *made]


def small_sides_trained_on(place: Path) -> list[object]:
    """the same, as they are trained on"""
    status, said = run(small_sides(place), place)
    assert status == 0, said
    folders = ("--data", place / "made", "--output", place / "run")
    return ["train.py", "demo", *folders, "--loss.adversarial", 1]


# ---- Addresses


def pipe(place: Path) -> list[object]:
    """pipe: as data"""
    return ["train.py", "demo", "--data", "pipe:touch HACKED", "--output", place / "run"]


def scheme(place: Path) -> list[object]:
    """s3:// as data"""
    return ["train.py", "demo", "--data", "s3://bucket/shards", "--output", place / "run"]


def pipe_tars(place: Path) -> list[object]:
    """pipe: as tars"""
    return ["make_shards.py", "tars", "pipe:touch HACKED", "--output", place / "made"]


# ---- Checkpoints


def damaged(place: Path) -> list[object]:
    """newest checkpoint damaged: the one before is used"""
    change(step(place, 12) / "generator.safetensors", lambda data: flip(data, len(data) - 9))
    return train(place)


def all_damaged(place: Path) -> list[object]:
    """every checkpoint damaged"""
    for folder in (place / "run" / "checkpoints").iterdir():
        change(folder / "generator.safetensors", lambda data: data[:-9])
    return train(place)


def one_missing(place: Path) -> list[object]:
    """a file of a checkpoint missing"""
    (step(place, 12) / "discriminator.safetensors").unlink()
    return ["checkpoint.py", "verify", place / "run"]


def other_settings(place: Path) -> list[object]:
    """checkpoint of other settings"""
    return train(place, "--network.width", 0.25, "--augment.hue", 0.1)


def unknown_key(place: Path) -> list[object]:
    """unknown key in a checkpoint's config, checksum right"""
    forge(step(place, 12), **{"config.hook": "os.system"})
    return train(place)


def outside(place: Path) -> list[object]:
    """a path outside among a checkpoint's files, checksum right"""
    forge(step(place, 12), files={"../../../etc/passwd": "0" * 64})
    return train(place)


def pickle(place: Path) -> list[object]:
    """a pickle as checkpoint"""
    torch.save({"a": torch.zeros(1)}, place / "model.pth")
    return colorize(place, place / "model.pth")


def disguised(place: Path) -> list[object]:
    """a pickle called .safetensors"""
    torch.save({"a": torch.zeros(1)}, place / "model.safetensors")
    return colorize(place, place / "model.safetensors")


def giant(place: Path) -> list[object]:
    """a safetensors header of 2^60 bytes"""
    (place / "giant.safetensors").write_bytes((2**60).to_bytes(8, "little") + b"{}")
    return colorize(place, place / "giant.safetensors")


def wide(place: Path) -> list[object]:
    """a generator file that asks for width 1e9"""
    path = step(place, 12) / "average.safetensors"
    with safe_open(path, "pt") as file:
        content = json.loads(file.metadata()["colorizer"])
    content["network"]["width"] = 1e9
    save_file(load_file(path), place / "wide.safetensors", {"colorizer": json.dumps(content)})
    return colorize(place, place / "wide.safetensors")


def flipped_weight(place: Path) -> list[object]:
    """one bit of a generator file flipped"""
    path = place / "lone.safetensors"
    shutil.copy(step(place, 12) / "average.safetensors", path)
    change(path, lambda data: flip(data, len(data) - 9))
    return colorize(place, path)


def step(place: Path, number: int) -> Path:
    return place / "run" / "checkpoints" / f"step-{number:08d}"


def colorize(place: Path, checkpoint: Path) -> list[object]:
    pictures = ("--line", PICTURE, "--reference", PICTURE, "--output", place / "result.png")
    return ["colorize.py", "--checkpoint", checkpoint, *pictures]


FRESH = (cut, emptied, missing, flipped, header, replaced, allowed, too_many, index, deep)
LAYOUTS = (share_of_split, small_sides, small_sides_trained_on)
ADDRESSES = (pipe, scheme, pipe_tars)
TRAINED = (damaged, all_damaged, one_missing, other_settings, unknown_key, outside)
ALONE = (pickle, disguised, giant, wide, flipped_weight)


def run(arguments: list[object], folder: Path) -> tuple[int, str]:
    """A launch script; its exit status and what it said."""
    script, *rest = map(str, arguments)
    done = subprocess.run(
        [sys.executable, str(ROOT / "launch" / script), *rest],
        capture_output=True,
        text=True,
        cwd=folder,
        env=os.environ | {"NO_COLOR": "1", "OMP_NUM_THREADS": "1", "COLUMNS": "1000"},
    )
    said = (done.stderr + "\n".join(filter(NOTED.search, done.stdout.splitlines()))).strip()
    return done.returncode, said.replace(str(folder), "...")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        make_shards(
            CharactersConfig(output=base / "shards", count=24, size=64, samples_per_shard=20)
        )
        status, said = run(train(base), base)
        assert status == 0, said
        for case in (*FRESH, *LAYOUTS, *ADDRESSES, *TRAINED, *ALONE):
            place = base / "case"
            shutil.copytree(base / "shards", place / "shards")
            if case not in (*FRESH, *LAYOUTS):
                shutil.copytree(base / "run", place / "run", symlinks=True)
            status, said = run(case(place), place)
            print(
                f"{case.__doc__} (exit {status})\n    " + said.replace("\n", "\n    "), flush=True
            )
            assert "Traceback" not in said and not (place / "HACKED").exists()
            shutil.rmtree(place)


if __name__ == "__main__":
    main()
