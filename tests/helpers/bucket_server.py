"""A web server on this machine that serves a folder, counts, and can be made to fail."""

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Served:
    """What a server does, which tests change while it runs, and what it has done."""

    url: str
    fault: Callable[[str, int], str | None] = lambda name, time: None  # file, how often it came
    seconds: float = 0.0  # before each answer
    bytes_per_second: float = 0.0  # of each answer; 0: as fast as it goes
    ranges: bool = True  # whether it knows them
    requests: Counter[str] = field(default_factory=Counter)  # by file
    sent: Counter[str] = field(default_factory=Counter)  # bytes, by file


@contextmanager
def serving(folder: Path, port: int = 0) -> Iterator[Served]:
    """Serve a folder at 127.0.0.1."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def _answer(self, body: bool) -> None:
            name = self.path.lstrip("/")
            with lock:
                served.requests[name] += 1
                times = served.requests[name]
            time.sleep(served.seconds)
            fault = served.fault(name, times)
            if fault == "stall":
                stopped.wait()
                return
            if fault and fault.isdigit():
                self.send_error(int(fault))
                return
            path = folder / name
            if not path.is_file():
                self.send_error(404)
                return
            data = path.read_bytes()
            found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            if found and served.ranges:
                start, stop = int(found[1]), int(found[2] or len(data)) + 1
                part = data[start:stop]
                self.send_response(206)
                self.send_header(
                    "Content-Range", f"bytes {start}-{start + len(part) - 1}/{len(data)}"
                )
            else:
                part = data
                self.send_response(200)
            if fault == "flip":
                part = bytes([part[0] ^ 1, *part[1:]])
            self.send_header("Content-Length", str(len(part)))
            self.end_headers()
            if not body:
                return
            if fault == "cut":
                part = part[: len(part) // 2]
                self.close_connection = True
            with lock:
                served.sent[name] += len(part)
            self._send(part)

        def _send(self, part: bytes) -> None:
            step = len(part) or 1
            if served.bytes_per_second:
                step = max(1, int(served.bytes_per_second / 50))
            for start in range(0, len(part), step):
                self.wfile.write(part[start : start + step])
                if served.bytes_per_second:
                    time.sleep(step / served.bytes_per_second)

    lock, stopped = threading.Lock(), threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    served = Served(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        stopped.set()
        server.shutdown()
        server.server_close()
