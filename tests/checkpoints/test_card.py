"""The model card beside an export: what it says, and what it keeps to itself."""

import json
from dataclasses import replace

import pytest

from colorizer.checkpoints.checkpoint import dump_state, read_state
from colorizer.checkpoints.export import ExportConfig, export
from colorizer.checkpoints.generator_file import find_generator
from colorizer.checkpoints.published import sha256_of
from colorizer.config.networks import GeneratorConfig
from colorizer.system.errors import UserError


def card_of(run, tmp_path, **options):
    output = tmp_path / "out" / "mine.safetensors"
    export(ExportConfig(run, output, **options))
    return output.with_suffix(".md").read_text(), output


def test_a_card_says_what_the_file_is_and_what_it_was_made_of(trained, tmp_path):
    text, output = card_of(trained.output, tmp_path, license="cc-by-4.0")
    _, front, body = text.split("---\n", 2)
    assert front.splitlines()[:2] == ["license: cc-by-4.0", "library_name: colorizer"]
    assert "- colorization" in front
    state = json.loads((trained.output / "checkpoints/step-00000002/state.json").read_text())
    for said in (sha256_of(output), state["data"], "64x64", "copying True", "| Steps | 2 |"):
        assert said in body
    assert f"| `optimizer.generator_lr` | {trained.optimizer.generator_lr} |" in body
    assert find_generator(output, GeneratorConfig).step == 2


def test_no_path_of_the_machine_is_in_it(trained, tmp_path):
    text, _ = card_of(trained.output, tmp_path)
    assert str(tmp_path) not in text and str(trained.data[0]) not in text
    assert "license:" not in text and "| Licence of the weights | not said |" in text


def test_figures_are_those_of_the_checkpoints_last_look(trained, tmp_path):
    state = trained.output / "checkpoints" / "step-00000002" / "state.json"
    changed = read_state(state.parent)
    state.write_text(dump_state(replace(changed, looked=2)))
    with (trained.output / "metrics.jsonl").open("a") as metrics:
        for step, value in ((1, 11.0), (2, 22.125), (3, 33.0)):
            figures = {"held-out/cross/psnr": value, "held-out/cross/l1": 0.25}
            metrics.write(json.dumps({"step": step, **figures, "held-out/seconds": 1.5}) + "\n")
        metrics.write('{"step": 2, "held-out/')  # cut short by a kill
    text, _ = card_of(trained.output, tmp_path)
    assert "| another picture of the same character as reference | 22.12 dB | 0.2500 |" in text
    assert "11.00" not in text and "33.00" not in text and "seconds" not in text


def test_the_newest_sample_grid_of_the_checkpoint_comes_along(trained, tmp_path):
    samples = trained.output / "samples"
    samples.mkdir(exist_ok=True)
    for step in (1, 2, 3):
        (samples / f"step-{step:08d}.png").write_bytes(b"grid %d" % step)
    text, output = card_of(trained.output, tmp_path)
    assert "(mine.png)" in text
    assert output.with_suffix(".png").read_bytes() == b"grid 2"


def test_a_file_alone_has_a_shorter_card(trained, tmp_path):
    _, output = card_of(trained.output, tmp_path)
    text, _ = card_of(output, tmp_path / "again")
    assert "Data's hash" not in text and "copying True" in text


def test_a_card_of_ones_own_is_not_replaced(trained, tmp_path):
    output = tmp_path / "mine.safetensors"
    output.with_suffix(".md").write_text("my words")
    with pytest.raises(UserError, match=r"mine\.md exists already"):
        export(ExportConfig(trained.output, output))
    assert not output.exists()
    export(ExportConfig(trained.output, output, card=False))
    assert output.with_suffix(".md").read_text() == "my words"


@pytest.mark.parametrize("license", ["Apache 2", "mit\nx: y", "---"])
def test_a_license_is_a_short_name(trained, tmp_path, license):
    with pytest.raises(UserError, match="short name"):
        export(ExportConfig(trained.output, tmp_path / "a.safetensors", license=license))
