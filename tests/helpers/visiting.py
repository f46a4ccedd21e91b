"""People who visit the page: one through Chromium, one through Gradio's own client."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from playwright.sync_api import Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
PATIENCE = 120_000  # milliseconds


class Caller:
    """Uses the named endpoints."""

    def __init__(self, url: str, downloads: Path) -> None:
        self._client = Client(url, download_files=downloads, verbose=False)
        self.answered: list[str] = [url]  # where from
        self._given: list[Any] = []
        self._shown: tuple[Any, ...] = ()
        self._kinds = ["result"]
        self._points = ""

    def upload(self, drawing: Path, references: Sequence[Path]) -> None:
        self._given = [handle_file(drawing), [handle_file(path) for path in references]]

    def color(self) -> str:
        """Press Colour; what is said then."""
        self._call("/color")
        return self._shown[3]

    def refused(self, path: Path) -> str:
        """What is said of a file as the drawing."""
        try:
            self.upload(path, [path])
            self._call("/color")
        except AppError as error:
            return str(error)
        raise AssertionError("taken")

    def set_point(self) -> str:
        """Set a point in the middle; the list of points."""
        self._points += "60 45 #102030\n"
        self._call("/correct")
        return self._points

    def wipe(self) -> None:
        drawing, result = self._shown[1]
        assert Path(drawing).stat().st_size and Path(result).stat().st_size

    def download(self) -> Path:
        (path,) = self._shown[2]
        return Path(path)

    def _call(self, name: str) -> None:
        self._shown = self._client.predict(*self._given, self._points, self._kinds, api_name=name)

    def close(self) -> None:
        self._client.close()


class Browsing:
    """Looks at the page and clicks."""

    def __init__(self, page: Page, url: str, downloads: Path) -> None:
        self._page = page
        self._downloads = downloads
        self.answered: list[str] = []  # where from
        page.set_default_timeout(PATIENCE)
        page.on("response", lambda response: self.answered.append(response.url))
        page.goto(url)
        page.wait_for_selector("#examples img")

    def upload(self, drawing: Path, references: Sequence[Path]) -> None:
        self._drop("#drawing", drawing)
        self._page.wait_for_selector("#result img")
        self._drop("#references", *references)
        self._page.wait_for_selector("#sheet img")

    def color(self) -> str:
        """Press Colour; what is said then."""
        self._page.click("#color")
        self._page.wait_for_selector("#files a")
        self._wait_for_files()
        return self._page.inner_text("#status")

    def refused(self, path: Path) -> str:
        """What is said of a file as the drawing."""
        self._drop("#drawing", path)
        message = self._page.locator(".toast-body", has_text=path.name)
        message.wait_for()
        said = message.inner_text()
        message.locator(".toast-close").click()
        self._page.wait_for_selector("#drawing input[type=file]", state="attached")
        return said

    def set_point(self) -> str:
        """Take a colour of the reference for a point in the middle; the list of points."""
        before = self._page.get_attribute("#files a", "href")
        picker = self._page.inner_html("#picker")
        self._page.click("#sheet img")
        self._page.wait_for_function(
            "shown => document.querySelector('#picker').innerHTML != shown", arg=picker
        )
        self._page.click("#result img")
        self._page.wait_for_function(
            "href => document.querySelector('#files a')?.getAttribute('href') != href", arg=before
        )
        self._wait_for_files()
        return self._page.input_value("#points textarea")

    def wipe(self) -> None:
        """Move the wipe to the left."""
        self._page.get_by_role("tab", name="Wipe").click()
        handle = self._page.locator("#wipe .inner")
        handle.wait_for()
        before = handle.bounding_box()
        self._page.mouse.move(before["x"] + before["width"] / 2, before["y"] + 60)
        self._page.mouse.down()
        self._page.mouse.move(before["x"] - 100, before["y"] + 60, steps=4)
        self._page.mouse.up()
        assert handle.bounding_box()["x"] < before["x"] - 50
        assert self._page.locator("#wipe img").count() == 2
        self._page.get_by_role("tab", name="Picture").click()

    def download(self) -> Path:
        with self._page.expect_download() as coming:
            self._page.click("#files a")
        path = self._downloads / coming.value.suggested_filename
        coming.value.save_as(path)
        return path

    def _drop(self, place: str, *paths: Path) -> None:
        clear = self._page.locator(f"{place} button[aria-label=Clear]")
        if clear.count():
            clear.click()
        self._page.set_input_files(f"{place} input[type=file]", paths)

    def _wait_for_files(self) -> None:
        self._page.wait_for_function(
            "(() => { const said = document.querySelector('#status').innerText;"
            " return said.startsWith('Coloured') && !said.includes('Writing') })()"
        )

    def close(self) -> None:
        self._page.close()


@contextmanager
def visit(kind: type, url: str, downloads: Path) -> Iterator[Any]:
    """One of these people."""
    if kind is Caller:
        yield Caller(url, downloads)
        return
    with sync_playwright() as playwright:
        # Chromium refuses to run as root in its sandbox.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield Browsing(browser.new_page(), url, downloads)
        finally:
            browser.close()


VISITORS = [Caller, Browsing] if CHROMIUM else [Caller]
