"""Preference files: the pairs of any file that trainers read, as a stream of rows.

    for row in Preferences(Path("pairs.jsonl")):
        row.prompt, row.texts, row.data

Read are our own files and rejects; TRL's standard and conversational shapes, with the prompt or without; Anthropic's
HH transcripts; UltraFeedback, binarized; LLaMA-Factory's, Axolotl's and ms-swift's; the prompt in any column that
``shapes`` names; as JSON lines (also gzipped), a JSON array, CSV, parquet, or the folder that ``datasets`` saves to
disk.
"""

from rmboost.preferences.reader import Preferences, no_such_file
from rmboost.preferences.row import PAIR, REJECT, Row, parse
from rmboost.preferences.shapes import Turn

__all__ = ["PAIR", "REJECT", "Preferences", "Row", "Turn", "no_such_file", "parse"]
