"""The collection that tests of making shards fill."""

from pathlib import Path

import pytest

from colorizer.making.config import FolderConfig
from tests.helpers.making import without_workers


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderConfig:
    """An empty folder, into shards of 32, prepared in this process."""
    without_workers(monkeypatch)
    (tmp_path / "pictures").mkdir()
    return FolderConfig(folder=tmp_path / "pictures", output=tmp_path / "made", size=32)
