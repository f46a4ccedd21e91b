"""launch/checkpoint.py import: generators that the authors' released code has trained."""

import os
import pickle
import re
import zipfile
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from colorizer.checkpoints.generator_file import find_generator
from colorizer.checkpoints.released import ImportConfig, fitting_network, import_released
from colorizer.checkpoints.tensor_file import read_tensors
from colorizer.coloring.colorizer import Colorizer
from colorizer.config.networks import GeneratorConfig
from colorizer.config.presets import PRESETS
from colorizer.evaluation.config import EvaluateConfig, MeasureConfig
from colorizer.evaluation.evaluator import evaluate
from colorizer.networks.generator import Generator
from colorizer.system.errors import UserError

NARROW = 0.125  # two channels in the first layer, 124 in a token
METHODS = {
    "attention-aware": GeneratorConfig(width=NARROW),
    "sga": GeneratorConfig(convolutional_attention=False, width=NARROW),
    "scft": GeneratorConfig("scft", False, False, width=NARROW),
}
PAPERS_SIZE = {"attention-aware": 83_952_507, "sga": 83_906_899, "scft": 82_913_907}


def _counted(theirs: str):
    return lambda match: theirs.format(int(match[1]) + 1)


# The released code's names, written down from its classes; .{norm}. is behind CBAM if that is on.
RULES = [
    (r"^line_encoder\.layers\.(\d+)\.", _counted("encoder_sketch.conv_{}.")),
    (r"^reference_encoder\.layers\.(\d+)\.", _counted("encoder_reference.conv_{}.")),
    (r"(?<=_)(\d+)\.conv\.", r"\1.0."),
    (r"(?<=_)(\d+)\.attention\.mlp\.", r"\1.1.channel_attention.fc."),
    (r"(?<=_)(\d+)\.attention\.spatial\.", r"\1.1.spatial_attention.conv."),
    (r"^(encoder_.*)\.norm\.", r"\1.{norm}."),
    (r"^cross_attention\.query\.", "scft.w_q."),
    (r"^cross_attention\.key\.", "scft.w_k."),
    (r"^(cross|self)_attention\.shortcut\.", r"gnn.gcn_\1.src_fc."),
    (r"^(cross|self)_attention\.norm\.", r"gnn.gcn_\1.bn."),
    (r"^residual_blocks\.(\d+)\.body\.", _counted("res_block.block_{}.")),
    (r"^decoder\.first\.(\d+)\.", lambda m: f"unet_decoder.dec_{5 - int(m[1])}_2."),
    (r"^decoder\.second\.(\d+)\.", lambda m: f"unet_decoder.dec_{5 - int(m[1])}_1."),
    (r"^decoder\.head\.", "unet_decoder.fc."),
]
VALUE = {
    "sga": r"gnn.gcn_\1.msg_fc.",
    "attention-aware": r"gnn.gcn_\1.msg_fc.",
    "scft": "scft.w_v.",
}


@cache
def _generator(method: str) -> Generator:
    """One whose every number matters: batch norm's statistics too."""
    torch.manual_seed(0)
    generator = Generator(**asdict(METHODS[method])).eval()
    for module in generator.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            for tensor, low, high in (
                (module.weight.data, 0.5, 1.5),
                (module.bias.data, -0.5, 0.5),
                (module.running_mean, -0.2, 0.2),
                (module.running_var, 0.5, 2.0),
            ):
                tensor.uniform_(low, high)
    return generator


def _released(method: str, generator: nn.Module | None = None) -> dict[str, Tensor]:
    """A state dict as the released code's generator of a method would have."""
    rules = [*RULES, (r"^(cross|self)_attention\.value\.", VALUE[method])]
    norm = "2" if METHODS[method].convolutional_attention else "1"
    state = {}
    for name, tensor in (generator or _generator(method)).state_dict().items():
        if ".attention.mlp." in name:  # linear layers there
            tensor = tensor.flatten(1)
        for ours, theirs in rules:
            name = re.sub(ours, theirs, name)
        state[name.replace("{norm}", norm)] = tensor
    return state


def _saved(tmp_path: Path, content: object, **how: bool) -> Path:
    path = tmp_path / "released.pth"
    torch.save(content, path, **how)
    return path


def _import(path: Path, method: str = "sga", **settings: object) -> Path:
    output = path.with_name("imported.safetensors")
    import_released(ImportConfig(path, method, output, **settings))
    return output


@pytest.mark.parametrize("method", METHODS)
def test_a_generator_with_the_released_names_colours_as_ours_to_the_bit(method, tmp_path, capsys):
    generator = _generator(method)
    path = _saved(
        tmp_path,  # what the released code's train_*.py writes
        {"gen": _released(method, generator), "optim_g": {"state": {}}, "dis": {}, "optim_d": {}},
    )
    imported = _import(path, method, step=105_001)
    assert f"the {method} of {path} (entry 'gen', float32), of width 0.125" in (
        capsys.readouterr().out
    )
    file = find_generator(imported, GeneratorConfig)
    assert (file.network, file.size, file.step) == (METHODS[method], 256, 105_001)
    line, reference = torch.rand(1, 1, 64, 48) * 2 - 1, torch.rand(1, 3, 64, 64) * 2 - 1
    colorizer = Colorizer(imported, "cpu")
    with torch.inference_mode():
        wanted = generator(line, reference).image
        assert torch.equal(colorizer.generator(line, reference).image, wanted)
    assert wanted.std() > 0.05


@pytest.mark.parametrize(
    ("method", "names"),
    [
        (
            "attention-aware",
            [
                *("encoder_sketch.conv_1.0.weight", "encoder_reference.conv_10.2.running_var"),
                *("encoder_sketch.conv_9.1.channel_attention.fc.2.weight", "gnn.gcn_self.bn.bias"),
                *("gnn.gcn_cross.src_fc.weight", "res_block.block_1.0.weight"),
                *("unet_decoder.dec_5_2.0.weight", "unet_decoder.dec_1_1.1.num_batches_tracked"),
                "unet_decoder.fc.weight",
            ],
        ),
        ("sga", ["encoder_reference.conv_10.1.running_var", "gnn.gcn_self.msg_fc.bias"]),
        ("scft", ["scft.w_q.weight", "scft.w_v.bias", "res_block.block_4.4.running_mean"]),
    ],
)
def test_the_names_of_these_tests_are_the_released_ones(method, names):
    assert set(names) <= _released(method).keys()


@pytest.mark.parametrize("method", METHODS)
def test_the_released_width_is_the_papers(method):
    full = replace(METHODS[method], width=1.0)
    with torch.device("meta"):
        state = _released(method, Generator(**asdict(full)))
    assert fitting_network(method, state, Path("their.pth")) == full == PRESETS[method]().network
    parameters = (t.numel() for n, t in state.items() if "running" not in n and "num_" not in n)
    assert sum(parameters) == PAPERS_SIZE[method]


def test_evaluate_takes_it(tmp_path, character_shards, no_weights):
    imported = _import(_saved(tmp_path, _released("sga")), size=64)
    measure = MeasureConfig(modes=("self",), metrics=("psnr",))
    report = evaluate(
        EvaluateConfig(imported, character_shards, tmp_path / "report", measure=measure)
    )
    assert report["figures"]["self"]["psnr"]["mean"] > 0


@pytest.mark.slow
def test_other_ways_to_save_the_same_generator(tmp_path, draw_scene):
    state = _released("sga")
    scene = draw_scene(1, 64, 64)
    wanted = Colorizer(_import(_saved(tmp_path, state)), "cpu").color(scene[..., 0], scene)
    linear = "gnn.gcn_self.src_fc.weight"
    for saved in (
        {f"module.{name}": tensor for name, tensor in state.items()},  # of DataParallel
        {"state_dict": state, "epoch": 3},
        {name: nn.Parameter(t) if t.is_floating_point() else t for name, t in state.items()},
        state | {linear: state[linear].T.contiguous().T},
        {name: t.double() if t.is_floating_point() else t for name, t in state.items()},
    ):
        colorizer = Colorizer(_import(_saved(tmp_path, saved), overwrite=True), "cpu")
        assert np.array_equal(colorizer.color(scene[..., 0], scene), wanted)


def test_half_precision_becomes_float32_without_loss(tmp_path, capsys):
    state = {n: t.half() if t.is_floating_point() else t for n, t in _released("sga").items()}
    tensors = read_tensors(_import(_saved(tmp_path, state)))
    assert "float16" in capsys.readouterr().out
    head = tensors["decoder.head.weight"]
    assert head.dtype == torch.float32
    assert torch.equal(head, state["unet_decoder.fc.weight"].float())


FIRST = "encoder_sketch.conv_1.0.weight"
HEAD = "unet_decoder.fc.weight"


def _changed(**changes: object):
    """sga's state dict with other entries; None: without."""
    state = _released("sga")
    for name, value in changes.items():
        name = {"first": FIRST, "head": HEAD}.get(name, name)
        state[name] = value(state[name]) if callable(value) else value
    return {name: value for name, value in state.items() if value is not None}


REFUSED = {
    "another method's": (lambda: _released("scft"), "looks like scft; give --method scft"),
    "attention-aware's": (lambda: _released("attention-aware"), "looks like attention-aware"),
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
        lambda: {"gen": _released("sga"), "ema": _released("sga")},
        "holds 2 generators .*save one of them alone",
    ),
    "one without its head": (
        lambda: _changed(head=None),
        f"no generator of the released sga: {HEAD} is missing",
    ),
    "one with more": (lambda: _changed(extra=torch.zeros(1)), "extra is unknown"),
    "one of another depth": (
        lambda: {n: t for n, t in _released("sga").items() if "block_4" not in n},
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
    path = _saved(tmp_path, content())
    with pytest.raises(UserError, match=words) as error:
        _import(path)
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
    path = _saved(tmp_path, {"gen": _released("sga"), "notes": _Program(f"touch {trace}")})
    with pytest.raises(UserError, match=r"more than tensors and plain values \(\w+\.system\)"):
        _import(path)
    assert not trace.exists()
    path.write_bytes(pickle.dumps(_Program(f"touch {trace}")))
    with pytest.raises(UserError, match=r"before 1\.6, or another pickle, and is not read"):
        _import(path)
    assert not trace.exists()
    pickle.loads(path.read_bytes())
    assert trace.exists()  # so it would have been


def test_a_whole_module_is_refused_by_its_class(tmp_path):
    path = _saved(tmp_path, nn.Linear(1, 1))
    with pytest.raises(
        UserError, match=r"torch\.nn\.modules\.linear\.Linear.*state_dict\(\) alone"
    ):
        _import(path)


def test_the_old_format_is_refused(tmp_path):
    path = _saved(tmp_path, _released("sga"), _use_new_zipfile_serialization=False)
    with pytest.raises(UserError, match=r"format of torch before 1\.6"):
        _import(path)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.9999])
def test_a_truncated_file_is_refused(share, tmp_path):
    path = _saved(tmp_path, _released("sga"))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(UserError, match=r"cut short or damaged|not what torch\.save writes"):
        _import(path)


@pytest.mark.parametrize(
    "place", [1, 60, 99, *(pytest.param(place, marks=pytest.mark.slow) for place in (30, 90, 97))]
)
def test_a_flipped_bit_is_refused_or_changes_nothing(place, tmp_path):
    path = _saved(tmp_path, _released("sga"))
    wanted = read_tensors(_import(path))
    data = bytearray(path.read_bytes())
    data[len(data) * place // 100] ^= 16
    path.write_bytes(data)
    try:
        tensors = read_tensors(_import(path, overwrite=True))
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
        _import(path)


def test_other_files_are_refused(tmp_path):
    for name, data in (("a.pth", b"hello"), ("b.safetensors", bytes(20))):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UserError, match=r"not what torch\.save writes"):
            _import(tmp_path / name)
    with pytest.raises(UserError, match=r"none\.pth cannot be read: No such file"):
        _import(tmp_path / "none.pth")
    with pytest.raises(UserError, match="cannot be read: Is a directory"):
        _import(tmp_path)
    with zipfile.ZipFile(tmp_path / "c.pth", "w") as archive:
        archive.writestr("hello.txt", "hello")
    with pytest.raises(UserError, match="more than tensors"):
        _import(tmp_path / "c.pth")


def test_settings_and_outputs_are_checked_before_the_file_is_read(tmp_path):
    path = tmp_path / "none.pth"
    for settings, words in (
        ({"size": 250}, "--size is 250; it must be a multiple of 16"),
        ({"size": 0}, "--size is 0"),
        ({"step": -1}, "--step is -1"),
    ):
        with pytest.raises(UserError, match=words):
            _import(path, **settings)
    (tmp_path / "imported.safetensors").write_text("mine")
    with pytest.raises(UserError, match="exists already"):
        _import(path)
    with pytest.raises(UserError, match=r"must end in \.safetensors"):
        import_released(ImportConfig(path, "sga", tmp_path / "a.pth"))
    assert (tmp_path / "imported.safetensors").read_text() == "mine"
