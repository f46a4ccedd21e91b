"""A cut of one character in motion: seconds, memory, and how right and how steady its colours are.

    python benchmarks/cut.py --output runs/cut --characters 1 2 3

Frames are drawn as an animator's: the head turns and tilts, the character shifts. Each character
is coloured frame by frame with one and with two references, and as a cut. Flicker is the mean
change of colour, from frame to frame, where the truth has none. Right flats: the share of regions
(weighed equally, and by area) whose flat is the colour of the references' palette that is nearest
to the truth's.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import tyro
from measuring import memory_now, memory_peak

from colorizer.characters import Art, Drawing, draw, sample_character, sample_pose
from colorizer.coloring.colorizer import Colorizer
from colorizer.coloring.painting import Painting
from colorizer.config.shipped import SHIPPED
from colorizer.drawings.palette import nearest
from colorizer.pictures.grid import grid, psnr_of, write_picture

FIRST = 9_000_000  # characters of no demo
SHOWN = 5  # frames of the sheet


@dataclass(frozen=True)
class CutConfig:
    """Colour a cut in several ways."""

    output: Path
    """Gets cut.png, some frames of the first character."""
    checkpoint: Path = SHIPPED
    """Run folder, checkpoint folder or file."""
    characters: tuple[int, ...] = (0,)
    """Which of the characters that no demo draws."""
    art: Art = "portraits"
    """Theirs."""
    frames: int = 60
    """Of each."""
    height: int = 1080
    """Of a frame, in pixels; its width is 16 ninths of that."""
    working_size: int | None = None
    """Of the network; default: its own."""


@dataclass(frozen=True)
class Frame:
    """A drawing, and the truth about it."""

    line: np.ndarray  # H×W uint8
    color: np.ndarray  # H×W×3 uint8
    still: np.ndarray  # H×W uint8, region and tone of each pixel


@dataclass
class Figures:
    """Of a way to colour."""

    psnr: float  # dB
    flicker: float  # levels
    right: float  # share of regions
    right_area: float  # share of pixels
    seconds: float  # a frame, drawn and judged apart
    memory: int  # bytes more at the peak


def main(config: CutConfig) -> None:
    """Print a table, the mean over characters, and draw a sheet."""
    colorizer = Colorizer(config.checkpoint)
    found: dict[str, list[Figures]] = {}
    rows = []
    for number in config.characters:
        frames, references = cut(FIRST + number, config)
        for name, paintings in ways(colorizer, frames, references, config.working_size).items():
            figures, shown = judge(paintings, frames)
            found.setdefault(name, []).append(figures)
            if number == config.characters[0]:
                rows.append(shown)
        if number == config.characters[0]:
            rows.append([frame.color for frame in chosen(frames)])
    print("| way | PSNR, dB | flicker | right flats | by area | s a frame | MB at the peak |")
    print("|---|---|---|---|---|---|---|")
    for name, several in found.items():
        mean = {
            key: np.mean([getattr(figures, key) for figures in several])
            for key in Figures.__dataclass_fields__
        }
        print(
            f"| {name} | {mean['psnr']:.2f} | {mean['flicker']:.2f} | {mean['right']:.3f} |"
            f" {mean['right_area']:.3f} | {mean['seconds']:.2f} | {mean['memory'] / 1e6:.0f} |"
        )
    names = [*found, "truth"]
    columns = [f"frame {place}" for place in places(config.frames)]
    small = [[cv2.resize(p, (480, 270), interpolation=cv2.INTER_AREA) for p in r] for r in rows]
    write_picture(config.output / "cut.png", grid(columns, small, names))


def cut(number: int, config: CutConfig) -> tuple[list[Frame], list[np.ndarray]]:
    """Frames of a character, and two references in other poses."""
    character = sample_character(number, config.art)
    first = sample_pose(number, 0, config.art)
    frames = []
    for place in range(config.frames):
        swing = np.sin(2 * np.pi * place / 48)
        pose = replace(
            first,
            tilt=first.tilt + 0.08 * swing,
            turn=first.turn + 0.1 * swing,
            offset=(first.offset[0] + 0.03 * swing, first.offset[1]),
        )
        frames.append(on_wide(draw(character, pose, config.height)))
    others = [sample_pose(number, n, config.art) for n in (1, 2)]
    return frames, [draw(character, pose, config.height).color for pose in others]


def on_wide(drawing: Drawing) -> Frame:
    """A square drawing in the middle of a wide frame, its backdrop carried on."""
    side = drawing.line.shape[0]
    left = (side * 16 // 9 - side) // 2
    right = side * 16 // 9 - side - left
    border = (0, 0, left, right, cv2.BORDER_REPLICATE)
    return Frame(
        cv2.copyMakeBorder(drawing.line, *border),
        cv2.copyMakeBorder(drawing.color, *border),
        cv2.copyMakeBorder((drawing.regions * 16 + drawing.tones).astype(np.uint8), *border),
    )


def ways(
    colorizer: Colorizer, frames: list[Frame], references: list[np.ndarray], size: int | None
) -> dict[str, Iterator[Painting]]:
    """Each way to colour the frames."""
    lines = [frame.line for frame in frames]
    one, two = references[:1], references
    return {
        "frame by frame, one reference": (colorizer(line, one, size) for line in lines),
        "frame by frame, two references": (colorizer(line, two, size) for line in lines),
        "as a cut, one reference": colorizer.sequence(lines, one, size),
        "as a cut, two references": colorizer.sequence(lines, two, size),
        "as a cut, two, first frame given": colorizer.sequence(
            lines, two, size, keys={0: frames[0].color}
        ),
    }


def judge(paintings: Iterator[Painting], frames: list[Frame]) -> tuple[Figures, list[np.ndarray]]:
    """The figures of a way, and what it made of some frames."""
    seconds, errors, flicker, right, area, shown = 0.0, [], [], [], [], []
    before: np.ndarray | None = None
    held = memory_now()
    peak = 0
    for number, frame in enumerate(frames):
        start = time.perf_counter()
        painting = next(paintings)
        picture = painting.picture
        seconds += time.perf_counter() - start
        peak = max(peak, memory_peak() - held)
        errors.append(np.square(picture.astype(np.float32) - frame.color).mean())
        if before is not None:
            still = frame.still == frames[number - 1].still
            flicker.append(cv2.absdiff(painting.colors, before)[still].mean())
        before = painting.colors
        of_regions, of_area = right_flats(painting, frame)
        right.append(of_regions)
        area.append(of_area)
        if number in places(len(frames)):
            shown.append(picture)
    figures = Figures(
        psnr=float(psnr_of(np.array(errors)).mean()),
        flicker=float(np.mean(flicker)),
        right=float(np.mean(right)),
        right_area=float(np.mean(area)),
        seconds=seconds / len(frames),
        memory=peak,
    )
    return figures, shown


def right_flats(painting: Painting, frame: Frame) -> tuple[float, float]:
    """The share of regions, and of pixels, with the palette's right colour.

    A region's truth is its most frequent colour where no ink is.
    """
    regions = painting.filling.regions
    paper = frame.line > 250
    code = frame.color.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
    pairs, counts = np.unique(
        regions.labels[paper].astype(np.int64) << 24 | code[paper], return_counts=True
    )
    label, color = pairs >> 24, pairs & 0xFFFFFF
    order = np.lexsort((counts, label))
    last = np.append(label[order][1:] != label[order][:-1], True)
    label, color = label[order][last], color[order][last]
    truth = np.stack([color >> shift & 255 for shift in (16, 8, 0)], axis=1)
    right = nearest(truth, painting.palette) == painting.flat_of[label]
    areas = np.bincount(regions.labels[paper], minlength=regions.count)[label]
    return float(right.mean()), float((right * areas).sum() / areas.sum())


def places(count: int) -> list[int]:
    """Frames that are shown."""
    return [int(place) for place in np.linspace(0, count - 1, SHOWN)]


def chosen(frames: list[Frame]) -> list[Frame]:
    """The frames that are shown."""
    return [frames[place] for place in places(len(frames))]


if __name__ == "__main__":
    main(tyro.cli(CutConfig))
