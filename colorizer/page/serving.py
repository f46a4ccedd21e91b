"""The page's server: at a local address unless asked, offline, and nothing left behind."""

import os
import signal
import socket
import tempfile
import threading
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

from colorizer.checkpoints.generator_file import about_shipped
from colorizer.coloring.colorizer import Colorizer
from colorizer.config.bounds import check_bounds
from colorizer.config.commands import AppConfig
from colorizer.config.shipped import SHIPPED
from colorizer.page.folders import Programs
from colorizer.page.uploads import Limits
from colorizer.page.work import Desk
from colorizer.system import console
from colorizer.system.errors import UserError

LOCAL = ("127.0.0.1", "localhost")
MOST_PEOPLE = 16  # whose work is kept in memory; the one who was away longest is forgotten first
MOST_WAITING = 32
# The page's own files alone: neither fonts nor scripts nor counters of others, and in no frame.
POLICY = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; frame-ancestors 'self'"
PRIVATE = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_MCP_SERVER": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
}


def serve(config: AppConfig) -> None:
    """Serve the page until the process is told to end; then remove all files of it.

    Raises:
        UserError: the checkpoint cannot be used, the address cannot be answered at, or Gradio is
            not installed.
    """
    check_bounds(config)
    os.environ.update(PRIVATE)
    check_installed()
    port = free_port(config.host, config.port)
    colorizer = Colorizer(config.checkpoint)
    if config.checkpoint == SHIPPED:
        console.say(about_shipped(colorizer.file))
    signal.signal(signal.SIGTERM, _stop)
    with tempfile.TemporaryDirectory(prefix="colorizer-page-") as name:
        folder = Path(name)
        # Like those above, read when Gradio is imported.
        os.environ["GRADIO_TEMP_DIR"] = str(folder / "uploads")
        programs = Programs()
        page = _launched(config, colorizer, folder, port, programs)
        try:
            console.say(f"http://{_shown(config.host)}:{port} is the page; Ctrl-C ends it.")
            threading.Event().wait()
        finally:
            programs.end()
            page.close(verbose=False)


def _launched(config: AppConfig, colorizer: Colorizer, folder: Path, port: int, programs: Programs):
    """The page, being served."""
    import gradio
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    from colorizer.page.events import FolderHandlers
    from colorizer.page.layout import CSS, build, theme

    local = config.host in LOCAL
    desk = Desk(colorizer, Limits(config.max_megabytes, config.max_megapixels), folder)
    page = build(desk, FolderHandlers(config.checkpoint, programs) if local else None)
    # A page elsewhere could make its own name mean this machine, and ask for its folders.
    names = [*LOCAL] if local else ["*"]
    page.queue(max_size=MOST_WAITING, default_concurrency_limit=1)
    page.launch(
        server_name=config.host,
        server_port=port,
        share=False,
        prevent_thread_lock=True,
        quiet=True,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        enable_monitoring=False,
        run_history=False,
        footer_links=["api"],
        max_file_size=config.max_megabytes * gradio.FileSize.MB,
        state_session_capacity=MOST_PEOPLE,
        theme=theme(),
        css=CSS,
        app_kwargs={
            "middleware": [
                Middleware(TrustedHostMiddleware, allowed_hosts=names),
                Middleware(WithPolicy),
            ]
        },
    )
    return page


class WithPolicy:
    """Tells browsers to ask nobody else for anything."""

    def __init__(self, app) -> None:
        self.app = app

    async def __call__(self, scope, receive, send) -> None:
        """Add the header to an answer."""

        async def send_with_policy(message) -> None:
            if message["type"] == "http.response.start":
                policy = (b"content-security-policy", POLICY.encode())
                message = message | {"headers": [*message.get("headers", []), policy]}
            await send(message)

        await self.app(scope, receive, send_with_policy)


def check_installed() -> None:
    """Whether the extra's packages are there.

    Raises:
        UserError: they are not.
    """
    if find_spec("gradio") is None:
        raise UserError("the page needs Gradio; install it: pip install 'colorizer[app]'.")


def free_port(host: str, port: int) -> int:
    """The port; any that is free for 0.

    Raises:
        UserError: it cannot be answered at.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, port), family=family) as server:
            return server.getsockname()[1]
    except OSError as error:
        raise UserError(
            f"--host {host} --port {port}: cannot be answered at ({error.strerror}); give another"
            " --port, or end the program that answers there."
        ) from error


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
