"""Training as a user starts it: alone, through a launcher, in two processes."""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from colorizer.evaluation.config import EvaluateConfig, MeasureConfig
from colorizer.evaluation.evaluator import evaluate
from tests.helpers.launching import run, run_ranks, start
from tests.helpers.programs import (
    ROOT,
    SCRIPT,
    TORCHRUN,
    last_step,
    wait_for,
)

TINY = [
    *("--network.width", "0.125", "--batch-size", "4"),
    *("--log-every", "1", "--sample-every", "0", "--evaluate-every", "0", "--log-samples"),
]
ACCELERATE = [
    *(sys.executable, "-m", "accelerate.commands.accelerate_cli", "launch"),
    *("--config_file", str(ROOT / "accelerate_configs" / "cpu.yaml")),
]

Run = Callable[[list[object]], subprocess.CompletedProcess[str]]  # a command


def under(launcher: list[str]) -> Run:
    """What runs a command by a launcher instead of python alone."""
    return lambda command: run([*launcher, *command[1:]])


def demo(run: Run, data: Path, output: Path, *more: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, SCRIPT, "demo", "--data", data, "--output", output, *TINY, *more]
    return run(command)


def samples(output: Path) -> list[str]:
    """The samples that all processes together trained on, with their augmentation, in order."""
    logs = (path.read_text().splitlines() for path in (output / "order").iterdir())
    return sorted(itertools.chain(*logs), key=lambda line: json.loads(line)["n"])


def test_two_processes_see_the_samples_of_one_and_each_its_half(character_shards, tmp_path):
    one = demo(run, character_shards, tmp_path / "one", "--steps", 6, "--workers", 0)
    two = demo(under(TORCHRUN), character_shards, tmp_path / "two", "--steps", 6, "--workers", 2)
    assert one.returncode == 0, one.stderr
    assert two.returncode == 0, two.stderr
    assert "1 on CPU" in one.stdout
    assert "2 on CPU" in two.stdout
    assert two.stdout.count("  precision ") == 1  # one process prints
    assert samples(tmp_path / "two") == samples(tmp_path / "one")
    for rank in (0, 1):
        lines = (tmp_path / "two" / "order" / f"rank-{rank}.jsonl").read_text().splitlines()
        assert [json.loads(line)["step"] for line in lines] == [1 + n // 2 for n in range(12)]


def test_a_run_of_one_process_goes_on_with_two_on_the_same_samples(character_shards, tmp_path):
    """And learns the same: batch norm and the triplet loss see the batch over both.

    From two sets, with references of the group.
    """
    shutil.copytree(character_shards, tmp_path / "second")
    more = ("--data", character_shards, tmp_path / "second", "--shares", 0.7, 0.3)
    more += ("--references.same-group", 0.5, "--augment.scale", 0.3)
    whole = demo(run, character_shards, tmp_path / "whole", *more, "--steps", 8)
    first = demo(run, character_shards, tmp_path / "stopped", *more, "--steps", 4)
    second = demo(run_ranks, character_shards, tmp_path / "stopped", *more, "--steps", 8)
    assert (whole.returncode, first.returncode, second.returncode) == (0, 0, 0), second.stderr
    assert "from step 4" in second.stdout
    assert samples(tmp_path / "stopped") == samples(tmp_path / "whole")
    for ours, other in zip(losses(tmp_path / "stopped"), losses(tmp_path / "whole"), strict=True):
        assert ours == pytest.approx(other, rel=1e-4)


def losses(output: Path) -> list[dict[str, float]]:
    lines = map(json.loads, (output / "metrics.jsonl").read_text().splitlines())
    return [
        {k: v for k, v in line.items() if k.startswith(("loss/", "held-out/"))} for line in lines
    ]


def test_a_bad_sample_that_both_processes_meet_is_one(character_shards, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(character_shards, data)
    shard = data / "train" / "000000.tar"
    content = bytearray(shard.read_bytes())
    content[content.index(b"WEBPVP8L") + 30] ^= 1
    shard.write_bytes(content)
    made = demo(run_ranks, data, tmp_path / "run", "--steps", 20, "--bad-samples", 0.07)
    assert made.returncode == 0, made.stderr
    warned = made.stderr.count("Another sample takes its place.")
    assert "warning: 1 samples could not be read" in made.stderr and warned > 1


def test_only_the_first_process_touches_the_output(character_shards, tmp_path):
    """As two machines that share nothing: the other gets the checkpoint, and writes nothing."""
    machines = partial(run_ranks, apart=True)
    more = ("--optimizer.ema-decay", 0.9, "--loss.adversarial", 1, "--log-samples")
    more = (*more, "--discriminator-width", 0.25, "--profile", 1)
    for steps in (2, 4):
        made = demo(machines, character_shards, tmp_path / "run-$RANK", "--steps", steps, *more)
        assert made.returncode == 0, made.stderr
    whole = demo(run_ranks, character_shards, tmp_path / "whole", "--steps", 4, *more)
    assert whole.returncode == 0, whole.stderr
    assert not (tmp_path / "run-1").exists()
    learned = [
        load_file(tmp_path / run / "checkpoints" / "step-00000004" / "average.safetensors")
        for run in ("run-0", "whole")
    ]
    torch.testing.assert_close(*learned)
    for rank in range(2):
        order = f"order/rank-{rank}.jsonl"
        assert (tmp_path / "run-0" / order).read_text() == (tmp_path / "whole" / order).read_text()


def test_processes_with_other_shards_are_refused(character_shards, tmp_path):
    for rank in range(2):
        shutil.copytree(character_shards, tmp_path / f"data-{rank}")
    index = tmp_path / "data-1" / "train" / "index.json"
    content = json.loads(index.read_text())
    content["shards"][0]["sha256"] = "0" * 64
    index.write_text(json.dumps(content))
    made = demo(run_ranks, tmp_path / "data-$RANK", tmp_path / "run", "--steps", 2)
    assert made.returncode != 0
    assert "not all processes have the same shards there; give each machine the same" in made.stderr
    assert not (tmp_path / "run").exists()


def test_two_processes_with_a_discriminator_stay_in_step(character_shards, tmp_path):
    output = tmp_path / "gan"
    more = ("--steps", 3, "--loss.adversarial", 1, "--discriminator-width", 0.25, "--accumulate", 2)
    made = demo(run_ranks, character_shards, output, *more)
    assert made.returncode == 0, made.stderr
    path = output / "checkpoints" / "step-00000003" / "discriminator.safetensors"
    assert all(t.isfinite().all() for t in load_file(path).values())
    lines = (output / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2, 3]


@pytest.mark.skipif(torch.version.cuda is None, reason="torch sends bf16 if built for GPUs alone")
def test_gradients_that_are_exchanged_in_bf16_differ_by_its_rounding(character_shards, tmp_path):
    """Adam's first moment after one step is the gradient times 1 - β₁."""
    moments = {}
    for exchange in ("float32", "bf16"):
        output = tmp_path / exchange
        made = demo(run_ranks, character_shards, output, "--steps", 1, "--exchange", exchange)
        assert made.returncode == 0, made.stderr
        path = output / "checkpoints" / "step-00000001" / "generator_optimizer.safetensors"
        first = (t for name, t in load_file(path).items() if name.startswith("exp_avg."))
        moments[exchange] = torch.cat([t.flatten() for t in first])
    off = (moments["bf16"] - moments["float32"]).norm() / moments["float32"].norm()
    assert 2**-12 < off < 2**-7


def test_two_processes_look_together_and_see_what_an_evaluation_sees(character_shards, tmp_path):
    output, report = tmp_path / "run", tmp_path / "report"
    more = ("--steps", 4, "--evaluate-every", 4, "--optimizer.ema-decay", 0)
    made = demo(run_ranks, character_shards, output, *more)
    assert made.returncode == 0, made.stderr
    assert made.stdout.count("Held-out PSNR at step 4") == 1
    (look,) = (line for line in losses(output) if "held-out/self/psnr" in line)
    measure = MeasureConfig(metrics=("psnr",))
    evaluate(EvaluateConfig(output, character_shards, report, measure=measure))
    figures = json.loads((report / "report.json").read_text())["figures"]
    for ours, theirs in {"self": "self", "cross": "cross", "wrong": "random"}.items():
        wanted = figures[theirs]["psnr"]["mean"]
        assert look[f"held-out/{ours}/psnr"] == pytest.approx(wanted, abs=1e-3)


def test_two_processes_train_one_line_extractor(character_shards, tmp_path):
    arguments = ("--data", character_shards, *TINY, "--steps", 2, "--loss.adversarial", 1)
    one, two = tmp_path / "one", tmp_path / "two"
    for run_it, output in ((run, one), (run_ranks, two)):
        made = run_it([sys.executable, SCRIPT, "extractor-demo", "--output", output, *arguments])
        assert made.returncode == 0, made.stderr
    assert samples(two) == samples(one)
    path = two / "checkpoints" / "step-00000002" / "average.safetensors"
    assert all(t.isfinite().all() for t in load_file(path).values())


def test_two_processes_start_from_a_run_and_freeze_a_part_as_one_does(character_shards, tmp_path):
    more = ("--optimizer.generator-lr", 1e-4, "--loss.adversarial", 1)
    more += ("--discriminator-width", 0.125)
    source = tmp_path / "source"
    first = demo(run, character_shards, source, "--steps", 2, *more)
    assert first.returncode == 0, first.stderr
    more += ("--start-from", source, "--freeze", "line_encoder", "decoder.first")
    one, two = tmp_path / "one", tmp_path / "two"
    for run_it, output in ((run, one), (run_ranks, two)):
        made = demo(run_it, character_shards, output, "--steps", 3, *more)
        assert made.returncode == 0, made.stderr
        assert made.stdout.count(f"  starts from  {source}/checkpoints/step-00000002/average") == 1
    for ours, other in zip(losses(two), losses(one), strict=True):
        assert ours == pytest.approx(other, rel=1e-3)
    start = load_file(source / "checkpoints" / "step-00000002" / "average.safetensors")
    end = load_file(two / "checkpoints" / "step-00000003" / "generator.safetensors")
    frozen = {name for name in start if name.startswith(("line_encoder.", "decoder.first."))}
    assert all(torch.equal(start[name], end[name]) for name in frozen)
    assert not torch.equal(start["decoder.head.weight"], end["decoder.head.weight"])


def test_a_run_of_accelerates_launcher_goes_on_without_it(character_shards, tmp_path):
    output = tmp_path / "run"
    first = demo(under(ACCELERATE), character_shards, output, "--steps", 1)
    assert first.returncode == 0, first.stderr
    second = demo(run, character_shards, output, "--steps", 2)
    assert second.returncode == 0, second.stderr
    assert "from step 1" in second.stdout
    assert (output / "checkpoints" / "step-00000002" / "state.json").is_file()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_exits_with_0_and_leaves_no_process(character_shards, tmp_path, number):
    output = tmp_path / "run"
    command = [sys.executable, SCRIPT, "demo", "--data", character_shards, "--output", output]
    process = start([*command, *TINY, "--steps", 100_000, "--workers", 2])
    wait_for(lambda: last_step(output) > 0, process)
    os.killpg(process.pid, number)  # as a terminal or a scheduler sends it: to all of the group
    shown, _ = process.communicate(timeout=60)
    assert process.returncode == 0, shown
    assert "the same command continues" in shown
    assert "Traceback" not in shown
    (saved,) = (output / "checkpoints").iterdir()
    assert f"saved at step {int(saved.name[5:])};" in shown
    assert f"{SCRIPT} demo --data {character_shards} --output {output}" in shown
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def test_help_lists_presets_and_every_setting_of_one():
    presets = run([sys.executable, SCRIPT, "--help"])
    assert presets.returncode == 0
    for preset in ("attention-aware", "sga", "scft-ca", "scft", "demo", "extractor"):
        assert preset in presets.stdout
    settings = run([sys.executable, SCRIPT, "demo", "--help"]).stdout
    for words in ("--loss.l1", "mean absolute difference", "--augment.strength", "--dry-run"):
        assert words in settings
    settings = run([sys.executable, SCRIPT, "extractor", "--help"]).stdout
    assert "--degrade.jpeg" in settings and "--augment" not in settings and "--task" not in settings


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--data", "/nowhere"], "/nowhere"),
        (["--batch-size", "1", "--accumulate", "2"], "--batch-size is 1; give at least 2"),
        (
            ["--loss.perceptual", "1", "--loss.vgg-weights", "/none.safetensors"],
            "/none.safetensors",
        ),
    ],
)
def test_bad_settings_are_one_sentence_and_nothing_is_written(
    character_shards, tmp_path, arguments, words
):
    refused = demo(run, character_shards, tmp_path / "run", *arguments)
    assert refused.returncode == 1
    assert words in refused.stderr
    assert "Traceback" not in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("more", [(), ("--accumulate", 2), ("--at-once", 2)])
def test_processes_with_more_and_fewer_samples_learn_the_same(character_shards, tmp_path, more):
    """Five a step: two and three; or one, one, one and two; by memory in two batches, too."""
    size = ("--steps", 3, "--batch-size", 5, "--loss.adversarial", 1, "--discriminator-width", 0.25)
    one = demo(run, character_shards, tmp_path / "one", *size)
    two = demo(run_ranks, character_shards, tmp_path / "two", *size, *more)
    assert (one.returncode, two.returncode) == (0, 0), two.stderr
    assert samples(tmp_path / "two") == samples(tmp_path / "one")
    if not more:  # batch norm sees all five; Adam makes more of rounding
        for ours, other in zip(losses(tmp_path / "two"), losses(tmp_path / "one"), strict=True):
            assert ours == pytest.approx(other, rel=2e-3)
        assert "5 pictures = 2 or 3 x 2 processes" in two.stdout


def test_a_batch_smaller_than_its_processes_is_refused(character_shards, tmp_path):
    refused = demo(run_ranks, character_shards, tmp_path / "run", "--batch-size", 1)
    assert refused.returncode != 0
    assert "--batch-size is 1; give at least 2, a picture for each of 2 processes" in refused.stderr
    assert not (tmp_path / "run").exists()
