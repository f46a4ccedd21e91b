"""What happens on the page: between its parts and the desk."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from colorizer.config.commands import Kind
from colorizer.page.examples import Example
from colorizer.page.folders import Programs, folder_command
from colorizer.page.shown import picked, place_in, sheet, shown, with_marks
from colorizer.page.work import (
    Desk,
    Work,
    color_of,
    hex_of,
    line_of,
    size_of,
    with_another,
    without_last,
)
from colorizer.system.errors import UserError

PROGRESS = gr.Progress()
START = "Drop a drawing and a reference, and press Colour."
READY = "Press Colour. A click on the picture sets a point."

Shown = tuple[Any, Any, Any, Any]  # picture, wipe, files, status


@contextmanager
def politely() -> Iterator[None]:
    """Show the sentence of a UserError on the page."""
    try:
        yield
    except UserError as error:
        raise gr.Error(str(error), duration=None, print_exception=False) from error


class Handlers:
    """What a click or an upload does. Files come as paths, pictures go as arrays."""

    def __init__(self, desk: Desk, examples: Sequence[Example]) -> None:
        self.desk = desk
        self.examples = examples

    def take_drawing(self, drawing: str | None) -> tuple[Any, None, str, Any, None, None, str]:
        """Show a drawing that was dropped, and forget the one before."""
        if drawing is None:
            return None, None, "", None, None, None, START
        try:
            picture = shown(self.desk.limits.decoded(Path(drawing)).pixels)
        except UserError as error:
            gr.Warning(str(error), duration=None)
            return None, None, "", None, None, None, START
        return gr.skip(), None, "", picture, None, None, READY

    def take_references(self, references: list[str] | None) -> tuple[Any, Any]:
        """Show references that were dropped; those that cannot be used are let go."""
        kept, pictures = [], []
        for path in references or []:
            try:
                pictures.append(self.desk.limits.decoded(Path(path)).pixels)
                kept.append(path)
            except UserError as error:
                gr.Warning(str(error), duration=None)
        changed = gr.skip() if kept == references else gr.update(value=kept or None)
        return changed, _sheet(pictures)

    def take_example(self, event: gr.SelectData) -> tuple[Any, ...]:
        """Take an example's drawing and reference."""
        example = self.examples[event.index]
        pictures = [
            self.desk.limits.decoded(p).pixels for p in (example.drawing, example.reference)
        ]
        drawing, reference = str(example.drawing), [str(example.reference)]
        taken = (None, "", pictures[0], None, None, READY)
        return drawing, *taken, reference, _sheet(pictures[1:])

    def color(
        self,
        work: Work | None,
        drawing: str | None,
        references: list[str] | None,
        points: str,
        kinds: list[Kind],
        progress: gr.Progress = PROGRESS,
    ) -> Iterator[tuple[Work, Any, Any, Any, Any]]:
        """Colour the drawing; the picture comes first, then its files."""
        with politely():
            given = _paths(references)
            new = self.desk.color(Path(drawing) if drawing else None, given, progress)
            if work is not None:
                work.close()
            for state in self._corrected(new, points, given, kinds):
                yield new, *state

    def correct(
        self,
        work: Work | None,
        drawing: str | None,
        references: list[str] | None,
        points: str,
        kinds: list[Kind],
    ) -> Iterator[Shown]:
        """Show the picture with other points, and write other files."""
        with politely():
            if work is not None:
                yield from self._corrected(work, points, _paths(references), kinds)
            elif drawing is None:
                yield None, None, None, START
            else:
                pixels = self.desk.limits.decoded(Path(drawing)).pixels
                marks = self.desk.points(points, _paths(references))
                yield with_marks(shown(pixels), marks, size_of(pixels)), None, None, READY

    def place(
        self,
        work: Work | None,
        drawing: str | None,
        references: list[str] | None,
        points: str,
        kinds: list[Kind],
        picker: str,
        event: gr.SelectData,
    ) -> Iterator[tuple[str, Any, Any, Any, Any]]:
        """Set a point where the picture was clicked."""
        with politely():
            if work is not None:
                pixels = work.painting.drawing.line
            else:
                pixels = self.desk.limits.decoded(Path(str(drawing))).pixels
            click = (int(event.index[0]), int(event.index[1]))
            x, y = place_in(click, size_of(shown(pixels)), pixels)
            points = with_another(points, line_of(x, y, color_of(picker)))
            for state in self.correct(work, drawing, references, points, kinds):
                yield points, *state

    def pick(self, references: list[str] | None, event: gr.SelectData) -> Any:
        """Take the colour of a reference where it was clicked."""
        with politely():
            pictures = [d.pixels for d in self.desk.limits.all_decoded(_paths(references))]
            color = picked((int(event.index[0]), int(event.index[1])), pictures)
        return gr.skip() if color is None else hex_of(color)

    def remove_last(self, *inputs: Any) -> Iterator[tuple[str, Any, Any, Any, Any]]:
        """Take the last point back; see `correct`."""
        work, drawing, references, points, kinds = inputs
        points = without_last(points)
        for state in self.correct(work, drawing, references, points, kinds):
            yield points, *state

    def clear(self, *inputs: Any) -> Iterator[tuple[str, Any, Any, Any, Any]]:
        """Take all points back; see `correct`."""
        work, drawing, references, _, kinds = inputs
        for state in self.correct(work, drawing, references, "", kinds):
            yield "", *state

    def _corrected(
        self, work: Work, points: str, references: Sequence[Path], kinds: Sequence[Kind]
    ) -> Iterator[Shown]:
        marks = self.desk.points(points, references)
        painting = work.painting.corrected(marks)
        picture = shown(painting.picture)
        line = shown(painting.drawing.over)
        line = line if line.ndim == 3 else np.dstack([line] * 3)
        marked = with_marks(picture, marks, size_of(painting.picture))
        yield marked, (line, picture), None, f"{work.said} Writing the files …"
        files = [str(path) for path in work.write(painting, kinds)]
        yield marked, (line, picture), files or None, work.said


class FolderHandlers:
    """What the tab for folders does."""

    def __init__(self, checkpoint: Path, programs: Programs) -> None:
        self.checkpoint = checkpoint
        self.programs = programs

    def run(self, drawings: str, references: str, output: str, kinds: list[Kind]) -> Iterator[str]:
        """Colour a folder; yields what the program says."""
        with politely():
            command = folder_command(self.checkpoint, drawings, references, output, kinds)
        yield from self.programs.run(command)


def stopped(said: str) -> str:
    """What stands there after a stop."""
    return f"{said}Stopped. Started again, it goes on from here."


def _paths(references: list[str] | None) -> list[Path]:
    return [Path(reference) for reference in references or []]


def _sheet(pictures: Sequence[np.ndarray]) -> Any:
    if not pictures:
        return gr.update(value=None, visible=False)
    return gr.update(value=sheet(pictures), visible=True)
