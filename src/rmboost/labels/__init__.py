"""Labels: how right they are, and what gives them away.

``verification`` has a judge look at pairs whose label is given, ``noise`` counts how often it contradicts them,
``gold`` how often it is wrong itself, beside people; ``separability`` asks whether form alone tells which is chosen.
"""
