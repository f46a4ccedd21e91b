"""What every program's command line takes."""

from itertools import pairwise
from pathlib import Path

import pytest

from colorizer.commands import colorize, evaluate, extract, make_shards, train


def test_a_tilde_means_home_in_every_path(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    config = train.settings(["demo", "--data", "~/a", "b~c", "--output=~/runs/x"])
    assert config.data == (tmp_path / "a", Path("b~c"))
    assert config.output == tmp_path / "runs" / "x"
    config = colorize.settings(
        ["--line=~/cut/*.png", "--reference", "~/r.png", "s.png", "--output", "~", "--points=~/p"]
    )
    assert config.line == tmp_path / "cut" / "*.png"
    assert config.reference == (tmp_path / "r.png", Path("s.png"))
    assert config.output == tmp_path and config.points == tmp_path / "p"
    assert make_shards.settings(["folder", "~/a", "--output=~/b"]).folder == tmp_path / "a"
    config = evaluate.settings(["--checkpoint=~/a", "--data=~/b", "--output=~"])
    assert config.checkpoint == tmp_path / "a"
    assert extract.settings(["--picture=~/a", "--output=~/b"]).picture == tmp_path / "a"


def test_nobody_has_no_home(capsys):
    with pytest.raises(SystemExit):
        colorize.settings(["--line=~nobody-at-all/a.png", "--reference=b.png", "--output=c.png"])
    assert "nobody here is called nobody-at-all" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("width", [70, 110, 160])
def test_the_help_flows_at_every_width(monkeypatch, capsys, width):
    """Its lines end where the terminal's do, not where those of the source end."""
    monkeypatch.setenv("COLUMNS", str(width))
    with pytest.raises(SystemExit):
        make_shards.settings(["folder", "--help"])
    lines = [line.strip("│| ") for line in capsys.readouterr().out.splitlines()]
    begin = next(n for n, line in enumerate(lines) if "A hash of the group" in line)
    end = next(n for n, line in enumerate(lines) if n > begin and "(default" in line)
    longest = max(map(len, lines[begin:end]))
    for line, following in pairwise(lines[begin : end + 1]):
        assert len(line) + 1 + len(following.split()[0]) > longest, line
