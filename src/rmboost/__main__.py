"""``python -m rmboost``."""

from rmboost.cli import main

main()
