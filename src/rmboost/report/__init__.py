"""The report: what a data set says about itself, and what a reward model could learn from it in place of quality.

``report`` measures a file, ``verdict`` says what that means, ``page`` draws it. It needs ``rmboost[report]``.
"""

from __future__ import annotations

from rmboost.errors import ConfigError


def need_packages(what: str) -> None:
    """Raises ConfigError where a package is missing that ``what``, such as ``a report``, is made with."""
    try:
        import matplotlib
        import rensa
        import sklearn
    except ImportError as error:
        raise ConfigError(f"{what} needs {error.name}", "pip install 'rmboost[report]'") from None
    del matplotlib, rensa, sklearn
