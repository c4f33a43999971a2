"""The report: what a data set says about itself, and what a reward model could learn from it in place of quality.

``report`` measures a file, ``verdict`` says what that means, ``page`` draws it. It needs ``rmboost[report]``.
"""
