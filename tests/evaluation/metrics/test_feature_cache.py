"""Features that are kept beside the shards, and what becomes of damaged ones."""

from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file

from colorizer.evaluation.metrics.feature_cache import FeatureCache

FEATURES = torch.randn(10, 48, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def cache_of(tmp_path):
    """`cache_of(sha256="a", pictures="p", folder="features")`, of ten pictures."""

    def make(sha256: str = "a", pictures: str = "p", folder: str = "features") -> FeatureCache:
        inception = SimpleNamespace(sha256=sha256, device=torch.device("cpu"))
        return FeatureCache(tmp_path / folder, pictures, 10, inception)

    return make


def test_features_come_back_as_they_were(cache_of, capsys):
    cache = cache_of()
    assert cache.read() is None
    cache.write(FEATURES)
    assert torch.equal(cache_of().read(), FEATURES)
    assert [path.name for path in cache.path.parent.iterdir()] == [cache.path.name]
    assert capsys.readouterr().err == ""


def test_other_networks_pictures_and_devices_have_files_of_their_own(cache_of, monkeypatch):
    cache_of().write(FEATURES)
    assert cache_of(sha256="b").read() is None
    assert cache_of(pictures="q").read() is None
    monkeypatch.setattr("colorizer.evaluation.metrics.feature_cache.device_name", lambda _: "a GPU")
    assert cache_of().read() is None


@pytest.mark.parametrize("damage", ["bit", "cut", "other content", "not ours", "too few"])
def test_a_file_that_is_not_right_is_not_used(cache_of, capsys, damage):
    cache, other = cache_of(), cache_of(sha256="b")
    cache.write(FEATURES)
    data = bytearray(cache.path.read_bytes())
    if damage == "bit":
        data[-1] ^= 1
        cache.path.write_bytes(data)
    elif damage == "cut":
        cache.path.write_bytes(data[:-100])
    elif damage == "other content":
        other.write(FEATURES)
        other.path.rename(cache.path)
    elif damage == "not ours":
        save_file({"something": torch.zeros(2)}, cache.path)
    else:
        cache.write(FEATURES[:9])
    assert cache.read() is None
    assert "the features are computed again" in capsys.readouterr().err
    cache.write(FEATURES)
    assert torch.equal(cache.read(), FEATURES)


def test_a_folder_that_cannot_be_written_to_costs_a_warning(cache_of, tmp_path, capsys):
    (tmp_path / "file").touch()
    cache = cache_of(folder="file")
    cache.write(FEATURES)
    assert cache.read() is None
    assert "are not kept" in capsys.readouterr().err
