"""From pictures and splits to networks and predictions: models, training, and what of it is kept.

Enters: grey squares and splits. Leaves: trained networks and their predictions. `backend` is the only door to
TensorFlow.
"""
