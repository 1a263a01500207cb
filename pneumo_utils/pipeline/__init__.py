"""From a study to finished pages: runs the notebooks whose inputs have changed.

Enters: a checked study. Leaves: `reports/<study>/`. Imports no network; TensorFlow lives in the notebooks' kernels.
"""
