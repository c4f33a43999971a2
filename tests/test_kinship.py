"""Families of models by their names, and who is related to whom."""

from __future__ import annotations

import pytest

from rmboost.judges.kinship import families, relation


@pytest.mark.parametrize(
    ("model", "found"),
    [
        ("Qwen/Qwen2.5-72B-Instruct", {"qwen"}),
        ("local:qwen2.5-coder-1.5b", {"qwen"}),
        ("local:/models/Qwen2-7B.Q4_K_M.gguf", {"qwen"}),
        ("meta-llama/Meta-Llama-3.1-8B-Instruct", {"llama"}),
        ("codellama/CodeLlama-7b", {"llama"}),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", {"deepseek", "qwen"}),
        ("openai/gpt-oss-120b", {"gpt"}),
        ("o3-mini", {"gpt"}),
        ("chatgpt-4o-latest", {"gpt"}),
        ("gemini-2.5-pro", {"google"}),
        ("gemma3:27b", {"google"}),
        ("mistralai/Mixtral-8x7B", {"mistral"}),
        ("claude-sonnet-4", {"claude"}),
        ("microsoft/Phi-3.5-mini", {"phi"}),
        ("philosopher-7b", set()),
        ("yield-model", set()),
        ("qwen-team/my-own", set()),
        ("my-model", set()),
        ("", set()),
    ],
)
def test_the_families_that_a_name_tells_of(model: str, found: set[str]) -> None:
    assert families(model) == found


@pytest.mark.parametrize(
    ("judge", "generators", "found"),
    [
        ("my-model", ["other", "my-model"], "the same model"),
        ("Qwen3-32B", ["local:qwen2.5-coder-1.5b"], "the same family (qwen)"),
        ("DeepSeek-R1-Distill-Llama-8B", ["Llama-3-8B"], "the same family (llama)"),
        ("gpt-4o", ["claude-sonnet-4", "Qwen3-32B"], ""),
        ("my-model", ["your-model"], ""),
        ("gpt-4o", [], ""),
    ],
)
def test_who_is_related(judge: str, generators: list[str], found: str) -> None:
    assert relation(judge, generators) == found
