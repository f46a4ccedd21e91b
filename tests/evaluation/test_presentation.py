"""What people read of a report: the table, the sentences, and report.md."""

import copy

import pytest

from colorizer.evaluation.presentation import (
    absent,
    figure,
    gain,
    legend,
    markdown,
    markdown_table,
    show,
    table_of,
    title,
)
from colorizer.evaluation.statistics import Interval


def interval(mean: float, half: float | None = None) -> dict[str, float | None]:
    low, high = (None, None) if half is None else (mean - half, mean + half)
    return {"mean": mean, "low": low, "high": high}


FIGURES = {
    "self": {"pictures": 12, "psnr": interval(24.5, 0.5), "kid": interval(0.0125)},
    "cross": {"pictures": 9, "psnr": interval(22.625, 0.25), "lpips-alex": interval(0.1234, 0.01)},
    "random": {"pictures": 12, "psnr": interval(18.125, 0.75)},
    "as_it_stands": {"pictures": 9, "psnr": interval(12.0, 1.0)},
}
CONTENT = {
    "identity": {
        "generator": {"path": "runs/a", "step": 800, "version": "0.1.0", "sha256": "abc"},
        "data": {"path": "shards/demo", "pictures": 12, "size": 64, "sha256": "def"},
        "machine": {
            "colorizer": "0.2.0",
            "device": "cpu",
            "precision": "float32",
            "python": "3.11",
            "packages": {"torch": "2.11", "numpy": "2.0"},
        },
        "protocol": {
            "pairs_seed": 7,
            "absent": {"fid": "no Inception", "ms-ssim": "too small", "palette": "no Inception"},
            "weights": {
                "AlexNet": {"sha256": "0a", "published": True},
                "VGG-16": {"sha256": "0b", "published": False},
            },
        },
    },
    "figures": FIGURES,
}


@pytest.mark.parametrize(
    ("metric", "mean", "half", "shown"),
    [
        ("psnr", 22.634, 0.31, "22.63 ±0.31"),
        ("psnr", 22.634, None, "22.63"),
        ("lpips-vgg", 0.12344, 0.00126, "0.1234 ±0.0013"),
        ("kid", 0.00315, 0.0002, "3.15 ±0.20"),  # × 1000
    ],
)
def test_a_figure_is_its_mean_and_half_its_interval(metric, mean, half, shown):
    assert figure(metric, Interval(**interval(mean, half))) == shown


def test_a_table_has_a_row_for_each_metric_that_anything_has():
    columns, rows = table_of(FIGURES)
    assert columns == ["", "self", "cross", "random", "as it stands"]
    assert rows == [
        ["PSNR dB ↑", "24.50 ±0.50", "22.62 ±0.25", "18.12 ±0.75", "12.00 ±1.00"],
        ["LPIPS alex ↓", "-", "0.1234 ±0.0100", "-", "-"],
        ["KID ×1000 ↓", "12.50", "-", "-", "-"],
        ["pictures", "12", "9", "12", "9"],
    ]


def test_the_gain_is_that_of_another_picture_of_the_group():
    assert gain(FIGURES) == (
        "The right reference (cross): +4.50 dB over a wrong one, +10.62 dB over the reference"
        " itself."
    )
    alone = {name: entry for name, entry in FIGURES.items() if name in ("self", "random")}
    assert gain(alone) == "The right reference (self): +6.38 dB over a wrong one."


def test_a_reference_that_is_worth_nothing_is_told_with_its_sign():
    worse = FIGURES | {"random": {"psnr": interval(23.0)}}
    assert "-0.38 dB over a wrong one" in gain(worse)


@pytest.mark.parametrize("rows", [("self",), ("random",), ()])
def test_there_is_no_gain_without_something_to_compare(rows):
    assert gain({name: FIGURES[name] for name in rows}) is None


def test_every_row_is_explained():
    assert legend(["self", "as_it_stands"]) == [
        ("self", "reference: the truth itself; judged against: truth"),
        ("as it stands", "reference: same group, taken as it stands; judged against: truth"),
    ]


def test_what_is_absent_for_the_same_reason_is_named_together():
    assert absent(CONTENT["identity"]) == [
        ("no Inception", "fid, palette"),
        ("too small", "ms-ssim"),
    ]


def test_a_markdown_table_has_its_figures_to_the_right():
    assert markdown_table(["", "a"], [["x", "1"], ["y", "2"]]) == (
        "|  | a |\n| --- | ---: |\n| x | 1 |\n| y | 2 |\n"
    )


def test_the_terminal_shows_figures_gain_and_doubts(capsys):
    show(CONTENT)
    shown = capsys.readouterr()
    assert title(CONTENT["identity"]) == "shards/demo: 12 pictures of 64x64, step 800"
    for words in (title(CONTENT["identity"]), "22.62 ±0.25", "Not measured: fid, palette; no Inc"):
        assert words in shown.out
    assert gain(FIGURES) in shown.out
    assert shown.err == (
        "warning: VGG-16 is not the published one: its figures compare with no others.\n"
    )


def test_the_title_tells_of_several_shapes():
    identity = CONTENT["identity"]
    data = identity["data"] | {"shapes": 4}
    assert title(identity | {"data": data}) == (
        "shards/demo: 12 pictures of about 64x64 in 4 shapes, step 800"
    )


def test_the_report_has_all_that_is_needed_to_quote_it():
    text = markdown(CONTENT, {"cross": "cross.png"})
    assert text.startswith("# shards/demo: 12 pictures of 64x64, step 800\n")
    for words in (
        "Trained by colorizer 0.1.0; evaluated by colorizer 0.2.0.",
        "| PSNR dB ↑ | 24.50 ±0.50 | 22.62 ±0.25 | 18.12 ±0.75 | 12.00 ±1.00 |",
        gain(FIGURES),
        "- **cross**: reference: same group, another picture; judged against: truth\n",
        "- fid, palette: no Inception\n",
        "## cross\n\n![cross](cross.png)\n",
        "- Generator: `runs/a`, sha256 `abc`\n",
        "- Data: `shards/demo`, sha256 `def`\n",
        "seed 7",
        "- AlexNet: sha256 `0a`\n",
        "- VGG-16: sha256 `0b`, **not the published one**\n",
        "- On cpu in float32; Python 3.11, torch 2.11, numpy 2.0\n",
    ):
        assert words in text


def test_the_report_explains_only_the_metrics_that_it_has():
    content = copy.deepcopy(CONTENT)
    assert "FID: between all results" not in markdown(content, {})
    content["figures"]["self"]["fid"] = interval(30.0)
    content["identity"]["protocol"]["absent"] = {}
    text = markdown(content, {})
    assert "- FID: between all results" in text and "Not measured" not in text
