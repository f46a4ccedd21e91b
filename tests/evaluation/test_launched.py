"""evaluate.py and table1.py as a user starts them: alone and in two processes."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import time

import pytest

from colorizer.shards.reader import ShardReader
from colorizer.shards.writer import ShardWriter
from tests.helpers import launching
from tests.helpers.launching import run_ranks, start
from tests.helpers.programs import ROOT, TORCHRUN

pytestmark = pytest.mark.slow

LAUNCH = ROOT / "launch"
TINY = ["--network.width", "0.125", "--batch-size", "4", "--steps", "1", "--workers", "0"]
# The published Inception cannot be had here; the stand-in passes for it, all else is as it is.
WRAPPER = """
import runpy, sys
from dataclasses import replace
from colorizer.checkpoints import published as weights

weights.INCEPTION = replace(weights.INCEPTION, sha256=sys.argv.pop(1))
sys.argv.pop(0)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def run(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return launching.run([sys.executable, LAUNCH / script, *arguments])


def test_processes_and_shards_change_no_byte_of_the_report(stand_ins, trained, tmp_path):
    reader = ShardReader(trained.held_out_shards)
    for per_shard in (1, 100):
        with ShardWriter(tmp_path / str(per_shard) / "held-out", 64, per_shard, {}) as writer:
            for number in range(len(reader)):
                sample = reader[number]
                writer.write(sample.key, sample.color, sample.line, sample.metadata)
    wrapper = tmp_path / "wrapper.py"
    wrapper.write_text(WRAPPER)
    made = {}
    for run_it, per_shard, batch in (
        (launching.run, 100, 1),
        (run_ranks, 100, 16),
        (run_ranks, 1, 3),
    ):
        name = f"{run_it.__name__}-{per_shard}-{batch}"
        data = tmp_path / name  # a copy: features kept beside the shards are taken each time
        shutil.copytree(tmp_path / str(per_shard), data)
        command = [sys.executable, wrapper, stand_ins.inception_sha256]
        command += [LAUNCH / "evaluate.py", "--checkpoint", trained.output, "--data", data]
        command += ["--output", tmp_path / f"report-{name}", "--batch-size", batch]
        done = run_it(command)
        assert done.returncode == 0, done.stderr
        made[name] = tmp_path / f"report-{name}"
    first, *others = made.values()
    figures = json.loads((first / "report.json").read_text())["figures"]
    assert {"psnr", "lpips-alex", "lpips-vgg", "palette", "fid", "kid"} <= set(figures["random"])
    for other in others:
        assert {p.name for p in other.iterdir()} == {p.name for p in first.iterdir()}
        for path in first.iterdir():  # the same but for the folder's name
            names = [str(tmp_path / f.name.removeprefix("report-")) for f in (other, first)]
            content = (other / path.name).read_bytes()
            assert content.replace(*(name.encode() for name in names)) == path.read_bytes()


def test_what_one_process_finds_ends_all_with_one_sentence(no_weights, trained, tmp_path):
    reader = ShardReader(trained.held_out_shards)
    data = tmp_path / "data"
    with ShardWriter(data / "held-out", 64, 1, {}) as writer:
        for number in range(len(reader)):
            sample = reader[number]
            writer.write(sample.key, sample.color, sample.line, sample.metadata)
        content = bytearray((data / "held-out" / "000005.tar").read_bytes())
    start = content.index(b"RIFF")
    content[start : start + 200] = bytes(200)  # of the second process's share
    (data / "held-out" / "000005.tar").write_bytes(bytes(content))
    index = json.loads((data / "held-out" / "index.json").read_text())
    index["shards"][5]["sha256"] = hashlib.sha256(content).hexdigest()
    (data / "held-out" / "index.json").write_text(json.dumps(index))
    arguments = ("--checkpoint", trained.output, "--data", data, "--output", tmp_path / "report")
    done = launching.run([*TORCHRUN, LAUNCH / "evaluate.py", *arguments, "--modes", "self"])
    assert done.returncode != 0
    assert re.search(r"000005\.tar: sample \S+ is not as it was written", done.stderr)
    assert "Traceback" not in done.stderr.partition("torch/distributed/elastic")[0]
    assert not (tmp_path / "report" / "report.json").exists()


def test_evaluate_prints_the_table(no_weights, trained, tmp_path):
    output = tmp_path / "report"
    arguments = ("--checkpoint", trained.output, "--data", trained.data[0], "--output", output)
    done = run("evaluate.py", *arguments)
    assert done.returncode == 0, done.stderr
    figures = json.loads((output / "report.json").read_text())["figures"]
    assert f"{figures['cross']['psnr']['mean']:.2f} ±" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_metric_asked_for_by_name_that_cannot_be_had_is_an_error(no_weights, trained, tmp_path):
    given = ("--checkpoint", trained.output, "--data", trained.data[0])
    arguments = (*given, "--output", tmp_path / "r")
    done = run("evaluate.py", *arguments, "--metrics", "psnr", "fid")
    assert done.returncode == 1
    assert "--metrics fid cannot be had: the Inception weights were neither" in done.stderr
    assert "Traceback" not in done.stderr and not (tmp_path / "r").exists()


def test_an_evaluation_killed_leaves_no_report_and_ends_the_same(no_weights, trained, tmp_path):
    def arguments(name: str) -> list[str]:
        given = ("--checkpoint", trained.output, "--data", trained.data[0])
        return [*map(str, given), "--output", str(tmp_path / name), "--batch-size", "1"]

    process = start([sys.executable, LAUNCH / "evaluate.py", *arguments("killed")])
    while not (tmp_path / "killed" / "pictures.csv").exists() and process.poll() is None:
        time.sleep(0.002)
    process.kill()
    process.communicate()
    assert not (tmp_path / "killed" / "report.json").exists()
    for name in ("killed", "whole"):
        assert run("evaluate.py", *arguments(name)).returncode == 0
    for path in (tmp_path / "whole").iterdir():
        assert (tmp_path / "killed" / path.name).read_bytes() == path.read_bytes()


def test_weights_are_listed(stand_ins):
    done = run("evaluate.py", "--weights")
    assert done.returncode == 0, done.stderr
    assert f"Looked for in {stand_ins.folder}, then in " in done.stdout
    assert f"{stand_ins.folder / 'vgg16-397923af.safetensors'}, which is not the pub" in done.stdout
    assert "losses: VGG-19  " in done.stdout and "missing; https://" in done.stdout


@pytest.mark.parametrize("run_it", [launching.run, run_ranks])
def test_table1_of_the_demo(no_weights, character_shards, tmp_path, run_it):
    arguments = ["demo", "--data", character_shards, "--output", tmp_path, "--seeds", 1, *TINY]
    done = run_it([sys.executable, LAUNCH / "table1.py", *arguments])
    assert done.returncode == 0, done.stderr
    table = json.loads((tmp_path / "table1.json").read_text())["methods"]
    assert list(table) == ["scft", "scft-ca", "sga", "attention-aware", "ours"]
    assert "Written: " in done.stdout and (tmp_path / "table1.png").exists()


def test_help_says_what_the_settings_do():
    shown = run("evaluate.py", "--help").stdout
    for words in ("--against", "newest intact checkpoint", "--weights.inception", "lpips-alex"):
        assert words in shown
    shown = run("table1.py", "--help").stdout
    for words in ("--seeds", "--measure.metrics", "demo --data", "--loss.l1"):
        assert words in shown
