"""Whether two models are related: a judge prefers what its own family wrote.

Li et al., Preference Leakage, arXiv 2502.01534: a judge that is the generator, was trained on its outputs, or is of its
family favours what it wrote. Of the three, names tell the first and the last, and distilled models often the second.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_FAMILIES = {
    "aya": "cohere",
    "baichuan": "baichuan",
    "c4ai": "cohere",
    "chatglm": "glm",
    "chatgpt": "gpt",
    "claude": "claude",
    "codestral": "mistral",
    "command": "cohere",
    "deepseek": "deepseek",
    "devstral": "mistral",
    "ernie": "ernie",
    "falcon": "falcon",
    "gemini": "google",
    "gemma": "google",
    "glm": "glm",
    "gpt": "gpt",
    "granite": "granite",
    "grok": "grok",
    "internlm": "internlm",
    "kimi": "kimi",
    "llama": "llama",
    "magistral": "mistral",
    "minimax": "minimax",
    "ministral": "mistral",
    "mistral": "mistral",
    "mixtral": "mistral",
    "nemotron": "nemotron",
    "o1": "gpt",
    "o3": "gpt",
    "o4": "gpt",
    "olmo": "olmo",
    "phi": "phi",
    "qwen": "qwen",
    "qwq": "qwen",
    "smollm": "smollm",
    "vicuna": "llama",
    "yi": "yi",
}
_WORD = re.compile(r"\bo\d\b|[a-z]+")


def families(model: str) -> frozenset[str]:
    """The families that a model's name tells of; a distilled one is of two, one of an unknown name is of none.

    The rule: after the last ``/``, every run of letters that is, or ends or begins with, the name of a family:
    ``Meta-Llama-3.1-8B``, ``CodeLlama``, ``DeepSeek-R1-Distill-Qwen-7B``.
    """
    words = _WORD.findall(model.lower().rsplit("/", 1)[-1].removeprefix("local:"))
    return frozenset(family for word in words for name, family in _FAMILIES.items() if _tells(word, name))


def _tells(word: str, name: str) -> bool:
    return word == name or (len(name) > 3 and (word.startswith(name) or word.endswith(name)))


def relation(judge: str, generators: Iterable[str]) -> str:
    """``the same model``, ``the same family (qwen)`` of the first generator that is related; empty for none."""
    generators = list(generators)
    if judge in generators:
        return "the same model"
    shared = sorted({family for model in generators for family in families(judge) & families(model)})
    return f"the same family ({', '.join(shared)})" if shared else ""
