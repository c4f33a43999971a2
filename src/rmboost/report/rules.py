"""What counts as a fault: the thresholds of the figures, what each says in plain words, and what follows from it."""

from __future__ import annotations

from typing import NamedTuple


class Rule(NamedTuple):
    """Above which value a figure is worth a look, and above which it is bad; what it says, and what follows.

    topic: the fault in a word or two, for the headline. centre: what the figure would be in data without this fault,
    where both ends are bad. counted: the figure is what it is of these very pairs, and not a sign of what a model
    would learn from more like them; so its interval does not matter.
    """

    figure: str
    topic: str
    look: float
    bad: float
    says: str
    why: str
    centre: float | None = None
    counted: bool = False


_NEVER = 1.0  # for what depends on the trainer's settings
_LENGTH = "Length can be learnt in place of quality: order it with method.match_length, or lower the check's max_ratio."
RULES = (
    Rule(
        "label_noise",
        "wrong labels",
        0.10,
        0.20,
        "A judge contradicts {} of the labels.",
        "Look at the pairs that it contradicts: either it errs, or they do; drop or flip those.",
    ),
    Rule(
        "label_noise_decided",
        "wrong labels",
        0.20,
        0.35,
        "Where the judge prefers one, it contradicts {} of the labels.",
        "A half is a coin: then the labels, or the judge, say nothing.",
    ),
    Rule("longer_wins", "length", 0.55, 0.65, "The longer response wins {}.", _LENGTH),
    Rule("shorter_wins", "length", 0.55, 0.65, "The shorter response wins {}.", _LENGTH),
    Rule(
        "length_d",
        "length",
        0.3,
        0.8,
        "Chosen and rejected responses are {} standard deviations of length apart.",
        _LENGTH,
        centre=0.0,
    ),
    Rule(
        "sentences_wins",
        "the number of sentences",
        0.60,
        0.70,
        "More sentences win {}.",
        "They can be counted without being read.",
    ),
    Rule(
        "markdown_wins", "markdown", 0.60, 0.70, "More markdown wins {}.", "Markup can be learnt in place of quality."
    ),
    Rule(
        "likeness_wins",
        "echo of the prompt",
        0.60,
        0.70,
        "More of the prompt’s words win {}.",
        "Echo can be learnt in place of quality.",
    ),
    Rule(
        "second_wins",
        "which was written second",
        0.05,
        0.15,
        "What was written second wins {}.",
        "Being an edit then gives the label away: balance the labels.",
        centre=0.5,
    ),
    Rule(
        "probe_auc",
        "telling words",
        0.65,
        0.80,
        "Words alone tell chosen from rejected: AUC {}.",
        "If the strongest words below are about the task, they are leaks.",
    ),
    Rule(
        "probe_second_auc",
        "traces of editing",
        0.80,
        0.95,
        "Words alone tell the second-written response from the first: AUC {}.",
        "Harmless while labels are balanced; the words show what an edit leaves behind.",
    ),
    Rule(
        "identical_pairs",
        "identical responses",
        0.0,
        0.01,
        "Both responses are the same in {} of the pairs.",
        "They teach nothing: drop them.",
        counted=True,
    ),
    Rule(
        "near_duplicate_prompts",
        "repeated prompts",
        0.05,
        0.20,
        "{} of the different prompts have a near-duplicate.",
        "They count twice, and leak from the training into the test split.",
        counted=True,
    ),
    Rule(
        "near_duplicate_responses",
        "stock answers",
        0.05,
        0.20,
        "{} of the responses return under other prompts.",
        "Stock answers can be learnt by heart.",
        counted=True,
    ),
    Rule(
        "contaminated_prompts_13",
        "contamination",
        0.0,
        0.01,
        "The prompts of {} of the pairs share 13 words in a row with a file held against them.",
        "Leave these out, or give up that file as a test.",
        counted=True,
    ),
    Rule(
        "equal_after_512",
        "trainers’ length limits",
        0.01,
        _NEVER,
        "{} of the pairs are the same up to token 512.",
        "OpenRLHF and RewardBench cut there: raise the limit, or these pairs teach nothing.",
        counted=True,
    ),
    Rule(
        "too_long_1024",
        "trainers’ length limits",
        0.05,
        _NEVER,
        "{} of the pairs have more than 1024 tokens.",
        "TRL leaves them out without a word: raise max_length.",
        counted=True,
    ),
)
