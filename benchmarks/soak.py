"""Kills a run at random moments, hundreds of times over, and looks whether anything was lost.

    python benchmarks/soak.py --kills 300

A run asks tests/chat_server.py on loopback, 64 calls at once, with a check so strict that many pairs are drawn again
and some are rejected. It is killed (SIGKILL) at any time, at its start as well as between two answers, and started
again until it is finished. Then its files must be those of a run that nobody killed, ``rmboost verify`` must prove
them, and no more calls may have been asked twice than were in flight at the kills. Another round begins.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from chat_server import Call, ChatServer

_STRICT = "checks=[form, echo, leak, refusal, {name: similarity, max_similarity: 0.27}]"
_RMBOOST = [sys.executable, "-m", "rmboost"]


def command(prompts: Path, output: Path, url: str, in_flight: int) -> list[str]:
    """The run that is killed."""
    options = ["--model=test-model", f"--base-url={url}", f"--concurrency={in_flight}", "--set", _STRICT, "-q"]
    return [*_RMBOOST, "generate", str(prompts), "-o", str(output), *options]


def files(output: Path) -> tuple[bytes, bytes]:
    """Pairs and rejects."""
    return output.read_bytes(), (output.with_suffix(".run") / "rejects.jsonl").read_bytes()


def killed(arguments: list[str], server: ChatServer, calls: int, seconds: float) -> bool:
    """Start the run and kill it so long after the server saw so many more calls; False: it had ended before.

    By calls and not by time alone, as a start takes long on a busy machine, and runs would be killed before they begin.
    """
    target = len(server.calls) + calls
    with subprocess.Popen(arguments) as process:
        timer = threading.Timer(seconds, process.kill)

        def watch(_: Call) -> None:
            if len(server.calls) == target:
                timer.start()

        server.script = watch
        if calls == 0:
            timer.start()
        code = process.wait()
        server.script = ()
        timer.cancel()
    if code not in (0, -signal.SIGKILL):
        sys.exit(f"the run ended with {code}")
    return code != 0


def moment(random: Random, in_flight: int) -> tuple[int, float]:
    """Calls, and seconds after them: at the start of a run every fifth time."""
    if random.random() < 0.2:
        return 0, random.uniform(0, 1)
    return random.randint(1, 6 * in_flight), random.uniform(0, 0.1)


def play_round(prompts: Path, output: Path, given: argparse.Namespace, random: Random) -> tuple[int, int]:
    """Kill the run until it is finished; how often that was, and how many calls were asked twice."""
    kills = 0
    with ChatServer(latency=given.latency) as server:
        arguments = command(prompts, output, server.url, given.in_flight)
        while killed(arguments, server, *moment(random, given.in_flight)):
            kills += 1
        asked = Counter(str(call.body) for call in server.calls)
    return kills, asked.total() - len(asked)


def check(output: Path, wanted: tuple[bytes, bytes], kills: int, twice: int, in_flight: int) -> None:
    """Leave with an error when anything was lost, or paid for without need."""
    if files(output) != wanted:
        sys.exit(f"{output}: other bytes than those of a run that nobody killed")
    if twice > kills * in_flight:
        sys.exit(f"{twice} calls were asked twice after {kills} kills with {in_flight} in flight")
    if subprocess.run([*_RMBOOST, "verify", str(output)], stdout=subprocess.DEVNULL, check=False).returncode:
        sys.exit(f"{output}: rmboost verify found a difference")


def main(given: argparse.Namespace) -> None:
    random, started = Random(given.seed), time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prompts = folder / "prompts.txt"
        prompts.write_text("".join(f"Why is number {number} a good number?\n" for number in range(given.prompts)))
        with ChatServer() as server:
            subprocess.run(command(prompts, folder / "calm.jsonl", server.url, given.in_flight), check=True)
        wanted, total = files(folder / "calm.jsonl"), 0
        rows = [part.count(b"\n") for part in wanted]
        print(f"{given.prompts} prompts, {given.in_flight} in flight: {rows[0]} pairs, {rows[1]} rejects", flush=True)
        number = 0
        while total < given.kills:
            number += 1
            output = folder / f"round{number}.jsonl"
            kills, twice = play_round(prompts, output, given, random)
            check(output, wanted, kills, twice, given.in_flight)
            total += kills
            print(f"round {number}: {kills} kills, {twice} calls asked twice, the same bytes", flush=True)
        print(f"{total} kills in {time.monotonic() - started:.0f} s, nothing lost")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kills", type=int, default=300)
    options.add_argument("--prompts", type=int, default=1500, help="of each round")
    options.add_argument("--in-flight", type=int, default=64)
    options.add_argument("--latency", type=float, default=0.05, help="seconds until each answer")
    options.add_argument("--seed", type=int, default=0)
    main(options.parse_args())
