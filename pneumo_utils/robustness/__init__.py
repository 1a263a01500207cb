"""Would the result survive elsewhere? Acquisition audit, reference models, perturbations, other draws, logit shift.

Enters: manifests, splits, radiographs and predictions. Leaves: radiographs made harder, and tables that say what a
result owes to how pictures were taken and parts were drawn. Trains no network; no TensorFlow.
"""
