"""What other tools make of the same two calls a prompt, each in the way of its own documentation.

    python benchmarks/peers.py PROMPTS --tool distilabel --base-url URL --concurrency 64

runner.py runs this with an interpreter that has the tool. Limits on requests and tokens are raised out of the way, and
what a tool sends home is switched off. What it writes goes into a temporary folder.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from two_calls import EDIT, arguments, read

_EDIT_TEMPLATE = EDIT.format("{{ prompt }}", "{{ first }}")


def distilabel(prompts: Path, base_url: str, concurrency: int, folder: Path) -> None:
    """A pipeline of two tasks, each in a process of its own, which sends a batch and waits for all of its answers.

    Batches of half the concurrency would hold both tasks to it, and were slower; so were replicas with smaller ones.
    """
    os.environ["DISTILABEL_LOG_LEVEL"] = "WARNING"  # else it has a line for each request
    from distilabel.models import OpenAILLM
    from distilabel.pipeline import Pipeline
    from distilabel.steps import LoadDataFromDicts
    from distilabel.steps.tasks import TextGeneration

    def task(template: str, columns: list[str], output: str) -> Any:
        llm = OpenAILLM(model="bench", base_url=base_url, api_key="none")
        sizes = {"input_batch_size": concurrency, "output_mappings": {"generation": output}}
        return TextGeneration(llm=llm, template=template, columns=columns, **sizes)

    with Pipeline(name="bench", cache_dir=folder) as pipeline:
        load = LoadDataFromDicts(data=[{"prompt": prompt} for prompt in read(prompts)], batch_size=concurrency)
        load >> task("{{ prompt }}", ["prompt"], "first") >> task(_EDIT_TEMPLATE, ["prompt", "first"], "second")
    pipeline.run(use_cache=False)


def curator(prompts: Path, base_url: str, concurrency: int, folder: Path) -> None:
    """Two blocks: the second begins when the first is done with all prompts."""
    os.environ.update(TELEMETRY_ENABLED="false", LITELLM_LOCAL_MODEL_COST_MAP="true", OPENAI_API_KEY="none")
    import litellm

    # It counts tokens with a vocabulary that would be fetched; litellm, which it depends on, brings the same one along.
    os.environ["TIKTOKEN_CACHE_DIR"] = str(Path(litellm.__file__).parent / "litellm_core_utils" / "tokenizers")
    from bespokelabs import curator

    class First(curator.LLM):  # type: ignore[misc]
        def prompt(self, row: dict[str, str]) -> str:
            return row["prompt"]

        def parse(self, row: dict[str, str], reply: str) -> dict[str, str]:
            return {**row, "first": reply}

    class Second(curator.LLM):  # type: ignore[misc]
        def prompt(self, row: dict[str, str]) -> str:
            return EDIT.format(row["prompt"], row["first"])

        def parse(self, row: dict[str, str], reply: str) -> dict[str, str]:
            return {**row, "second": reply}

    pace = {"max_concurrent_requests": concurrency, "max_requests_per_minute": 10**9, "max_tokens_per_minute": 10**12}
    rows: Any = [{"prompt": prompt} for prompt in read(prompts)]
    for block in (First, Second):
        llm = block(model_name="bench", backend="openai", backend_params={"base_url": base_url, **pace})
        rows = llm(rows, working_dir=str(folder)).dataset


def data_designer(prompts: Path, base_url: str, concurrency: int, folder: Path) -> None:
    """Two columns beside the one of the prompts."""
    os.environ["NEMO_TELEMETRY_ENABLED"] = "false"
    import data_designer.config as dd
    from data_designer.interface import DataDesigner

    pace = dd.ChatCompletionInferenceParams(max_parallel_requests=concurrency)
    model = dd.ModelConfig(alias="bench", model="bench", provider="bench", inference_parameters=pace)
    config = dd.DataDesignerConfigBuilder(model_configs=[model])
    config.with_seed_dataset(dd.LocalFileSeedSource(path=str(prompts)))
    for name, template in (("first", "{{ prompt }}"), ("second", _EDIT_TEMPLATE)):
        config.add_column(dd.LLMTextColumnConfig(name=name, prompt=template, model_alias="bench"))
    provider = dd.ModelProvider(name="bench", endpoint=base_url, api_key="none")
    designer = DataDesigner(artifact_path=folder, model_providers=[provider])
    designer.set_run_config(dd.RunConfig(otel_metrics_port=None))
    designer.create(config, num_records=sum(1 for _ in read(prompts)))


PEERS: dict[str, Callable[[Path, str, int, Path], None]] = {
    "distilabel": distilabel,
    "curator": curator,
    "data-designer": data_designer,
}
PACKAGES = {"distilabel": "distilabel", "curator": "bespokelabs.curator", "data-designer": "data_designer"}
"""What an interpreter must be able to import."""

if __name__ == "__main__":
    options = arguments(__doc__)
    options.add_argument("--tool", choices=PEERS, required=True)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        PEERS[given.tool](given.prompts, given.base_url, given.concurrency, Path(name))
