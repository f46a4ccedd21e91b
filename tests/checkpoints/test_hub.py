"""Colorizers on the Hugging Face Hub, which here is a small server of our own."""

import sys

import numpy as np
import pytest
from huggingface_hub import close_session, constants

from colorizer.checkpoints.export import ExportConfig, export
from colorizer.checkpoints.generator_file import find_generator
from colorizer.checkpoints.hub import FILE, PushConfig, push
from colorizer.coloring.colorizer import Colorizer
from colorizer.config.networks import GeneratorConfig
from colorizer.config.shipped import SHIPPED
from colorizer.system.errors import UserError
from tests.helpers import hub as helper
from tests.helpers.shipping import ship_into


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """One that holds nothing yet; the client's cache is empty, and its token is right."""
    with helper.running() as server:
        template = server.address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "ENDPOINT", server.address)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
        monkeypatch.setenv("HF_TOKEN", helper.TOKEN)
        close_session()  # one that was made offline stays so
        yield server
        close_session()


@pytest.fixture
def pushed(hub, trained):
    push(PushConfig(trained.output, "me/mine", license="mit"))
    return hub


def test_what_is_pushed_is_the_generator_and_its_card(hub, trained, capsys):
    push(PushConfig(trained.output, "me/mine", license="mit"))
    assert f"{hub.address}/me/mine: average of step-00000002\n" in capsys.readouterr().out
    files = hub.files["me/mine"]
    assert files.keys() == {FILE, "README.md"}
    card = files["README.md"].decode()
    assert card.startswith("---\nlicense: mit\nlibrary_name: colorizer\n")
    assert 'Colorizer.from_pretrained("me/mine")' in card and "hf download me/mine" in card
    assert str(trained.output) not in card


def test_a_colorizer_comes_back_from_the_hub(pushed, trained, draw_scene):
    scene = draw_scene(1, 70, 60)
    whole, fetched = Colorizer(trained.output), Colorizer.from_pretrained("me/mine")
    assert np.array_equal(whole(scene, scene).picture, fetched(scene, scene).picture)
    assert fetched.file.sha256 == whole.file.sha256


def test_python_pushes_too_with_samples_and_privately(hub, trained):
    samples = trained.output / "samples"
    samples.mkdir(exist_ok=True)
    (samples / "step-00000002.png").write_bytes(b"a grid")
    colorizer = Colorizer.from_pretrained(trained.output)
    address = colorizer.push_to_hub("me/private", private=True)
    assert address == f"{hub.address}/me/private" and hub.private["me/private"]
    assert hub.files["me/private"]["README.png"] == b"a grid"


def test_what_was_fetched_is_used_without_a_network(pushed, monkeypatch):
    first = Colorizer.from_pretrained("me/mine").file
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert Colorizer.from_pretrained("me/mine").file == first


def test_a_local_path_always_wins(pushed, trained, tmp_path, monkeypatch):
    pushed.asked.clear()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "me").mkdir()
    output = tmp_path / "me" / "mine"
    export(ExportConfig(trained.output, tmp_path / "a.safetensors", "generator"))
    (tmp_path / "a.safetensors").rename(output)
    found = Colorizer.from_pretrained("me/mine").file
    assert found.path.resolve() == output and not pushed.asked
    assert found.sha256 != find_generator(trained.output, GeneratorConfig).sha256


def test_the_shipped_colorizer_is_not_looked_for_on_the_hub(hub, tmp_path, monkeypatch):
    ship_into(tmp_path, monkeypatch)
    assert Colorizer.from_pretrained(SHIPPED).file.step == 7
    with pytest.raises(UserError, match="no such run folder"):
        Colorizer.from_pretrained(tmp_path / "none")
    assert not hub.asked


def test_a_damaged_file_of_the_hub_is_not_used(pushed):
    content = bytearray(pushed.files["me/mine"][FILE])
    content[-1] ^= 1
    pushed.files["me/mine"][FILE] = bytes(content)
    with pytest.raises(UserError, match="damaged"):
        Colorizer.from_pretrained("me/mine")


def test_what_the_hub_does_not_have_is_a_sentence(pushed):
    with pytest.raises(UserError, match=r"^me/other: there is no such path here, and on the Hub"):
        Colorizer.from_pretrained("me/other")
    with pytest.raises(UserError, match=r"^me/mine on the Hub has no such revision\.$"):
        Colorizer.from_pretrained("me/mine", revision="v2")
    del pushed.files["me/mine"][FILE]
    with pytest.raises(UserError, match=f"^me/mine on the Hub holds no {FILE}"):
        Colorizer.from_pretrained("me/mine")


def test_no_network_is_a_sentence(hub, trained, monkeypatch):
    cannot = r"^me/mine: there is no such path here, and the Hub cannot be reached"
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match=cannot):
        Colorizer.from_pretrained("me/mine")
    close_session()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(
        constants,
        "HUGGINGFACE_CO_URL_TEMPLATE",
        "http://127.0.0.1:9/{repo_id}/{revision}/{filename}",
    )
    with pytest.raises(UserError, match=cannot):
        Colorizer.from_pretrained("me/mine")
    with pytest.raises(UserError, match="the Hub cannot be reached"):
        push(PushConfig(trained.output, "me/mine"))


@pytest.mark.parametrize("token", ["hf_wrong", None])
def test_a_missing_or_wrong_token_is_a_sentence(hub, trained, monkeypatch, token):
    monkeypatch.delenv("HF_TOKEN")
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(UserError, match=r"^me/mine: the Hub does not let you in; log in with"):
        push(PushConfig(trained.output, "me/mine"))
    assert not hub.files


def test_nothing_is_sent_of_a_bad_push(hub, trained, tmp_path):
    with pytest.raises(UserError, match="give NAME/MODEL"):
        push(PushConfig(trained.output, "mine"))
    with pytest.raises(UserError, match="short name"):
        push(PushConfig(trained.output, "me/mine", license="My Own"))
    with pytest.raises(UserError, match="no such run folder"):
        push(PushConfig(tmp_path / "none", "me/mine"))
    assert not hub.asked


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(UserError, match=r"pip install 'colorizer\[hub\]'"):
        Colorizer.from_pretrained("me/mine")
