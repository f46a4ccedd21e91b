"""The trained files that lie in the package, and the word that means them."""

from pathlib import Path

from colorizer.config.networks import ExtractorConfig, GeneratorConfig
from colorizer.system import console
from colorizer.system.errors import UserError

SHIPPED = Path("shipped")  # what a setting says that means the file for its task
FOLDER = Path(__file__).parents[1] / "shipped"
KINDS = {GeneratorConfig.task: "colorizer", ExtractorConfig.task: "extractor"}


def shipped_file(task: str) -> Path:
    """The generator's file that the package holds for a task.

    Args:
        task: Colorization or extraction.

    Raises:
        UserError: this copy of the package holds none.
    """
    _warn_of_namesake()
    kind = KINDS[task]
    path = FOLDER / f"{kind}.safetensors"
    if not path.is_file():
        raise UserError(
            f"{path}: missing, since this copy of the program comes without a trained {kind}; give"
            " one of your own, or run `make shipped` in a clone."
        )
    return path


def shipped_files() -> list[Path]:
    """The generators' files that the package holds, of all tasks.

    Raises:
        UserError: this copy of the package holds none.
    """
    _warn_of_namesake()
    paths = (FOLDER / f"{kind}.safetensors" for kind in KINDS.values())
    held = [path for path in paths if path.is_file()]
    if not held:
        raise UserError(
            f"{FOLDER}: holds no .safetensors file, since this copy of the program comes without"
            " trained networks; give a path of your own, or run `make shipped` in a clone."
        )
    return held


def _warn_of_namesake() -> None:
    """A file or folder of that name in the working directory is not what the word means."""
    if SHIPPED.exists():
        console.warn(
            f"`{SHIPPED}` means what comes with the program; for the one in {Path.cwd()} give its"
            " whole path."
        )
