"""Linear reward models: logistic regression on what chosen has more of than rejected."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import PositiveFloat, PositiveInt
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression

from rmboost.rewards import Answer, Reward, RewardModel, Rows, form


class Linear(RewardModel):
    """Reward = weights · features. strength: inverse of the L2 penalty, on the sum of the pairs' losses.

    The weights are those of a logistic regression on the difference of the features, chosen − rejected. Every pair
    stands in it both ways round and there is no intercept, so that a pair read backwards gets the opposite answer.
    """

    strength: PositiveFloat = 0.1

    def fit(self, chosen: Rows, rejected: Rows, seed: int) -> Reward:
        difference = sparse.csr_matrix(chosen - rejected)
        pairs = difference.shape[0]
        # the dual form: its time goes by the pairs and not by the features, of which there are far more
        regression = LogisticRegression(
            C=self.strength, fit_intercept=False, solver="liblinear", dual=True, random_state=seed, max_iter=10_000
        )
        regression.fit(sparse.vstack([difference, -difference]), np.repeat([1, 0], pairs))
        weights = regression.coef_[0]
        return lambda rows: rows @ weights


class Ngrams(Linear):
    """Words and pairs of words of the response, hashed; scaled to length 1, so that a text's own length is not seen.

    longest: words in the longest n-gram. buckets: columns that n-grams are hashed into.
    """

    longest: PositiveInt = 2
    buckets: PositiveInt = 2**18

    def read(self, answers: Sequence[Answer]) -> Rows:
        hashed = HashingVectorizer(
            ngram_range=(1, self.longest), n_features=self.buckets, token_pattern=form.WORD.pattern
        )
        return hashed.transform([answer.response for answer in answers])


class Form(Linear):
    """How a response looks, whatever it says; blind to content, but for the words that it shares with the prompt."""

    def read(self, answers: Sequence[Answer]) -> Rows:
        return form.measure(answers)


class NgramsForm(Ngrams):
    """N-grams and form together."""

    def read(self, answers: Sequence[Answer]) -> Rows:
        return sparse.hstack([super().read(answers), form.measure(answers)], format="csr")
