"""rmboost from Python: make pairs of a few prompts, then read them back.

python examples/api.py            # the fake model: made-up text, no server
python examples/api.py local      # the embedded model
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import rmboost

PROMPTS = [
    "Why is the sky blue?",
    {"prompt": "How long does an egg take to boil?", "topic": "kitchen"},  # other fields travel to the output
    {"messages": [{"role": "user", "content": "What is a haiku?"}]},
]


def main() -> None:
    model = sys.argv[1] if len(sys.argv) > 1 else "fake"
    output = Path("api-pairs.jsonl")
    try:
        summary = rmboost.generate(PROMPTS, output, model=model, rewriter__temperature=0.9)
    except rmboost.RMBoostError as error:
        sys.exit(f"{error.message}\n{error.hint}")
    with output.open(encoding="utf-8") as lines:
        for pair in map(json.loads, lines):
            print(f"{pair['label']:<6}  {pair['aspect']:<12}  {pair['id']}")
    print(f"{summary.tally.kept} of {summary.prompts} kept, {summary.asked} calls asked, {summary.replayed} replayed")


if __name__ == "__main__":
    main()
