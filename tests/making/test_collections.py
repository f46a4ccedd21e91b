"""Collections as people have them: what is counted, bounded and left out on request."""

from dataclasses import replace
from pathlib import Path

import pytest

from colorizer.commands.make_shards import print_report
from colorizer.making.config import FolderConfig
from colorizer.making.pipeline import make_shards
from tests.helpers.making import noise, save, without_workers


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderConfig:
    """An empty folder, into shards of 32, prepared in this process."""
    without_workers(monkeypatch)
    (tmp_path / "pictures").mkdir()
    return FolderConfig(folder=tmp_path / "pictures", output=tmp_path / "made", size=32)


def test_broken_colour_profiles_are_counted(
    config: FolderConfig, capsys: pytest.CaptureFixture
) -> None:
    for number in range(4):
        options = {"icc_profile": b"broken"} if number < 3 else {}
        save(config.folder / f"{number}.png", noise(number), **options)
    report = make_shards(config)
    assert (report.train + report.held_out, report.remarks["colour profile ignored"]) == (4, 3)
    print_report(report)
    assert "kept: colour profile ignored" in capsys.readouterr().out
