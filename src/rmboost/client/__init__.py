"""Behind ``ask``: how a call of a job becomes an answer.

``jobask`` numbers the calls of one job; the journal knows a ``call`` by what it asks; ``client`` is the one way to a
model: journal, limit, ``retries``. Each endpoint has a line (``lines``) with a pace of its own. ``halt`` says that a
run ends early and why, ``meter`` counts what was asked, ``worth`` looks whether anything comes of it.
"""
