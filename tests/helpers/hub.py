"""A small Hub at a local address: it keeps what is pushed, and speaks of the API what is used."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "hf_of_the_tests"
COMMIT = "c" * 40


class Hub(ThreadingHTTPServer):
    """What it holds, and what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, dict[str, bytes]] = {}  # repository → name → content
        self.asked: list[str] = []
        self.private: dict[str, bool] = {}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing."""

    def do_HEAD(self) -> None:
        self._give(body=False)

    def do_GET(self) -> None:
        self._give(body=True)

    def do_POST(self) -> None:
        self.server.asked.append(f"POST {self.path}")
        data = self.rfile.read(int(self.headers["Content-Length"] or 0))
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._answer(401, {"error": "Invalid username or password."})
        if self.path == "/api/repos/create":
            content = json.loads(data)
            repo_id = f"{content.get('organization') or 'me'}/{content['name']}"
            self.server.files.setdefault(repo_id, {})
            visibility = content.get("visibility", "private" if content.get("private") else "")
            self.server.private[repo_id] = visibility == "private"
            return self._answer(200, {"url": f"{self.server.address}/{repo_id}"})
        if self.path == "/api/validate-yaml":
            return self._answer(200, {"errors": [], "warnings": []})
        owner, name, verb = self.path.removeprefix("/api/models/").split("/")[:3]
        repo_id = f"{owner}/{name}"
        if verb == "preupload":
            files = [
                {"path": f["path"], "uploadMode": "regular", "shouldIgnore": False}
                for f in json.loads(data)["files"]
            ]
            return self._answer(200, {"files": files})
        for line in data.splitlines():
            entry = json.loads(line)
            if entry["key"] == "file":
                content = base64.b64decode(entry["value"]["content"])
                self.server.files[repo_id][entry["value"]["path"]] = content
        url = f"{self.server.address}/{repo_id}/commit/{COMMIT}"
        return self._answer(200, {"commitUrl": url, "commitOid": COMMIT, "success": True})

    def _give(self, body: bool) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        if self.path.startswith("/api/models/"):  # is there such a repository, after a refusal
            repo_id = self.path.removeprefix("/api/models/").partition("?")[0]
            if repo_id in self.server.files:
                return self._answer(200, {"id": repo_id})
            return self._answer(404, {"error": "Repository not found"}, "RepoNotFound")
        owner, name, _, revision, file = self.path.strip("/").split("/", 4)
        files = self.server.files.get(f"{owner}/{name}")
        if files is None:
            return self._answer(404, {"error": "Repository not found"}, "RepoNotFound")
        if revision not in ("main", COMMIT):
            return self._answer(404, {"error": "Invalid rev id"}, "RevisionNotFound")
        if file not in files:
            return self._answer(404, {"error": "Entry not found"}, "EntryNotFound")
        content = files[file]
        self.send_response(200)
        self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)
        return None

    def _answer(self, status: int, content: object, code: str = "") -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if code:
            self.send_header("X-Error-Code", code)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


@contextmanager
def running() -> Iterator[Hub]:
    """The Hub, until the end of the block."""
    with Hub() as hub:
        thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield hub
        finally:
            hub.shutdown()
            thread.join()
