"""Looking at pairs: a sample of rows, what differs in them, and figures over a whole file.

Reads our own files and any preference file of TRL's shapes. ``sample`` and ``measure`` pass once over the rows that
are wanted; ``view`` and ``charts`` draw what they found for a terminal.
"""

from rmboost.inspection.sample import Sample, sample
from rmboost.inspection.scan import Wanted, rejects_of
from rmboost.inspection.stats import Figures, measure

__all__ = ["Figures", "Sample", "Wanted", "measure", "rejects_of", "sample"]
