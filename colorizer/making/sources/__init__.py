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
            return Folder(config.folder, Grouping(config.group_by), config.exclude)
        case PairedConfig():
            return PairedFolders(
                config.folder,
                Grouping(config.group_by),
                config.exclude,
                _mending(config),
                COLORS if config.color is None else (config.color.rstrip("/"),),
                tuple(name.rstrip("/") for name in config.line),
            )
        case SideBySideConfig():
            grouping, mending = Grouping(config.group_by), _mending(config)
            return SideBySide(config.folder, grouping, config.exclude, config.line_side, mending)
        case ListConfig():
            grouping = Grouping(config.group_by)
            return ListFile(config.file, grouping, config.exclude, _mending(config))
        case TarsConfig():
            grouping = Grouping(config.group_by, has_json=True)
            return Tars(config.tars, grouping, config.exclude, _mending(config))
        case _:
            raise TypeError(f"no source for {type(config).__name__}")


def _mending(config: PairsConfig) -> Mending:
    return Mending(config.invert_lines, config.whiten)
