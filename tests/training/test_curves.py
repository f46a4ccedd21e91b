"""curves.png: what a run has learned, whatever its metrics.jsonl looks like."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from colorizer.system.errors import UserError
from colorizer.training import curves
from colorizer.training.curves import draw_curves


def line(step: int, **more: float | None) -> dict[str, float | None]:
    """One of training, with losses that fall."""
    return {
        "step": step,
        "loss/l1": 1 / step,
        "loss/adversarial": 0.5,
        "loss/discriminator": 0.3,
        "gradient/generator": 1 + step % 2,
        "learning-rate/generator": 1e-4,
        "images_per_second": 10.0,
        "waiting": 0.1,
        "memory/host_gb": 1.0,
        **more,
    }


def look(step: int, right: float | None, wrong: float) -> dict[str, float | None]:
    """One of held-out pictures."""
    return {
        "step": step,
        "held-out/cross/psnr": right,
        "held-out/wrong/psnr": wrong,
        "held-out/cross/l1": 0.1,
        "held-out/seconds": 1.0,
    }


def write(folder: Path, *lines: dict[str, float | None] | str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "metrics.jsonl"
    text = "\n".join(x if isinstance(x, str) else json.dumps(x) for x in lines)
    path.write_text(text)
    return path


def drawn(metrics: Path) -> np.ndarray:
    target = metrics.with_name("curves.png")
    draw_curves(metrics, target)
    assert sorted(p.name for p in target.parent.iterdir()) == ["curves.png", "metrics.jsonl"]
    return cv2.imread(str(target), cv2.IMREAD_COLOR_RGB)


def pixels(picture: np.ndarray, number: int) -> np.ndarray:
    """Where the picture has the number-th curve's colour: n×2, rows and columns."""
    color = curves.COLORS[number]
    rgb = np.array([int(color[n : n + 2], 16) for n in (1, 3, 5)])
    return np.argwhere(np.abs(picture.astype(int) - rgb).sum(-1) < 12)


def test_curves_go_where_the_figures_go(tmp_path):
    looks = [look(step, step / 50 + 10, 10) for step in range(0, 1001, 10)]
    picture = drawn(write(tmp_path / "run", *looks))
    assert picture.shape[1] == 1200
    right = pixels(picture[:, :600], 0)
    right = right[right[:, 0] > 115]  # below the legend
    for (row, column), (further_row, further) in zip(right[::50], right[50::50], strict=False):
        assert (row <= further_row) == (column >= further) or row == further_row  # rising
    wrong = pixels(picture[:, :600], 1)
    wrong = wrong[wrong[:, 0] > 115]
    assert np.ptp(wrong[:, 0]) < 5 and np.ptp(wrong[:, 1]) > 400  # level, over the whole width
    assert wrong[:, 0].min() > right[:, 0].min() + 50  # and below


def test_every_group_has_its_panel():
    series = curves._read_lines(json.dumps(x).encode() for x in (line(50), look(50, 20.0, 15.0)))
    titles = {panel.title: panel.names for panel in curves._panels(series)}
    assert titles == {
        "Held-out pictures: PSNR (dB)": ("held-out/cross", "held-out/wrong"),
        "Held-out pictures: mean difference (L1)": ("held-out/cross",),
        "Loss: L1": ("loss/l1",),
        "Loss: generator against discriminator": ("loss/adversarial", "loss/discriminator"),
        "Gradient norms": ("gradient/generator",),
        "Learning rates": ("learning-rate/generator",),
        "Speed (pictures / s) and waiting (% of the time)": ("images_per_second", "waiting"),
        "Memory, at most (GB)": ("memory/host_gb",),
    }
    more = curves._read_lines([json.dumps(line(50, left_out=2, **{"loss/style": 1.0})).encode()])
    names = [panel.names for panel in curves._panels(more)]
    assert ("left_out",) in names and ("loss/style",) in names


DAMAGED = ('{"step": 3, "loss/l1": 0.', "", "null", "[1]", '{"loss/l1": 1}', '{"step": "x"}', "\0")


@pytest.mark.parametrize(
    "lines",
    [
        [],
        pytest.param([line(50)], marks=pytest.mark.slow),
        [look(1, None, 12.0)],
        [line(50, **{"loss/l1": None}), *DAMAGED],
        pytest.param(
            [line(50, **{"loss/l1": "high", "loss/style": True}), look(50, 20.0, 15.0)],
            marks=pytest.mark.slow,
        ),
        [{"step": 5, "loss/l1": 0.0, "learning-rate/generator": 0.0, "waiting": 0.0}],
        [line(s, **{"loss/l1": 10.0**-s, "gradient/generator": 0.0}) for s in range(1, 80)],
        pytest.param([{"step": s, "waiting": 0.5} for s in range(1, 80)], marks=pytest.mark.slow),
        [*(line(s) for s in range(1, 80)), '{"step": 80, "loss/l1": NaN}'],
    ],
    ids=["nothing", "one", "null", "damaged", "types", "zeros", "wide", "waiting", "nan"],
)
@pytest.mark.filterwarnings("error")
def test_it_draws_whatever_is_there(tmp_path, lines):
    picture = drawn(write(tmp_path / "a $run$ with_^signs", *lines))
    assert picture.shape[1] == 1200 and picture.min() < 50


def test_damaged_lines_cost_only_themselves(tmp_path):
    lines = [{"step": step, "loss/l1": 1 / step} for step in range(50, 5000, 50)]
    whole = drawn(write(tmp_path / "run", *lines))
    damaged = drawn(write(tmp_path / "run", *lines[:30], *DAMAGED, *lines[30:], '{"step": 60'))
    assert (whole == damaged).all()


def test_of_very_many_lines_it_reads_every_look_and_some_others(tmp_path):
    count = curves.MAX_LINES * 2 + 5
    lines = [{"step": s, "loss/l1": 0.5} for s in range(1, count + 1)]
    lines[7:7] = [look(7, 20.0, 15.0)]
    series = curves._read(write(tmp_path, *lines))
    steps, _ = series["loss/l1"]
    assert curves.MAX_LINES / 2 < len(steps) <= curves.MAX_LINES and steps[-1] == count
    assert series["held-out/cross/psnr"][0].tolist() == [7]


def test_thinning_hides_no_outlier():
    steps, values = np.arange(10_000), np.zeros(10_000)
    values[[1234, 7777]] = 9.0, -5.0
    few, thinned = curves._extremes(steps, values)
    assert len(few) <= 2 * curves.MAX_POINTS and (np.diff(few) > 0).all()
    assert thinned[few == 1234] == 9.0 and thinned[few == 7777] == -5.0
    assert curves._thin(steps, values)[0][[0, -1]].tolist() == [0, 9999]


def test_smoothing_keeps_the_level_from_the_first_point_on():
    noise = np.random.default_rng(0).normal(size=4000)
    smooth = curves._smooth(5 + noise)
    assert np.abs(smooth[200:] - 5).max() < 0.5 and smooth[0] == 5 + noise[0]


def test_a_file_that_is_not_there_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match=r"cannot read .*metrics.jsonl: No such file"):
        draw_curves(tmp_path / "metrics.jsonl", tmp_path / "curves.png")


def test_drawing_leaves_no_global_state(tmp_path):
    import matplotlib

    before = dict(matplotlib.rcParams), matplotlib.rcParams._get_backend_or_none()
    drawn(write(tmp_path / "run", line(1)))
    assert (dict(matplotlib.rcParams), matplotlib.rcParams._get_backend_or_none()) == before
