"""What trackers get; TensorBoard's own event files are read back."""

import math
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from accelerate.tracking import GeneralTracker
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from colorizer.system.errors import UserError
from colorizer.training import tracking
from colorizer.training.start import start_accelerator
from colorizer.training.tracking import Trackers


def read(output: Path) -> EventAccumulator:
    """Everything that TensorBoard finds in a run folder."""
    events = EventAccumulator(str(output / "colorizer"), size_guidance={"images": 0, "scalars": 0})
    return events.Reload()


def settings(events: EventAccumulator) -> dict[str, object]:
    """The settings that TensorBoard's HPARAMS tab shows."""
    found = {}
    for content in events.PluginTagToContent("hparams").values():
        start = HParamsPluginData.FromString(content).session_start_info
        for name, value in start.hparams.items():
            found[name] = getattr(value, value.WhichOneof("kind"))
    return found


@pytest.fixture
def start(tiny):
    """`start(step=0, output="run")`: the real TensorBoard tracker of a tiny run."""

    def make(step: int = 0, **changes) -> Trackers:
        config = tiny(log_with=("tensorboard",), **changes)
        config.output.mkdir(exist_ok=True)
        return Trackers(config, start_accelerator(config), step)

    return make


def picture(shade: int) -> np.ndarray:
    half = np.zeros((40, 60, 3), np.uint8)
    half[:, :30] = (shade, 20, 200)
    return half


def test_tensorboard_holds_settings_figures_and_pictures(start, tmp_path):
    trackers = start()
    trackers.log({"loss/l1": 0.5, "loss/style": math.nan, "held-out/self/psnr": None}, step=10)
    trackers.log_picture("samples", picture(90), step=10)
    trackers.log({"loss/l1": 0.25, "loss/style": math.inf}, step=20)
    trackers.log({"loss/style": math.nan}, step=30)
    trackers.close()
    events = read(tmp_path / "run")
    assert events.Tags()["scalars"] == ["loss/l1"]
    assert [(e.step, e.value) for e in events.Scalars("loss/l1")] == [(10, 0.5), (20, 0.25)]
    (image,) = events.Images("samples")
    shown = cv2.imdecode(np.frombuffer(image.encoded_image_string, np.uint8), cv2.IMREAD_COLOR_RGB)
    assert image.step == 10 and (shown == picture(90)).all()
    values = settings(events)
    assert values["network.width"] == 0.125 and values["network.convolutional_attention"] == 1
    assert values["optimizer.schedule"] == "constant" and values["log_with"] == "['tensorboard']"
    assert values["loss.vgg_weights"] == "None" and values["batch_size"] == 4


def test_a_continued_run_goes_on_in_the_same_folder_and_repeats_nothing(start, tmp_path):
    for begin, steps in ((0, (1, 2, 3, 4)), (2, (3, 4, 5))):  # killed after 4, the checkpoint is 2
        trackers = start(begin)
        for step in steps:
            trackers.log({"loss/l1": step / 10 + begin}, step)
            trackers.log_picture("samples", picture(step), step)
        trackers.close()
    folder = tmp_path / "run" / "colorizer"
    files = [path for path in folder.iterdir() if path.is_file()]
    assert len(files) == len(list(folder.iterdir())) == 2  # a file for each start, no runs within
    events = read(tmp_path / "run")
    assert [e.step for e in events.Scalars("loss/l1")] == [1, 2, 3, 4, 5]
    assert events.Scalars("loss/l1")[3].value == pytest.approx(2.4)  # the second start's
    assert [e.step for e in events.Images("samples")] == [1, 2, 3, 4, 5]
    assert settings(events)["network.width"] == 0.125


def test_a_folder_keeps_its_identity_and_another_has_its_own(tiny):
    first, other = (tiny(output=name) for name in ("first", "other"))
    names = []
    for config in (first, first, other):
        config.output.mkdir(exist_ok=True)
        arguments = tracking._arguments(config, 7)
        names.append((arguments["wandb"]["id"], arguments["trackio"]["name"]))
    assert names[0] == names[1] != names[2]
    assert names[0][1] == f"first-{names[0][0]}"


class Failing(GeneralTracker):
    """A service whose network is gone from the second call on."""

    name, requires_logging_directory, tracker = "failing", False, None

    def __init__(self) -> None:
        super().__init__()
        self.calls = []

    def log(self, values, step=None, **kwargs):
        self.calls.append((values, step))
        if len(self.calls) == 2:
            raise ConnectionError("no route\nto host.")

    def finish(self):
        self.calls.append("finish")


def test_a_tracker_that_fails_is_warned_of_once_and_the_others_go_on(start, tmp_path, capsys):
    trackers = start()
    failing = Failing()
    trackers._trackers.insert(0, failing)
    for step in range(1, 5):
        trackers.log({"loss/l1": 0.5}, step)
        trackers.log_picture("samples", picture(1), step)
    trackers.close()
    assert failing.calls == [({"loss/l1": 0.5}, 1), ({"loss/l1": 0.5}, 2)]
    shown = capsys.readouterr().err
    assert shown.count("warning:") == 1
    assert "--log-with failing: ConnectionError: no route to host. Training goes on" in shown
    assert [e.step for e in read(tmp_path / "run").Scalars("loss/l1")] == [1, 2, 3, 4]


@pytest.fixture
def small_disk(mount_disk: Callable[[str], Path]) -> Path:
    """A disk of 128 KB."""
    return mount_disk("128k")


@pytest.mark.filterwarnings("error")
def test_a_full_disk_costs_tensorboard_and_not_the_run(small_disk, start, capsys):
    trackers = start(output=small_disk / "run")
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    for step in range(1, 6):
        trackers.log({"loss/l1": 0.5}, step)
        trackers.log_picture("samples", noise, step)
    trackers.close()
    shown = capsys.readouterr().err
    assert shown.count("warning: --log-with tensorboard: ") == 1 and "Training goes on" in shown


def test_a_tracker_that_cannot_start_is_a_sentence(start, monkeypatch):
    def refuse(*arguments, **more):
        raise RuntimeError("api_key not configured (no-tty).")

    monkeypatch.setattr("torch.utils.tensorboard.SummaryWriter.__init__", refuse)
    expected = "--log-with tensorboard cannot start: RuntimeError: api_key not configured"
    with pytest.raises(UserError, match=expected):
        start()


def test_without_trackers_nothing_is_written(tiny):
    config = tiny()
    trackers = Trackers(config, start_accelerator(config))
    trackers.log({"loss/l1": 0.5}, 1)
    trackers.log_picture("samples", picture(1), 1)
    trackers.close()
    assert not config.output.exists()
