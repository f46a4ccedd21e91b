"""Where pictures come from: drawn characters, folders, pairs, lists and tars."""

from colorizer.making.config import (
    CharactersConfig,
    FolderConfig,
    ListConfig,
    PairedConfig,
    PairsConfig,
    ShardsConfig,
    SideBySideConfig,
    TarsConfig,
)
from colorizer.making.sources.base import Grouping, Source
from colorizer.making.sources.characters import Characters
from colorizer.making.sources.drawings import Mending
from colorizer.making.sources.folder import Folder, SideBySide
from colorizer.making.sources.list_file import ListFile
from colorizer.making.sources.paired import COLORS, PairedFolders
from colorizer.making.sources.tars import Tars


def source_of(config: ShardsConfig) -> Source:
    """The source that the settings name.

    Raises:
        UserError: settings that it cannot have.
    """
    match config:
        case CharactersConfig():
            return Characters(config)
        case FolderConfig():
            return Folder(config.folder, Grouping(config.group_by))
        case PairedConfig():
            colors = COLORS if config.color is None else (config.color.rstrip("/"),)
            lines = tuple(name.rstrip("/") for name in config.line)
            grouping = Grouping(config.group_by)
            return PairedFolders(config.folder, grouping, _mending(config), colors, lines)
        case SideBySideConfig():
            grouping = Grouping(config.group_by)
            return SideBySide(config.folder, grouping, config.line_side, _mending(config))
        case ListConfig():
            return ListFile(config.file, Grouping(config.group_by), _mending(config))
        case TarsConfig():
            return Tars(config.tars, Grouping(config.group_by, has_json=True), _mending(config))
        case _:
            raise TypeError(f"no source for {type(config).__name__}")


def _mending(config: PairsConfig) -> Mending:
    return Mending(config.invert_lines, config.whiten)
