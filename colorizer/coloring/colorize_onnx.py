"""The program that colours a drawing with an exported colorizer."""

from colorizer.coloring.onnx_colorizer import OnnxColorizer
from colorizer.config.commands import OnnxConfig
from colorizer.pictures.grid import write_picture
from colorizer.system import console
from colorizer.system.errors import UserError
from colorizer.system.storage import check_writable

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


def colorize_onnx(config: OnnxConfig) -> None:
    """Colour one drawing and write the result.

    Raises:
        UserError: the model or a picture cannot be read, or the result cannot be written.
    """
    if config.output.suffix.lower() not in SUFFIXES:
        raise UserError(f"{config.output}: the result's name must end in .png, .jpg or .webp.")
    check_writable(config.output.parent)
    colorizer = OnnxColorizer(config.model)
    result = colorizer(config.line, config.reference, config.working_size)
    for note in result.notes:
        console.say(f"{config.line}: {note}")
    write_picture(config.output, result.picture)
    references = ", ".join(map(str, config.reference))
    console.say(f"{config.output}: {config.line} in the colours of {references}")
