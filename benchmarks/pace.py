"""Does ``--concurrency auto`` find an endpoint's room by itself, and is nothing lost on one that refuses and fails?

    python benchmarks/pace.py                # all endpoints, about ten minutes
    python benchmarks/pace.py "200 slots"    # one of them

Each endpoint is a fresh server.py on loopback, with slots (more requests queue) or a rate (more get 429). ``used`` is
the share of its best throughput that ``rmboost`` had in the seconds 30 to 45, counted from its first request.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runner import Call, write_prompts

_HERE = Path(__file__).parent
_FROM, _TO = 30.0, 45.0
_PROMPTS = 2000
Measure = Callable[[str, Path], tuple[str, ...]]
"""A row of a table, from the name of an endpoint and a folder to work in."""


@dataclass(frozen=True)
class Endpoint:
    """A server's options, and the answers a second that it can give at best."""

    best: float
    options: dict[str, float] = field(default_factory=dict)


ENDPOINTS = {
    "4 slots": Endpoint(8, {"slots": 4}),
    "32 slots": Endpoint(64, {"slots": 32}),
    "200 slots": Endpoint(400, {"slots": 200}),
    "200 slots, 2 s": Endpoint(100, {"slots": 200, "latency": 2}),
    "20 requests/s": Endpoint(20, {"rate": 20}),
    "100 requests/s": Endpoint(100, {"rate": 100}),
    "400 requests/s": Endpoint(400, {"rate": 400}),
    "100 requests/s, Retry-After: 1": Endpoint(100, {"rate": 100, "retry-after": 1}),
    "100 requests/s, 10 % refused by chance": Endpoint(100, {"rate": 100, "refuse": 0.1}),
    "100 requests each second": Endpoint(100, {"rate": 100, "window": 1}),
    "100 requests each second, Retry-After: 1": Endpoint(100, {"rate": 100, "window": 1, "retry-after": 1}),
}
FAULTY = {
    "10 % 429, 2 % 500": {"refuse": 0.1, "fail": 0.02, "latency": 0.2},
    "100 requests/s": {"rate": 100, "latency": 0.2},
}


def serve(options: dict[str, float], program: Sequence[str]) -> tuple[list[Call], str]:
    """The calls that a fresh server saw of the program, and what the program printed."""
    serving = [sys.executable, str(_HERE / "server.py"), *(f"--{name}={value}" for name, value in options.items())]
    with subprocess.Popen(serving, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin and server.stdout
        url = server.stdout.readline().strip()
        said = subprocess.run([*program, "--base-url", url], stdout=subprocess.PIPE, text=True).stdout
        server.stdin.close()
        return [Call(*call) for call in json.loads(server.stdout.read())], said


def generate(prompts: Path, output: Path, *more: str) -> list[str]:
    """The command under test."""
    command = ["generate", str(prompts), "-o", str(output), "--model=bench", "--style=plan", "-q", *more]
    return [sys.executable, "-m", "rmboost", *command]


def pace(name: str, folder: Path) -> tuple[str, ...]:
    """What auto makes of an endpoint in its first 45 seconds."""
    endpoint, prompts = ENDPOINTS[name], folder / "prompts.jsonl"
    write_prompts(prompts, int(endpoint.best * _TO))
    output = folder / f"{len(list(folder.iterdir()))}.jsonl"
    calls, _ = serve(endpoint.options, generate(prompts, output, f"--deadline={_TO + 2:.0f}s"))
    start = min(call.received for call in calls)
    good = [call.received + call.latency - start for call in calls if call.status == 200]
    rate = sum(_FROM <= at < _TO for at in good) / (_TO - _FROM)
    refused = sum(call.status == 429 for call in calls) / len(calls)
    return name, f"{endpoint.best:.0f}/s", f"{rate:.0f}/s", f"{rate / endpoint.best:.2f}", f"{100 * refused:.1f} %"


def lost(name: str, folder: Path) -> tuple[str, ...]:
    """Prompts that are lost on a faulty endpoint, by rmboost and by a loop over the openai SDK with two retries."""
    prompts, output = folder / "prompts.jsonl", folder / f"{len(list(folder.iterdir()))}.jsonl"
    write_prompts(prompts, _PROMPTS)
    serve(FAULTY[name], generate(prompts, output))
    kept = len(output.read_bytes().splitlines())
    _, said = serve(FAULTY[name], [sys.executable, str(_HERE / "sdk_loop.py"), str(prompts), "--concurrency=64"])
    return name, str(_PROMPTS), str(_PROMPTS - kept), said.split(" ")[0] or "0"


def main(wanted: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        _table(("endpoint", "best", "after 30 s", "used", "refused"), pace, ENDPOINTS, wanted, Path(temporary))
        print()
        _table(("faults", "prompts", "rmboost lost", "SDK loop lost"), lost, FAULTY, wanted, Path(temporary))


def _table(head: Sequence[str], measure: Measure, names: Iterable[str], wanted: Sequence[str], folder: Path) -> None:
    for cells in (head, ["---"] * len(head)):
        print("|", " | ".join(cells), "|", flush=True)
    for name in names:
        if not wanted or name in wanted:
            print("|", " | ".join(measure(name, folder)), "|", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
