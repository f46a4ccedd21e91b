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
    kind = KINDS[task]
    if SHIPPED.exists():
        console.warn(
            f"`{SHIPPED}` means the {kind} that comes with the program; for the one in"
            f" {Path.cwd()} give its whole path."
        )
    path = FOLDER / f"{kind}.safetensors"
    if not path.is_file():
        raise UserError(
            f"{path}: missing, since this copy of the program comes without a trained {kind}; give"
            " one of your own, or run `make shipped` in a clone."
        )
    return path
