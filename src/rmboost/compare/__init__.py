"""The comparison: several methods on the same prompts, and what their pairs are worth.

``setup`` finds what is wrong before the first call, ``runs`` makes and judges the pairs, ``figures`` measures them,
``trials`` trains reward models on them, ``table`` and ``page`` show what came out. It needs ``rmboost[report]``.
"""
