"""What is where on the page, and what of it starts what."""

from dataclasses import dataclass
from typing import Any, get_args

import gradio as gr
from gradio.themes import Base, Default

from colorizer.config.commands import Kind
from colorizer.page.events import START, FolderHandlers, Handlers, stopped
from colorizer.page.examples import draw_examples
from colorizer.page.work import Desk, Work

KIND_NAMES: dict[Kind, str] = {
    "result": "picture",
    "colors": "colours without lines",
    "lines": "lines alone",
    "flats": "flat colours",
    "layers": "layers, .ora",
    "psd": "layers, .psd",
}
CHOICES = [(KIND_NAMES[kind], kind) for kind in get_args(Kind)]
KEPT = 4 * 3600  # seconds that a person's work is kept after the last click
CLEANED = (600, 3600)  # seconds between looks for old files, and how old those are
NETWORK = "network"  # what uses it waits for its turn
POINTS = "points"  # so does what writes the files of a drawing that is coloured
FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
CSS = """
.gradio-container { width: min(1240px, 100%) !important; margin: 0 auto !important; }
#examples .thumbnail-item { aspect-ratio: 2; }
#examples .grid-wrap { padding-top: 28px; }
#files:has(.empty) { display: none; }
#status p { color: var(--body-text-color-subdued); }
#result img, #sheet img { cursor: crosshair; }
footer { opacity: 0.6; }
"""


def theme() -> Base:
    """The machine's own fonts: nothing is fetched."""
    return Default(
        primary_hue="teal", neutral_hue="slate", font=FONTS, font_mono=["ui-monospace", "monospace"]
    )


def build(desk: Desk, folders: FolderHandlers | None) -> gr.Blocks:
    """The page.

    Args:
        desk: Colours drawings.
        folders: Colours folders of this machine; None: that is not offered.
    """
    with gr.Blocks(
        title="Colour a line drawing", delete_cache=CLEANED, analytics_enabled=False
    ) as page:
        gr.Markdown("# Colour a line drawing")
        if folders is None:
            _one(desk)
        else:
            with gr.Tab("One drawing"):
                _one(desk)
            with gr.Tab("A folder"):
                _folder(folders)
    return page


@dataclass(frozen=True)
class Parts:
    """What stands on the page for one drawing."""

    work: gr.State
    drawing: gr.File
    references: gr.File
    sheet: gr.Image
    color: gr.Button
    examples: gr.Gallery
    result: gr.Image
    wipe: gr.ImageSlider
    status: gr.Markdown
    picker: gr.ColorPicker
    points: gr.Textbox
    remove: gr.Button
    clear: gr.Button
    kinds: gr.CheckboxGroup
    files: gr.File


def _one(desk: Desk) -> None:
    examples = list(draw_examples(desk.folder / "examples"))
    parts: dict[str, Any] = {"work": gr.State(None, time_to_live=KEPT, delete_callback=_forget)}
    with gr.Row(equal_height=False):
        with gr.Column(scale=2, min_width=320):
            parts |= _given()
            parts["examples"] = gr.Gallery(
                [example.both for example in examples],
                label="Or try one of these",
                columns=2,
                height=270,
                object_fit="contain",
                allow_preview=False,
                interactive=False,
                buttons=[],
                elem_id="examples",
            )
        with gr.Column(scale=3, min_width=420):
            parts |= _result() | _files() | _points()
    _connect(Parts(**parts), Handlers(desk, examples))


def _given() -> dict[str, Any]:
    return {
        "drawing": gr.File(label="Line drawing", height=150, elem_id="drawing"),
        "references": gr.File(
            label="References: the character in colour, one picture or more",
            file_count="multiple",
            height=150,
            elem_id="references",
        ),
        "color": gr.Button("Colour", variant="primary", size="lg", elem_id="color"),
        "sheet": gr.Image(
            label="Click to take a colour for a point",
            visible=False,
            interactive=False,
            buttons=[],
            format="png",
            height=260,
            elem_id="sheet",
        ),
    }


def _result() -> dict[str, Any]:
    look: dict[str, Any] = {
        "show_label": False,
        "interactive": False,
        "buttons": ["fullscreen"],
        "format": "png",
    }
    with gr.Tab("Picture"):
        result = gr.Image(height=500, elem_id="result", **look)
    with gr.Tab("Wipe"):
        wipe = gr.ImageSlider(max_height=500, elem_id="wipe", **look)
    return {"result": result, "wipe": wipe, "status": gr.Markdown(START, elem_id="status")}


def _files() -> dict[str, Any]:
    return {
        "kinds": gr.CheckboxGroup(CHOICES, value=["result"], label="Files", elem_id="kinds"),
        "files": gr.File(
            label="Download", file_count="multiple", interactive=False, elem_id="files"
        ),
    }


def _points() -> dict[str, Any]:
    points = gr.Textbox(
        label="Points: a click on the picture gives the region there the next point's colour",
        placeholder="120 80 #d04040",
        lines=3,
        max_lines=8,
        elem_id="points",
    )
    with gr.Row(equal_height=True):
        picker = gr.ColorPicker("#d04040", label="Next point", min_width=120, elem_id="picker")
        remove = gr.Button("Remove the last", size="md", elem_id="remove")
        clear = gr.Button("Clear", size="md", elem_id="clear")
    return {"points": points, "picker": picker, "remove": remove, "clear": clear}


def _connect(p: Parts, do: Handlers) -> None:
    given = [p.work, p.drawing, p.references, p.points, p.kinds]
    shown = [p.result, p.wipe, p.files, p.status]
    fresh = [p.drawing, p.work, p.points, *shown]
    private: dict[str, Any] = {"api_visibility": "private"}
    corrects: dict[str, Any] = {"show_progress": "hidden", "concurrency_id": POINTS, **private}
    for happening in (p.drawing.upload, p.drawing.clear):
        happening(do.take_drawing, p.drawing, fresh, show_progress_on=p.result, **private)
    for happening in (p.references.upload, p.references.delete, p.references.clear):
        happening(
            do.take_references,
            p.references,
            [p.references, p.sheet],
            show_progress="hidden",
            **private,
        )
    p.examples.select(
        do.take_example, None, [*fresh, p.references, p.sheet], show_progress="hidden", **private
    )
    p.color.click(
        do.color,
        given,
        [p.work, *shown],
        show_progress_on=p.result,
        concurrency_id=NETWORK,
        api_name="color",
    )
    gr.on(
        [p.points.blur, p.points.submit, p.kinds.change],
        do.correct,
        given,
        shown,
        show_progress="hidden",
        concurrency_id=POINTS,
        api_name="correct",
    )
    p.result.select(do.place, [*given, p.picker], [p.points, *shown], **corrects)
    p.sheet.select(do.pick, p.references, p.picker, show_progress="hidden", **private)
    for button, action in ((p.remove, do.remove_last), (p.clear, do.clear)):
        button.click(action, given, [p.points, *shown], **corrects)


def _folder(handlers: FolderHandlers) -> None:
    gr.Markdown("Folders on this machine. What is coloured already is not coloured again.")
    drawings = gr.Textbox(
        label="Drawings", placeholder="a folder, or a pattern: frames/*.png", elem_id="drawings"
    )
    references = gr.Textbox(
        label="References", placeholder="pictures or folders, one a line", lines=2
    )
    output = gr.Textbox(label="Output folder", elem_id="output")
    kinds = gr.CheckboxGroup(CHOICES, value=["result"], label="Files")
    with gr.Row():
        start = gr.Button("Colour the folder", variant="primary")
        stop = gr.Button("Stop")
    said = gr.Textbox(label="Progress", lines=8, max_lines=16, interactive=False, elem_id="said")
    running = start.click(
        handlers.run,
        [drawings, references, output, kinds],
        said,
        concurrency_id=NETWORK,
        show_progress="minimal",
        api_name="folder",
    )
    stop.click(stopped, said, said, cancels=running, api_visibility="private")


def _forget(work: Work | None) -> None:
    if work is not None:
        work.close()
