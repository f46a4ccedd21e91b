"""Frames as a film, where OpenCV can write one."""

import os
from collections.abc import Sequence
from pathlib import Path

import cv2

from colorizer.coloring.jobs import Job
from colorizer.pictures.decode import decode_file, size_in_header
from colorizer.pictures.geometry import Shape
from colorizer.system.errors import UserError
from colorizer.system.storage import flush, writing

CODE = "mp4v"  # MPEG-4 Part 2: the one that OpenCV's wheels can write anywhere


def check_video(path: Path, jobs: Sequence[Job], fps: float) -> None:
    """Before long work: whether frames can become a film.

    Raises:
        UserError: the name does not end in .mp4, the frames have several sizes, or OpenCV here
            cannot write one.
    """
    if path.suffix.lower() != ".mp4":
        raise UserError(f"--video {path}: the name must end in .mp4.")
    sizes = ((job, size_in_header(job.drawing)) for job in jobs)
    known = [(job, size) for job, size in sizes if size is not None]
    for job, size in known:
        if size != known[0][1]:
            raise UserError(
                f"no --video of frames of several sizes: {known[0][0].drawing} is"
                f" {_said(known[0][1])}, {job.drawing} is {_said(size)}; leave --video out, or make"
                " them equal."
            )
    if known:
        partial = _partial(path)
        try:
            _open(path, known[0][1], fps).release()
        finally:
            partial.unlink(missing_ok=True)


def write_video(path: Path, frames: Sequence[Path], fps: float) -> None:
    """Write pictures of one size as a film. Of an odd side OpenCV drops the last row or column.

    Raises:
        UserError: OpenCV cannot write it.
    """
    shape = decode_file(frames[0]).pixels.shape
    partial = _partial(path)
    try:
        film = _open(path, (shape[0], shape[1]), fps)
        for frame in frames:
            film.write(cv2.cvtColor(decode_file(frame).pixels, cv2.COLOR_RGB2BGR))
        film.release()
        with writing(path):
            flush(partial)
            os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _open(path: Path, size: Shape, fps: float) -> cv2.VideoWriter:
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    code = cv2.VideoWriter.fourcc(*CODE)
    film = cv2.VideoWriter(str(_partial(path)), code, fps, (size[1], size[0]))
    if not film.isOpened():
        raise UserError(
            f"OpenCV here cannot write {path} ({_said(size)}, {CODE}); leave --video out and make"
            " the film of the pictures with another program."
        )
    return film


def _partial(path: Path) -> Path:
    """What it is called until it is whole; OpenCV takes the format from the suffix."""
    return path.with_name(f"{path.stem}.partial.mp4")


def _said(size: Shape) -> str:
    return f"{size[1]}x{size[0]}"
