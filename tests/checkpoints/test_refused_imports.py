"""launch/checkpoint.py import: files without a released generator, or with more."""

import os
import pickle
import zipfile

import pytest
import torch
from torch import nn

from colorizer.checkpoints.released import ImportConfig, import_released
from colorizer.checkpoints.tensor_file import read_tensors
from colorizer.system.errors import UserError
from tests.helpers.released import import_file, released, save_as

FIRST = "encoder_sketch.conv_1.0.weight"
HEAD = "unet_decoder.fc.weight"


def _changed(**changes: object):
    """sga's state dict with other entries; None: without."""
    state = released("sga")
    for name, value in changes.items():
        name = {"first": FIRST, "head": HEAD}.get(name, name)
        state[name] = value(state[name]) if callable(value) else value
    return {name: value for name, value in state.items() if value is not None}


REFUSED = {
    "another method's": (lambda: released("scft"), "looks like scft; give --method scft"),
    "attention-aware's": (lambda: released("attention-aware"), "looks like attention-aware"),
    "a discriminator's": (
        lambda: {"layer_1.0.weight_orig": torch.zeros(16, 4, 4, 4)},
        "holds the discriminator alone",
    ),
    "a checkpoint without its generator": (
        lambda: {"dis": {"layer_1.0.weight_orig": torch.zeros(1)}, "epoch": 3},
        r"the discriminator alone \(no encoder_sketch.conv_1.0.weight, but dis, epoch\)",
    ),
    "another network's": (lambda: {"a": torch.zeros(1)}, "no generator of the released code"),
    "nothing": (dict, "no generator of the released code"),
    "a list": (lambda: [torch.zeros(1)], "holds a list; give a generator's state dict"),
    "a tensor": (lambda: torch.zeros(1), "holds a Tensor"),
    "two": (
        lambda: {"gen": released("sga"), "ema": released("sga")},
        "holds 2 generators .*save one of them alone",
    ),
    "one without its head": (
        lambda: _changed(head=None),
        f"no generator of the released sga: {HEAD} is missing",
    ),
    "one with more": (lambda: _changed(extra=torch.zeros(1)), "extra is unknown"),
    "one of another depth": (
        lambda: {n: t for n, t in released("sga").items() if "block_4" not in n},
        r"res_block.block_4.0.weight, .* and \d+ more is missing",
    ),
    "one of another shape": (
        lambda: _changed(head=torch.zeros(3, 2, 3, 3)),
        rf"{HEAD} has shape \(3, 2, 3, 3\), expected \(3, 2, 1, 1\)",
    ),
    "one with a first layer of no shape": (
        lambda: _changed(first=torch.tensor(1.0)),
        rf"{FIRST} has shape \(\), expected \(16, 1, 3, 3\)",
    ),
    "one of many channels": (
        lambda: _changed(first=torch.zeros(1).expand(10**12, 1, 3, 3)),
        "larger than the file",
    ),
    "one of repeated numbers": (
        lambda: _changed(head=lambda t: torch.zeros(1).expand(10**9)),
        "larger than the file",
    ),
    "one of whole numbers": (lambda: _changed(head=lambda t: t.long()), f"{HEAD} is of torch.int"),
    "one of complex numbers": (lambda: _changed(head=lambda t: t * 1j), "not a plain tensor"),
    "a sparse one": (lambda: _changed(head=lambda t: t.to_sparse()), "not a plain tensor"),
    "one without memory": (lambda: _changed(head=lambda t: t.to("meta")), "not a plain tensor"),
    "one with a name for a tensor": (lambda: _changed(head="mine"), f"{HEAD} is not a plain"),
    "one with a NaN": (lambda: _changed(head=lambda t: t * torch.nan), f"{HEAD} is not finite"),
    "one beyond float32": (lambda: _changed(head=lambda t: t.double() * 1e300), "is not finite"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_generator_of_the_method_is_refused(what, tmp_path):
    content, words = REFUSED[what]
    path = save_as(tmp_path, content())
    with pytest.raises(UserError, match=words) as error:
        import_file(path)
    assert str(path) in str(error.value)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


class _Program:
    """What runs a command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def test_a_program_in_a_file_is_not_run(tmp_path):
    trace = tmp_path / "trace"
    path = save_as(tmp_path, {"gen": released("sga"), "notes": _Program(f"touch {trace}")})
    with pytest.raises(UserError, match=r"more than tensors and plain values \(\w+\.system\)"):
        import_file(path)
    assert not trace.exists()
    path.write_bytes(pickle.dumps(_Program(f"touch {trace}")))
    with pytest.raises(UserError, match=r"before 1\.6, or another pickle, and is not read"):
        import_file(path)
    assert not trace.exists()
    pickle.loads(path.read_bytes())
    assert trace.exists()  # so it would have been


def test_a_whole_module_is_refused_by_its_class(tmp_path):
    path = save_as(tmp_path, nn.Linear(1, 1))
    with pytest.raises(
        UserError, match=r"torch\.nn\.modules\.linear\.Linear.*state_dict\(\) alone"
    ):
        import_file(path)


def test_the_old_format_is_refused(tmp_path):
    path = save_as(tmp_path, released("sga"), _use_new_zipfile_serialization=False)
    with pytest.raises(UserError, match=r"format of torch before 1\.6"):
        import_file(path)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.9999])
def test_a_truncated_file_is_refused(share, tmp_path):
    path = save_as(tmp_path, released("sga"))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(UserError, match=r"cut short or damaged|not what torch\.save writes"):
        import_file(path)


@pytest.mark.parametrize(
    "place", [1, 60, 99, *(pytest.param(place, marks=pytest.mark.slow) for place in (30, 90, 97))]
)
def test_a_flipped_bit_is_refused_or_changes_nothing(place, tmp_path):
    path = save_as(tmp_path, released("sga"))
    wanted = read_tensors(import_file(path))
    data = bytearray(path.read_bytes())
    data[len(data) * place // 100] ^= 16
    path.write_bytes(data)
    try:
        tensors = read_tensors(import_file(path, overwrite=True))
    except UserError as error:
        refusal = str(error)
    else:
        assert all(torch.equal(tensors[name], tensor) for name, tensor in wanted.items())
        return
    assert str(path) in refusal


def test_a_compressed_archive_is_refused_before_it_is_unpacked(tmp_path):
    path = tmp_path / "bomb.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb/data.pkl", bytes(10_000_000))
    with pytest.raises(UserError, match="is a compressed archive"):
        import_file(path)


def test_other_files_are_refused(tmp_path):
    for name, data in (("a.pth", b"hello"), ("b.safetensors", bytes(20))):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UserError, match=r"not what torch\.save writes"):
            import_file(tmp_path / name)
    with pytest.raises(UserError, match=r"none\.pth cannot be read: No such file"):
        import_file(tmp_path / "none.pth")
    with pytest.raises(UserError, match="cannot be read: Is a directory"):
        import_file(tmp_path)
    with zipfile.ZipFile(tmp_path / "c.pth", "w") as archive:
        archive.writestr("hello.txt", "hello")
    with pytest.raises(UserError, match="more than tensors"):
        import_file(tmp_path / "c.pth")


def test_settings_and_outputs_are_checked_before_the_file_is_read(tmp_path):
    path = tmp_path / "none.pth"
    for settings, words in (
        ({"size": 250}, "--size is 250; it must be a multiple of 16"),
        ({"size": 0}, "--size is 0"),
        ({"step": -1}, "--step is -1"),
    ):
        with pytest.raises(UserError, match=words):
            import_file(path, **settings)
    (tmp_path / "imported.safetensors").write_text("mine")
    with pytest.raises(UserError, match="exists already"):
        import_file(path)
    with pytest.raises(UserError, match=r"must end in \.safetensors"):
        import_released(ImportConfig(path, "sga", tmp_path / "a.pth"))
    assert (tmp_path / "imported.safetensors").read_text() == "mine"
