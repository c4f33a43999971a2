#!/usr/bin/env bash
# Prompts on stdin, pairs on stdout, counts at the end: rmboost as one stage of a pipe.
#
#   bash examples/pipeline.sh                          # with the fake model: made-up text, no server
#   MODEL=local bash examples/pipeline.sh              # with the embedded model
#   MODEL=my-model OPENAI_BASE_URL=http://localhost:8000/v1 bash examples/pipeline.sh
set -euo pipefail

prompts() {
    cat <<'END'
{"prompt": "Why is the sky blue?", "topic": "physics"}
{"prompt": "How long does an egg take to boil?", "topic": "kitchen"}
{"prompt": "What is a haiku?", "topic": "poetry"}
{"prompt": "Write a polite note that declines an invitation.", "topic": "letters"}
END
}

prompts | rmboost generate - -o - --quiet --model "${MODEL:-fake}" | python3 -c '
import json, sys
from collections import Counter

pairs = [json.loads(line) for line in sys.stdin]
for name, count in sorted(Counter(pair["label"] for pair in pairs).items()):
    print(name, count)
'
