"""How long `rmboost report` takes, and how much memory, on a file of many pairs that this script makes.

python benchmarks/report.py              # 100,000 pairs
python benchmarks/report.py --pairs 5000
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random

WORDS = 20_000
PROMPT, RESPONSE = (20, 80), (80, 260)  # words; the longest word has 10 letters


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pairs.jsonl"
        write(path, arguments.pairs, Random(arguments.seed))
        megabytes = path.stat().st_size / 1e6
        print(f"{arguments.pairs:,} pairs, {megabytes:,.0f} MB")
        print(measured([sys.executable, "-m", "rmboost", "report", str(path), "-o", str(Path(folder) / "report.html")]))


def write(path: Path, pairs: int, random: Random) -> None:
    """Pairs as rmboost writes them: words by Zipf's law, the second response an edit of the first."""
    vocabulary = ["".join(random.choices("aeiounrstlmdcpg", k=random.randint(2, 10))) for _ in range(WORDS)]
    weights = [1 / (rank + 3) for rank in range(WORDS)]
    stream = random.choices(vocabulary, weights, k=2_000_000)
    with path.open("w", encoding="utf-8") as file:
        for number in range(pairs):
            file.write(json.dumps(pair(number, stream, random)) + "\n")


def pair(number: int, stream: list[str], random: Random) -> dict[str, object]:
    """One row; every fifth has a verdict."""
    first, second = text(stream, random, RESPONSE), text(stream, random, RESPONSE)
    second = " ".join([first[: len(first) // 2], second[len(second) // 2 :]])
    better = bool(number % 2)
    winner = "chosen" if random.random() < 0.85 else "rejected"
    return {
        "prompt": text(stream, random, PROMPT),
        "chosen": second if better else first,
        "rejected": first if better else second,
        "label": "better" if better else "worse",
        "aspect": f"aspect-{number % 6}",
        "id": f"{number:08x}#0",
        "rmboost": {"second": "chosen" if better else "rejected"},
        "judge": {"winner": winner if number % 5 == 0 else None, "p_chosen": 0.7, "model": "made-up"},
    }


def text(stream: list[str], random: Random, between: tuple[int, int]) -> str:
    """Words in sentences and paragraphs, some of them in lists."""
    start = random.randrange(len(stream) - between[1])
    words = stream[start : start + random.randint(*between)]
    for place in range(11, len(words), random.randint(9, 15)):
        words[place] += "." if random.random() < 0.8 else ".\n\n- **note**:"
    return " ".join(words)


def measured(command: list[str]) -> str:
    """Wall and CPU seconds and peak memory of a command."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    wall, used = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = used.ru_utime + used.ru_stime
    return f"{wall:.1f} s, {cpu:.1f} s of CPU, {used.ru_maxrss / 1024:,.0f} MB at most"


if __name__ == "__main__":
    main()
