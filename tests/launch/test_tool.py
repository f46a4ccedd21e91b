"""launch/checkpoint.py as a user starts it."""

import subprocess
import sys

from tests.helpers import launching
from tests.helpers.programs import ROOT

SCRIPT = ROOT / "launch" / "checkpoint.py"


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return launching.run([sys.executable, SCRIPT, *arguments])


def test_verify_and_export(trained, tmp_path):
    output = tmp_path / "generator.safetensors"
    exported = run("export", trained.output, "--output", output)
    assert exported.returncode == 0, exported.stderr
    intact = run("verify", output)
    assert (intact.returncode, intact.stderr) == (0, "")
    output.write_bytes(output.read_bytes()[:-5])
    damaged = run("verify", output)
    assert damaged.returncode == 1
    assert str(output) in damaged.stderr and "Traceback" not in damaged.stderr


def test_help_names_the_commands():
    shown = run("--help").stdout
    assert all(command in shown for command in ("inspect", "verify", "export", "import"))
    assert "running average" in run("export", "--help").stdout
    assert "released code" in run("import", "--help").stdout
