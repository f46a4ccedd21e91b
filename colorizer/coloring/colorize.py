"""The program that colours drawings."""

from colorizer.checkpoints.generator_file import about_shipped
from colorizer.coloring.colorizer import Colorizer
from colorizer.config.commands import ColorizeConfig
from colorizer.config.shipped import SHIPPED
from colorizer.pictures.grid import write_picture
from colorizer.system import console
from colorizer.system.errors import UserError
from colorizer.system.memory import naming_lack_of_memory
from colorizer.system.storage import check_writable


def colorize(config: ColorizeConfig) -> None:
    """Colour one drawing and write the result.

    Raises:
        UserError: the checkpoint or a picture cannot be read, or the result cannot be written.
    """
    suffix = config.output.suffix.lower()
    if suffix not in (".png", ".jpg", ".jpeg", ".webp"):
        raise UserError(f"{config.output}: the result's name must end in .png, .jpg or .webp.")
    check_writable(config.output.parent)
    colorizer = Colorizer(config.checkpoint)
    if config.checkpoint == SHIPPED:
        console.say(about_shipped(colorizer.file))
    with naming_lack_of_memory("give a smaller --working-size."):
        result = colorizer(config.line, config.reference, config.working_size)
    for note in result.notes:
        console.say(f"{config.line}: {note}")
    write_picture(config.output, result.picture)
    console.say(
        f"{config.output}: {config.line} in the colours of {', '.join(map(str, config.reference))}"
    )
