"""What is to be made: the settings, and what they name."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colorizer.config.shipped import SHIPPED
from colorizer.making.config import PicturesConfig, ShardsConfig
from colorizer.making.extractor_drawing import ExtractorDrawer
from colorizer.making.line_methods import GivenLines, LineMethod, XDoGLines
from colorizer.making.listing import Listing
from colorizer.making.prepare import Preparation
from colorizer.making.sources import source_of
from colorizer.making.sources.base import Source
from colorizer.making.wanted import Wanted
from colorizer.system import console
from colorizer.system.processes import World

HELD_OUT = 0.05  # share, where neither the settings nor the source say otherwise
DETAIL = 2  # XDoG draws at twice the sample's size


@dataclass(frozen=True)
class Plan:
    """A set of shards to be."""

    config: ShardsConfig
    source: Source
    lines: LineMethod
    drawer: ExtractorDrawer | None = None  # of the lines that workers leave undrawn

    @property
    def output(self) -> Path:
        """The folder that gets train/ and held-out/."""
        return self.config.output

    @property
    def held_out_share(self) -> float | None:
        """None: the source says itself what is held out."""
        if self.source.held_out_folder is not None:
            return None
        return HELD_OUT if self.config.held_out is None else self.config.held_out

    @property
    def preparation(self) -> Preparation:
        """What worker processes have to know."""
        detail = max(DETAIL, self.drawer.lines.scale if self.drawer else 1)
        config = self.config
        return Preparation(self.source, config.size, config.fit, self.lines, detail, self.wanted)

    @property
    def wanted(self) -> Wanted:
        """Which pictures are kept; drawn characters all are."""
        given = self.config
        if not isinstance(given, PicturesConfig):
            return Wanted()
        return Wanted(given.max_pixels, given.max_aspect, given.min_side, given.reject_grey)

    def settings(self, listing: Listing) -> dict[str, Any]:
        """All that determines the shards' content, as JSON values."""
        share = self.held_out_share
        return {
            **self.source.identity,
            "pictures": listing.count,
            "fingerprint": listing.fingerprint(),
            "size": self.config.size,
            "fit": self.config.fit,
            "lines": self.lines.settings,
            "group_by": getattr(self.config, "group_by", None),
            "held_out": f"{self.source.held_out_folder}/" if share is None else share,
            "samples_per_shard": self.config.samples_per_shard,
            **self.wanted.settings,
        }


def plan_of(config: ShardsConfig, world: World) -> Plan:
    """The plan that checked settings make.

    Raises:
        UserError: settings that the source cannot have, or no checkpoint of an extractor.
    """
    source = source_of(config)
    match config.lines:
        case "exact":
            return Plan(config, source, GivenLines("drawn"))
        case "given":
            return Plan(config, source, GivenLines())
        case "xdog":
            return Plan(config, source, XDoGLines(config.xdog))
        case "extractor":
            extractor = config.extractor or SHIPPED
            drawer = ExtractorDrawer(extractor, config.extractor_scale, world.local_rank)
            if extractor == SHIPPED and world.is_first:
                console.say(drawer.about_shipped())
            return Plan(config, source, drawer.lines, drawer)
