"""Networks as ONNX: the graphs compute what torch does, at any size, from any references."""

from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from colorizer.checkpoints import onnx_file
from colorizer.checkpoints.export import ExportConfig, export
from colorizer.checkpoints.onnx_file import Exported, Graph, as_onnx
from colorizer.config.networks import ExtractorConfig
from colorizer.config.presets import COLORIZERS
from colorizer.networks.generator import Features
from colorizer.networks.graphs import features_of
from colorizer.system.errors import UserError
from tests.helpers.exported import random_file, random_network

# Whatever a method is built of: each attention and none, batch norm and none, copying.
METHODS = ("attention-aware", "scft", "ours")
SIZES = ((1, 1), (3, 5), (33, 20))  # in strides; in the last one parts of attention are cut
REFERENCES = ([(2, 3)], [(4, 2), (3, 3), (9, 33)])


def small(preset):
    return replace(COLORIZERS[preset]().network, width=0.125, stages=2, residual_blocks=1)


def run(data, **tensors):
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    return session.run(None, tensors)


@pytest.fixture(scope="module", params=METHODS)
def exported(request):
    """A network, its reader and its painter, for all tests: torch takes its time to write them."""
    generator = random_network(small(request.param))
    return generator, *(graph.data for graph in as_onnx(generator, {}).graphs)


@pytest.mark.slow
def test_the_graphs_colour_as_torch_does(exported):
    generator, reading, painting = exported
    names, stride = features_of(generator), generator.stride
    off = {}
    for height, width in SIZES:
        for several in REFERENCES:
            line = torch.rand(1, 1, height * stride, width * stride) * 2 - 1
            references = [torch.rand(1, 3, h * stride, w * stride) * 2 - 1 for h, w in several]
            read = [run(reading, reference=reference.numpy()) for reference in references]
            joined = {n: np.concatenate(t, 1) for n, *t in zip(names, *read, strict=True)}
            (image,) = run(painting, line=line.numpy(), **joined)
            features = Features.joined([generator.read(reference) for reference in references])
            expected = generator.color(line, features).image.numpy()
            off[height * stride, width * stride, len(several)] = np.abs(image - expected).max()
            assert image.shape == expected.shape
    print({where: f"{value:.1e}" for where, value in off.items()})
    assert max(off.values()) < 1e-5


@pytest.mark.slow
def test_a_batch_of_drawings_is_coloured_together(exported):
    generator, reading, painting = exported
    line, reference = torch.rand(3, 1, 16, 24) * 2 - 1, torch.rand(3, 3, 24, 12) * 2 - 1
    read = run(reading, reference=reference.numpy())
    joined = dict(zip(features_of(generator), read, strict=True))
    (image,) = run(painting, line=line.numpy(), **joined)
    np.testing.assert_allclose(image, generator(line, reference).image, atol=1e-5)


@pytest.mark.slow
def test_no_attention_map_is_held_whole(exported):
    """At 1024 pixels one would take gigabytes; within a scan it is of some queries alone."""
    *_, painting = exported
    operations = [node.op_type for node in onnx.load_from_string(painting).graph.node]
    assert "Scan" in operations and "Softmax" not in operations


@pytest.mark.slow
def test_an_extractor_is_one_graph(tmp_path, capsys):
    config = ExtractorConfig(width=0.125, stages=3)
    path = random_file(tmp_path / "a.safetensors", config)
    export(ExportConfig(path, tmp_path / "lines.onnx", format="onnx"))
    assert "lines.onnx" in capsys.readouterr().out
    color = torch.rand(1, 3, 24, 36) * 2 - 1
    (line,) = run((tmp_path / "lines.onnx").read_bytes(), color=color.numpy())
    np.testing.assert_allclose(line, random_network(config)(color), atol=1e-5)


@pytest.mark.parametrize("off", [0.01, float("nan")])
def test_a_graph_that_is_off_is_not_written(tmp_path, monkeypatch, off):
    wrong = Exported((Graph(".onnx", b"a graph"),), off)
    monkeypatch.setattr(onnx_file, "_extractor", lambda network, about: wrong)
    path = random_file(tmp_path / "a.safetensors", ExtractorConfig(width=0.125, stages=3))
    with pytest.raises(UserError, match=r"off by .* so it is not written"):
        export(ExportConfig(path, tmp_path / "lines.onnx", format="onnx"))
    assert not list(tmp_path.glob("*.onnx"))


def test_an_onnx_export_replaces_nothing_unasked(tmp_path):
    path = random_file(tmp_path / "a.safetensors", small("ours"))
    with pytest.raises(UserError, match=r"must end in \.onnx"):
        export(ExportConfig(path, tmp_path / "b.safetensors", format="onnx"))
    (tmp_path / "mine.painter.onnx").write_text("mine")
    with pytest.raises(UserError, match=r"mine\.painter\.onnx exists already"):
        export(ExportConfig(path, tmp_path / "mine.onnx", format="onnx"))
    assert (tmp_path / "mine.painter.onnx").read_text() == "mine"


def test_missing_packages_are_named(tmp_path, monkeypatch):
    path = random_file(tmp_path / "a.safetensors", small("ours"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"needs onnx, onnxscript, onnxruntime: pip install"):
        export(ExportConfig(path, tmp_path / "b.onnx", format="onnx"))
