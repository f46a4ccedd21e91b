"""Reading and writing files at an address, over networks as they are.

What fsspec does once is done again after growing pauses; only what will not change by itself ends
it at once: a file that is not there, a right that is lacking.
"""

import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from colorizer.remote.address import Address
from colorizer.system.errors import UserError

PIECE = 8_000_000  # bytes that are asked for at once
PIECES = 4  # under way at once: each takes a round trip
PATIENCE = 120.0  # seconds for a piece
PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)  # seconds before it is tried again

Answer = TypeVar("Answer")


class NotFetched(UserError):
    """What lies at an address could not be had."""


class Unreachable(NotFetched):
    """An address that did not answer, which it may later."""


# By process and address. None is ever let go: a forked process that did would unhook its parent's
# connections from the event loop that both have, and the parent would wait for ever.
_systems: dict[tuple[int, str], tuple[Any, str]] = {}


def _system_of(address: Address) -> tuple[Any, str]:
    """The file system of this process that reads an address, and what the folder is called there.

    Raises:
        UserError: no package is installed that does.
    """
    key = os.getpid(), str(address)
    if key not in _systems:
        try:
            import fsspec.core

            _systems[key] = fsspec.core.url_to_fs(str(address), skip_instance_cache=True)
        except (ImportError, ValueError) as error:
            raise UserError(
                f"{address} cannot be read by what is installed ({error}); install"
                " colorizer[remote], or the package that the message names."
            ) from error
    return _systems[key]


class Bucket:
    """A folder at an address. It may be used by several threads, not by forked processes."""

    def __init__(self, address: Address) -> None:
        """Nothing is read yet.

        Raises:
            UserError: no package is installed that reads such an address.
        """
        self.address = address
        self._system, self._root = _system_of(address)

    def read(self, name: str, pauses: Sequence[float] | None = None) -> bytes:
        """A whole file, which is small.

        Args:
            name: Below the address.
            pauses: Seconds before it is tried again; None: PAUSES.

        Raises:
            NotFetched: it cannot be read; `Unreachable` if that may change.
        """
        return self._again(name, lambda: self._system.cat_file(self._path(name)), pauses=pauses)

    def pieces(self, name: str, size: int) -> Iterator[bytes]:
        """A file of a known size, piece by piece; several are under way at once.

        Args:
            name: Below the address.
            size: Bytes that the file should have.

        Raises:
            NotFetched: it cannot be read or has another size; `Unreachable` if that may change.
        """

        def piece(start: int) -> bytes:
            return self._again(name, lambda: self._piece(name, start, min(start + PIECE, size)))

        with ThreadPoolExecutor(PIECES) as pool:
            under_way: deque[Future[bytes]] = deque()
            try:
                for start in range(0, size, PIECE):
                    under_way.append(pool.submit(piece, start))
                    if len(under_way) > PIECES:
                        yield under_way.popleft().result()
                while under_way:
                    yield under_way.popleft().result()
            finally:
                pool.shutdown(cancel_futures=True)

    def _piece(self, name: str, start: int, stop: int) -> bytes:
        data = self._system.cat_file(self._path(name), start=start, end=stop)
        if len(data) > stop - start:  # a server that knows no ranges
            data = data[start:stop]
        if len(data) < stop - start:
            raise EOFError(f"it ended at byte {start + len(data)}")
        return data

    def write(self, path: Path, name: str) -> None:
        """Put a file there, in the place of an older one.

        Raises:
            NotFetched: it cannot be written; `Unreachable` if that may change.
        """
        target = self._path(name)

        def put() -> None:
            self._system.makedirs(target.rpartition("/")[0], exist_ok=True)
            self._system.put_file(str(path), target)

        self._again(name, put, "written")

    def files(self, name: str = "") -> dict[str, int]:
        """Bytes of each file directly in a folder, by name; none if it is not there.

        Raises:
            NotFetched: it cannot be listed; `Unreachable` if that may change.
        """
        return {file: size for file, size in self._list(name) if size is not None}

    def folders(self, name: str = "") -> list[str]:
        """Names of the folders directly in a folder, sorted; none if it is not there.

        Raises:
            NotFetched: it cannot be listed; `Unreachable` if that may change.
        """
        return sorted(folder for folder, size in self._list(name) if size is None)

    def _list(self, name: str) -> list[tuple[str, int | None]]:
        """Names in a folder, with the bytes of what is a file."""

        def listed() -> list[dict[str, Any]]:
            self._system.invalidate_cache()
            try:
                return self._system.ls(self._path(name), detail=True)
            except FileNotFoundError:
                return []

        return [
            (
                entry["name"].rstrip("/").rpartition("/")[2],
                entry["size"] if entry["type"] == "file" else None,
            )
            for entry in self._again(name, listed, "listed")
        ]

    def remove(self, name: str) -> None:
        """Remove a folder with all that it holds, if it is there.

        Raises:
            NotFetched: it cannot be removed; `Unreachable` if that may change.
        """

        def removed() -> None:
            try:
                self._system.rm(self._path(name), recursive=True)
            except FileNotFoundError:
                return

        self._again(name, removed, "removed")

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    def _again(
        self,
        name: str,
        do: Callable[[], Answer],
        done: str = "read",
        pauses: Sequence[float] | None = None,
    ) -> Answer:
        """What `do` gives, which is tried again after growing pauses.

        Raises:
            NotFetched: it will not get better, or is not better after all pauses (`Unreachable`).
        """
        place = self.address / name if name else self.address
        pauses = PAUSES if pauses is None else pauses
        left = iter(pauses)
        while True:
            try:
                return within(PATIENCE, do)
            except Exception as error:  # each service has its own
                if remedy := _remedy(error):
                    raise NotFetched(
                        f"{place} cannot be {done}: {_said(error)}; {remedy}."
                    ) from error
                pause = next(left, None)
                if pause is None:
                    raise Unreachable(
                        f"{place} cannot be {done}: {_said(error)}, also when tried again for"
                        f" {sum(pauses):.0f} s; look whether the network works, then run the same"
                        " command again."
                    ) from error
            time.sleep(pause)


def _said(error: Exception) -> str:
    """What is wrong, in a line."""
    text = next(iter(str(error).strip().splitlines()), "")
    return text or type(error).__name__


def _status_of(error: Exception) -> int | None:
    """HTTP's, as aiohttp, gcsfs, huggingface_hub and botocore say it."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):  # botocore's
        return response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    holders = ((error, "status"), (error, "code"), (response, "status_code"))
    values = (getattr(holder, name, None) for holder, name in holders)
    return next((value for value in values if isinstance(value, int)), None)


def _remedy(error: Exception) -> str | None:
    """What to do where trying again is of no use; None: it may be."""
    status = _status_of(error)
    if isinstance(error, FileNotFoundError) or status in (404, 410):
        return "look at the address, and whether the copy there is complete"
    lacking = "Credentials" in type(error).__name__  # botocore's NoCredentialsError and others
    if isinstance(error, PermissionError) or status in (401, 403) or lacking:
        return "sign in as docs/remote.md says, with the right to do that"
    if isinstance(error, IsADirectoryError | NotADirectoryError) or status in (400, 405, 416):
        return "look at the address"
    return None


def within(seconds: float, do: Callable[[], Answer]) -> Answer:
    """What `do` gives, unless it takes longer: then it is left alone, in a thread of its own.

    Raises:
        TimeoutError: it has not ended.
        Exception: whatever it raises.
    """
    answers: queue.Queue[tuple[Any, BaseException | None]] = queue.Queue()

    def ask() -> None:
        try:
            answers.put((do(), None))
        except BaseException as error:  # raised again below
            answers.put((None, error))

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer, error = answers.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"no answer in {seconds:g} s") from None
    if error is not None:
        raise error
    return answer
