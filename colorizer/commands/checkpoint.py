"""Look at the checkpoints of a run, check them, take the generator out, push or import one."""

from collections.abc import Sequence

import tyro

from colorizer.checkpoints.commands import InspectConfig, VerifyConfig, inspect, verify_all
from colorizer.checkpoints.export import ExportConfig, export
from colorizer.checkpoints.hub import PushConfig, push
from colorizer.checkpoints.released import ImportConfig, import_released
from colorizer.commands.command_line import command_line
from colorizer.system import console
from colorizer.system.programs import command, started_as

Command = InspectConfig | VerifyConfig | ExportConfig | PushConfig | ImportConfig


def settings(arguments: Sequence[str] | None = None) -> Command:
    """What the command line asks for; None: that of this process."""
    commands = {
        "inspect": InspectConfig,
        "verify": VerifyConfig,
        "export": ExportConfig,
        "push": PushConfig,
        "import": ImportConfig,
    }
    examples = {
        "verify": "verify runs/mine",
        "inspect": "inspect runs/mine",
        "export": "export runs/mine --output generator.safetensors",
        "push": "push runs/mine NAME/MODEL --license apache-2.0",
        "import": "import FILE.pth --method attention-aware --output generator.safetensors",
    }
    with command_line(command("checkpoint"), examples, arguments):
        return tyro.extras.subcommand_cli_from_dict(
            commands, prog=started_as(), description=__doc__, args=arguments
        )


def run() -> None:
    """Do what the command line asks for."""
    match settings():
        case InspectConfig() as config:
            inspect(config)
        case VerifyConfig() as config:
            verify_all(config)
        case ExportConfig() as config:
            export(config)
        case PushConfig() as config:
            push(config)
        case ImportConfig() as config:
            import_released(config)


def main() -> None:
    """The program `colorizer-checkpoint`, and `launch/checkpoint.py`."""
    console.run(run)


if __name__ == "__main__":
    main()
