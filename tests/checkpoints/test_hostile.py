"""Checkpoints and generator files by somebody who means harm, or made by another program."""

import dataclasses
import json
import shutil
import tempfile
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from colorizer.checkpoints import checkpoint
from colorizer.checkpoints.generator_file import describe_generator, find_generator
from colorizer.checkpoints.tensor_file import MAX_HEADER, read_metadata, read_tensors
from colorizer.coloring.colorizer import Colorizer
from colorizer.config.networks import GeneratorConfig
from colorizer.system.errors import UserError
from colorizer.training.train import train
from tests.helpers.states import forge, save


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"files": {"../../secret.safetensors": "0" * 64}}, "no file of a checkpoint"),
        ({"files": {"/etc/passwd": "0" * 64}}, "no file of a checkpoint"),
        ({"files": {"generator.safetensors": "abc"}}, "no sha256"),
        ({"files": {}}, "no generator among its files"),
        ({"step": 1.0}, "step is 1.0"),
        ({"size": 0}, "too small"),
        ({"scaler": []}, r"scaler is \[\]"),
        ({"surprise": 1}, "surprise is unknown"),
        ({"data": ...}, "data is missing"),
        ({"config": 3}, "config is 3"),
        ({"config.task": "pickle"}, "task 'pickle'"),
        ({"config.surprise": 1}, "surprise is unknown"),
        ({"config.network.width": ...}, "network.width is missing"),
        ({"config.network.width": 1e9}, "it must be from 0.01 to 100"),
        ({"config.network.residual_blocks": 10**12}, "it must be from 0 to 100"),
        ({"config.loss.l1": "a"}, "loss.l1 is 'a'"),
        ({"config.optimizer.betas": [0.5]}, "optimizer.betas is"),
        ({"config.network.attention": "x"}, "network.attention is 'x'"),
        ({"config.network.encoder_batch_norm": 1}, "encoder_batch_norm is 1"),
    ],
)
def test_a_state_that_asks_for_something_else_is_refused(tmp_path, changes, words):
    path = save(tmp_path, 1)
    forge(path, **changes)
    with pytest.raises(UserError, match=words) as error:
        checkpoint.verify(path)
    assert str(path / "state.json") in str(error.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[" * 100_000, "nested too deeply"),
        ('{"format": NaN}', "NaN is no JSON"),
        ("[]", "no object"),
        (" " * 1_000_001, "larger than"),
        ("{}", "sha256"),
    ],
)
def test_a_state_that_is_no_state_is_damage(tmp_path, text, words):
    path = save(tmp_path, 1)
    (path / "state.json").write_text(text)
    with pytest.raises(checkpoint.Damaged, match=words):
        checkpoint.verify(path)


def test_a_folder_in_the_place_of_a_file_is_damage(tmp_path):
    path = save(tmp_path, 1)
    (path / "generator.safetensors").unlink()
    (path / "generator.safetensors").mkdir()
    with pytest.raises(checkpoint.Damaged, match="cannot be read: Is a directory"):
        checkpoint.verify(path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@pytest.mark.slow
@given(place=st.integers(0, 10**6), value=JSON, signed=st.booleans())
def test_any_value_in_any_place_is_refused_or_means_the_same(tmp_path, place, value, signed):
    with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
        path = save(Path(folder), 1)
        good = checkpoint.read_state(path)
        content = json.loads((path / "state.json").read_text())
        names = list(_places(content))
        name = names[place % len(names)]
        if signed:
            forge(path, **{name: value})
        else:
            parent = content
            *parents, last = name.split(".")
            for key in parents:
                parent = parent[key]
            parent[last] = value
            (path / "state.json").write_text(json.dumps(content))
        try:
            read = checkpoint.read_state(path)
        except UserError:
            return
        # Accepted: the same, or another value of the right kind with a checksum that fits it.
        assert read == good or signed


def _places(content, prefix=""):
    for key, value in content.items():
        if key == "sha256" or key.endswith(".safetensors"):
            continue
        yield prefix + key
        if isinstance(value, dict):
            yield from _places(value, f"{prefix}{key}.")


# ---- Files of tensors


def test_a_header_without_bounds_is_not_read(tmp_path):
    path = tmp_path / "a.safetensors"
    for length in (MAX_HEADER + 1, 2**63, 200):
        path.write_bytes(length.to_bytes(8, "little") + b"{" * 100)
        with pytest.raises(UserError, match=f"its header has {length} bytes"):
            read_tensors(path)
    with path.open("wb") as file:  # the bytes are there, and still it is too much
        file.write((MAX_HEADER + 1).to_bytes(8, "little"))
        file.truncate(MAX_HEADER + 100)
    with pytest.raises(UserError, match="not a readable"):
        read_metadata(path)


@pytest.mark.parametrize("name", ["a.pt", "a.PTH", "a.ckpt", "a.bin", "a.pkl", "a.safetensors"])
def test_a_pickle_is_refused_unread(tmp_path, name, monkeypatch):
    path = tmp_path / name
    torch.save({"weight": torch.zeros(3)}, path)
    monkeypatch.setattr("pickle.load", None)
    monkeypatch.setattr(torch, "load", None)
    with pytest.raises(UserError, match=r"is a pickle\. Reading a pickle can run any program"):
        read_tensors(path)
    with pytest.raises(UserError, match="is a pickle"):
        Colorizer(path)


@pytest.fixture
def exported(trained, tmp_path):
    """A generator file with its header and tensors, and a function that writes another."""
    path = find_generator(trained.output, GeneratorConfig).path
    tensors = load_file(path)
    header = json.loads(read_metadata(path)["colorizer"])

    def write(tensors, header):
        other = tmp_path / "other.safetensors"
        save_file(tensors, other, {"colorizer": json.dumps(header)})
        return other

    return tensors, header, write


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"size": 128}, "damaged"),
        ({"step": 3}, "damaged"),
        ({"sha256": "0" * 64}, "damaged"),
        ({"size": 65}, "does not describe"),
        ({"size": 10**9}, "does not describe"),
        ({"step": -1}, "does not describe"),
        ({"task": "other"}, "does not describe"),
        ({"task": "extraction"}, "does not describe"),
        ({"surprise": 1}, "does not describe"),
        ({"network": {}}, "does not describe"),
        ({"buckets": True}, "damaged"),
        ({"buckets": False}, "does not describe"),
    ],
)
def test_a_header_that_was_changed_is_refused(exported, changes, words):
    tensors, header, write = exported
    with pytest.raises(UserError, match=words):
        Colorizer(write(tensors, header | changes))


@pytest.mark.parametrize("width", [1e9, float("nan"), -1.0, "1", 99.0])
def test_no_memory_is_taken_for_what_a_header_claims(exported, width):
    tensors, header, write = exported
    path = write(tensors, header | {"network": header["network"] | {"width": width}})
    with pytest.raises(UserError, match=r"does not describe|do not fit"):
        Colorizer(path)


def test_weights_of_another_type_or_not_finite_are_refused(exported):
    tensors, header, write = exported
    name = "decoder.head.weight"

    def described(tensors):
        values = (header[k] for k in ("task", "network", "size", "step"))
        return json.loads(describe_generator(*values, tensors)["colorizer"])

    half = tensors | {name: tensors[name].half()}
    with pytest.raises(UserError, match="do not fit"):
        Colorizer(write(half, described(half)))
    broken = tensors | {name: tensors[name] * float("inf")}
    with pytest.raises(UserError, match="not all of its weights are finite"):
        Colorizer(write(broken, described(broken)))
    Colorizer(write(tensors, described(tensors)))


def test_a_run_whose_tensors_belong_to_another_network_is_not_continued(trained, tmp_path):
    """Every checksum is right: somebody has made it so."""
    path = trained.output / "checkpoints" / "step-00000002"
    other = path / "discriminator.safetensors"
    content = json.loads((path / "state.json").read_text())
    shutil.copy(path / "generator_optimizer.safetensors", other)
    files = content["files"] | {other.name: content["files"]["generator_optimizer.safetensors"]}
    forge(path, files=files)
    with pytest.raises(UserError, match="does not fit the networks of its settings"):
        train(dataclasses.replace(trained, steps=9))
