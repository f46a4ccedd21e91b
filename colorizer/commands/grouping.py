"""The settings of train.py in groups: a box of `--help` each; options keep their names."""

import dataclasses
from typing import Any, get_type_hints

import tyro
from tyro.constructors import (
    ConstructorRegistry,
    StructConstructorSpec,
    StructFieldSpec,
    StructTypeInfo,
)

from colorizer.config.run import RunConfig

GROUPS = {
    kind.__name__.removesuffix("Settings").lower(): kind for kind in reversed(RunConfig.__bases__)
}
in_groups = ConstructorRegistry()


@in_groups.struct_rule
def _group(info: StructTypeInfo) -> StructConstructorSpec | None:
    """A run's settings as tyro takes nested ones, a box of the help for each group.

    Their options have no prefix, so that they are called as if they were not nested.
    """
    if not (isinstance(info.type, type) and issubclass(info.type, RunConfig)):
        return None
    fields = []
    for name, kind in GROUPS.items():
        default = kind(**{f.name: getattr(info.default, f.name) for f in dataclasses.fields(kind)})
        fields.append(StructFieldSpec(name, tyro.conf.OmitArgPrefixes[kind], default, kind.__doc__))
    grouped = {f.name for kind in GROUPS.values() for f in dataclasses.fields(kind)}
    types = get_type_hints(info.type, include_extras=True)
    fields += [
        StructFieldSpec(f.name, types[f.name], getattr(info.default, f.name))
        for f in dataclasses.fields(info.type)
        if f.init and f.name not in grouped
    ]

    def build(**values: Any) -> RunConfig:
        in_group = [vars(values.pop(name)) for name in GROUPS]
        return info.type(**{k: v for group in in_group for k, v in group.items()}, **values)

    return StructConstructorSpec(build, tuple(fields))
