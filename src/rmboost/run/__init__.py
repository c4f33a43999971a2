"""The life of a run, from settings and prompts to pairs on disk.

``run`` is the whole of it, on one page.
Before: ``recipe`` builds all that the settings name (``roles`` the models), ``rehearsal`` plays the first job with the
fake, ``plan`` and ``replan`` say what is ordered of each job, ``fingerprint`` what has changed since the last run,
``notices`` what a person should know.
While it goes on: ``rounds`` hands jobs to the ``engine``, ``settle`` makes one pair, ``store`` keeps the files,
``checkpoint`` and ``tally`` say how far they are; ``listener`` hears of it and ``signals`` end it.
After: ``summary`` and ``forecast``; ``status`` reads a run from outside, ``proof`` makes its rows again by ``replay``.
"""
