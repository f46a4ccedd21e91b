"""The process that tests.helpers.forking forks programs off; a program of its own."""

import contextlib
import gc
import importlib
import json
import os
import random
import runpy
import select
import signal
import socket
import sys

MODULES = (
    *("colorizer.commands.train", "colorizer.commands.table1", "colorizer.commands.evaluate"),
    *("colorizer.commands.colorize", "colorizer.commands.extract"),
    *("colorizer.commands.make_shards", "colorizer.commands.checkpoint"),
    # What they import late, or torch does for them.
    *("torch._dynamo", "torch._inductor", "torch.distributed.run", "torchvision"),
    *("tyro.extras", "tyro._backends._tyro_backend", "matplotlib.pyplot", "PIL.features"),
)
MOST_BYTES = 2**20  # of a request


def serve(requests: socket.socket) -> str:
    """Fork a process for each request until nobody can ask any more.

    Returns:
        Only in the processes that were forked, ready to be a program: its script.
    """
    running: dict[int, int] = {}  # process → where its exit status is waited for
    heard, told = os.pipe()
    os.set_blocking(told, False)
    signal.set_wakeup_fd(told)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        ready, _, _ = select.select([requests, heard], [], [])
        if heard in ready:
            os.read(heard, 4096)
            _tell_of_ended(running)
        if requests not in ready:
            continue
        content, files, _, _ = socket.recv_fds(requests, MOST_BYTES, 3)
        if not content:
            os._exit(0)  # whoever asked is gone; what still runs goes on
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for file in (requests.detach(), heard, told, *running.values()):
                os.close(file)
            return _become(json.loads(content), *files)
        running[pid] = files.pop()
        for file in files:
            os.close(file)


def _tell_of_ended(running: dict[int, int]) -> None:
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        file = running.pop(pid)
        with contextlib.suppress(BrokenPipeError):  # nobody waits
            os.write(file, b"%d\n" % os.waitstatus_to_exitcode(status))
        os.close(file)


def _become(request: dict, stdout: int, stderr: int, status: int) -> str:
    """What a new program is given."""
    os.setsid()
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    # The server's own may be files; these are pipes, which Python's streams find out once.
    sys.stdout, sys.stderr = (
        open(number, "w", buffering=1, encoding="utf-8", errors=errors, closefd=False)  # noqa: SIM115
        for number, errors in ((1, "surrogateescape"), (2, "backslashreplace"))
    )
    os.write(status, b"%d\n" % os.getpid())
    for file in (stdout, stderr, status):
        os.close(file)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["cwd"])
    sys.argv = [request["script"], *request["arguments"]]
    sys.path[0] = os.path.dirname(request["script"])
    random.seed()
    return request["script"]


if __name__ == "__main__":
    for module in MODULES:
        importlib.import_module(module)
    reporting = importlib.import_module("colorizer.training.reporting")
    # As in tests/conftest.py: drawing takes a second each time.
    reporting.draw_curves = lambda *paths: None
    gc.freeze()
    runpy.run_path(serve(socket.socket(fileno=int(sys.argv[1]))), run_name="__main__")
