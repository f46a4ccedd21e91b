"""An import goes down to a lower floor, never up, and never in a circle (CONTRIBUTING.md)."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.programs import ROOT

PACKAGE = ROOT / "colorizer"
FLOORS = (  # lowest first; rooms of one floor do not know each other
    ("networks", "characters", "system"),
    ("remote",),
    ("shards", "pictures", "config"),
    ("loading", "augmentation", "checkpoints", "drawings"),
    ("training", "coloring", "lines"),
    ("evaluation", "making", "page"),
    ("commands",),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


def _imported(path: Path) -> Iterator[str]:
    """Modules of ours that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.startswith("colorizer."))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("colorizer"):
            yield from (f"{node.module}.{name.name}" for name in node.names)


def upward(package: Path) -> list[str]:
    """Imports that do not go down, as sentences."""
    wrong = []
    for path in sorted(package.glob("*/**/*.py")):
        room = path.relative_to(package).parts[0]
        for module in _imported(path):
            other = module.split(".")[1]
            if other != room and FLOOR[other] >= FLOOR[room]:
                wrong.append(f"{path.relative_to(package)} imports {module}")
    return wrong


def circles(package: Path) -> list[str]:
    """Modules that import each other, directly or through others."""
    modules = {
        ".".join(("colorizer", *path.relative_to(package).with_suffix("").parts)): path
        for path in package.rglob("*.py")
    }
    graph = {
        name: {m for i in _imported(path) for m in (i, i.rpartition(".")[0]) if m in modules}
        for name, path in modules.items()
    }
    done: set[str] = set()
    found = []

    def visit(name: str, way: tuple[str, ...]) -> None:
        if name in way:
            found.append(" → ".join((*way[way.index(name) :], name)))
        elif name not in done:
            for other in sorted(graph[name]):
                visit(other, (*way, name))
            done.add(name)

    for name in sorted(graph):
        visit(name, ())
    return found


def test_every_room_has_a_floor():
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert rooms == FLOOR.keys()


def test_imports_go_down():
    assert upward(PACKAGE) == []


def test_nothing_imports_in_a_circle():
    assert circles(PACKAGE) == []


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """`networks/a.py`, `shards/b.py` and `shards/c.py`, of which c imports b and b imports a."""
    for name, text in {
        "networks/a.py": "",
        "shards/b.py": "from colorizer.networks.a import A\n",
        "shards/c.py": "from colorizer.shards import b\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_an_import_upwards_or_to_the_side_is_named(house):
    assert upward(house) == circles(house) == []
    (house / "networks" / "a.py").write_text("import colorizer.shards.b\n")
    (house / "shards" / "c.py").write_text("def late():\n    from colorizer.pictures import grid\n")
    assert upward(house) == [
        "networks/a.py imports colorizer.shards.b",
        "shards/c.py imports colorizer.pictures.grid",
    ]


def test_a_circle_is_named(house):
    (house / "shards" / "b.py").write_text("from colorizer.shards.c import C\n")
    assert circles(house) == ["colorizer.shards.b → colorizer.shards.c → colorizer.shards.b"]
