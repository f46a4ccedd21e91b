"""Where VGG-19 is looked for, and what is refused."""

import shutil

import pytest
import torch

from colorizer.errors import UserError
from colorizer.weights import VGG19, find_weights, load_weights


@pytest.fixture
def searched(tmp_path, monkeypatch):
    """An own folder and torch hub's cache, both empty; downloads fail at once."""
    own, hub = tmp_path / "own", tmp_path / "hub"
    monkeypatch.setenv("COLORIZER_WEIGHTS", str(own))
    monkeypatch.setenv("TORCH_HOME", str(hub))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    for folder in (own, hub / "hub" / "checkpoints"):
        folder.mkdir(parents=True)
    return own, hub / "hub" / "checkpoints"


def test_a_path_comes_first_then_the_own_folder_then_the_hub_cache(searched, vgg_file):
    own, hub = searched
    (hub / VGG19.file).touch()
    assert find_weights(VGG19, None) == hub / VGG19.file
    (own / VGG19.file).touch()
    assert find_weights(VGG19, None) == own / VGG19.file
    assert find_weights(VGG19, vgg_file) == vgg_file


def test_a_safetensors_file_is_read(vgg_file):
    assert load_weights(VGG19, vgg_file)["features.0.weight"].shape == (64, 3, 3, 3)


def test_missing_weights_name_file_address_hash_and_places(searched):
    with pytest.raises(UserError) as error:
        load_weights(VGG19, None)
    for words in ("VGG-19", VGG19.url, "dcbb9e9d", str(searched[0]), str(searched[1])):
        assert words in str(error.value)


def test_a_wrong_path_is_refused(tmp_path):
    with pytest.raises(UserError, match="no such VGG-19 file"):
        load_weights(VGG19, tmp_path / "vgg.safetensors")


class _Trap:
    def __reduce__(self):
        return (print, ("a pickle was run",))


def test_a_pickle_with_another_hash_is_not_read(tmp_path, capsys):
    path = tmp_path / "vgg.pth"
    torch.save({"features.0.weight": _Trap()}, path)
    with pytest.raises(UserError, match="sha256"):
        load_weights(VGG19, path)
    assert "a pickle was run" not in capsys.readouterr().out


def test_a_damaged_safetensors_file_is_refused(tmp_path, vgg_file):
    path = tmp_path / "cut.safetensors"
    shutil.copy(vgg_file, path)
    with open(path, "r+b") as file:
        file.truncate(1000)
    with pytest.raises(UserError, match="not a readable safetensors file"):
        load_weights(VGG19, path)
