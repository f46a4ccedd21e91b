"""Generator files on the Hugging Face Hub: fetched by their repository's name, and pushed there."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import tyro

from colorizer.checkpoints.card import check_license, write_card
from colorizer.checkpoints.commands import CheckpointPath
from colorizer.checkpoints.export import Weights, generator_to_export, publish
from colorizer.checkpoints.generator_file import check_whole
from colorizer.checkpoints.tensor_file import read_metadata, read_tensors
from colorizer.config.shipped import SHIPPED
from colorizer.system import console
from colorizer.system.errors import UserError

FILE = "generator.safetensors"  # what a repository calls the generator
CARD = "README.md"
REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


@dataclass(frozen=True)
class PushConfig:
    """Send the generator and its model card to a repository of the Hugging Face Hub."""

    path: CheckpointPath
    """Push from this run folder (its newest intact checkpoint), checkpoint folder or file."""
    repo_id: Annotated[str, tyro.conf.Positional]
    """Push to this repository, NAME/MODEL; it is made if it is not there."""
    weights: Weights = "best"
    """Push the running average, the generator itself, or the average if the run has one."""
    license: str = ""
    """Name the licence of the weights, as Hugging Face does: apache-2.0, cc-by-4.0, other, ..."""
    private: bool = False
    """Make a new repository one that only you see."""


def push(config: PushConfig) -> None:
    """Send a generator and its card to the Hub, and say where they are.

    Raises:
        UserError: there is no generator, or the Hub does not take it.
    """
    source = generator_to_export(config.path, config.weights)
    address = push_generator(source, config.repo_id, config.license, config.private)
    console.say(f"{address}: {source.stem} of {source.parent.name}")


def push_generator(
    source: Path,
    repo_id: str,
    license: str = "",
    private: bool = False,
    token: str | None = None,
) -> str:
    """Send a generator's file, its model card and its run's sample grid.

    Args:
        source: The file: in a checkpoint, or alone.
        repo_id: NAME/MODEL; made if it is not there.
        license: Of the weights, as Hugging Face names it; empty: not said.
        private: A new repository is one that only its owner sees.
        token: What the Hub knows you by; default: that of `hf auth login` or $HF_TOKEN.

    Returns:
        The repository's address.

    Raises:
        UserError: the file is damaged, or the Hub does not take it.
    """
    _check_name(repo_id)
    check_license(license)
    check_whole(source)
    with TemporaryDirectory(prefix="colorizer-") as name, _told(repo_id):
        from huggingface_hub import CommitOperationAdd, HfApi

        folder = Path(name)
        publish(folder / FILE, read_tensors(source), read_metadata(source))
        write_card(folder / CARD, folder / FILE, source, license, repo_id)
        api = HfApi(token=token)
        api.create_repo(repo_id, private=private, exist_ok=True)
        files = [CommitOperationAdd(path.name, path) for path in sorted(folder.iterdir())]
        message = "The generator and its model card"
        commit = api.create_commit(repo_id, files, commit_message=message)
        return str(commit.repo_url)


def found_or_fetched(path: Path | str, revision: str | None = None) -> Path:
    """A local path as it is; what has none and is a repository's name, fetched from the Hub.

    What was fetched before is taken from its cache. The file is one of somebody else: it is
    checked when it is loaded, as every other.

    Args:
        path: Run folder, checkpoint folder, file, `shipped`; or NAME/MODEL.
        revision: Branch, tag or commit of the repository.

    Raises:
        UserError: it is no local path, and the Hub does not have it or cannot be asked.
    """
    if Path(path) == SHIPPED or Path(path).exists() or not REPOSITORY.fullmatch(str(path)):
        return Path(path)
    with _told(str(path)):
        from huggingface_hub import hf_hub_download

        return Path(hf_hub_download(str(path), FILE, revision=revision))


def _check_name(repo_id: str) -> None:
    if not REPOSITORY.fullmatch(repo_id):
        raise UserError(f"{repo_id!r} is no repository's name; give NAME/MODEL.")


@contextmanager
def _told(repo_id: str) -> Iterator[None]:
    """Turn what the Hub's client raises into a sentence.

    Raises:
        UserError: the package is missing, the repository or the file is not there, nobody is
            known by the token, or nobody answers.
    """
    try:
        from huggingface_hub import errors

        # What its HTTP client (httpx, httpx2) raises, of whichever it is built on.
        unanswered: type[Exception] = errors.HfHubHTTPError.__mro__[1]
    except ImportError as error:
        raise UserError(
            f"{repo_id}: what speaks with the Hub is not installed: pip install 'colorizer[hub]'."
        ) from error
    try:
        yield
    except errors.GatedRepoError as error:
        raise UserError(
            f"{repo_id}: its owner has to let you in; ask at its page, and log in with `hf auth"
            " login`."
        ) from error
    except errors.RevisionNotFoundError as error:
        raise UserError(f"{repo_id} on the Hub has no such revision.") from error
    except errors.RepositoryNotFoundError as error:
        raise UserError(
            f"{repo_id}: there is no such path here, and on the Hub no such repository, or none"
            " that it shows you; look at the name, or log in with `hf auth login`."
        ) from error
    except errors.LocalEntryNotFoundError as error:
        raise UserError(_unreachable(repo_id)) from error
    except errors.EntryNotFoundError as error:
        raise UserError(f"{repo_id} on the Hub holds no {FILE}, so it is no colorizer.") from error
    except errors.LocalTokenNotFoundError as error:
        raise UserError(_not_known(repo_id)) from error
    except errors.HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        if status in (401, 403):
            raise UserError(_not_known(repo_id)) from error
        what = str(error).splitlines()[0].rstrip(".")
        raise UserError(f"the Hub refuses {repo_id}: {what}.") from error
    except errors.HFValidationError as error:
        raise UserError(f"{repo_id!r} is no repository's name; give NAME/MODEL.") from error
    except (unanswered, ConnectionError, TimeoutError) as error:  # offline mode, too
        raise UserError(_unreachable(repo_id)) from error
    except OSError as error:
        raise UserError(
            f"{repo_id}: what the Hub sends cannot be kept ({error.strerror}); make room in"
            " HF_HOME."
        ) from error


def _unreachable(repo_id: str) -> str:
    return (
        f"{repo_id}: there is no such path here, and the Hub cannot be reached; look whether there"
        " is a network and HF_HUB_OFFLINE is not set."
    )


def _not_known(repo_id: str) -> str:
    return (
        f"{repo_id}: the Hub does not let you in; log in with `hf auth login`, or set HF_TOKEN to a"
        " token that may write there."
    )
