"""What is to be done: a parameter file becomes a checked study, and the study a list of steps.

Enters: a YAML file of `params/`. Leaves: `Study` and its steps. Imports `records` alone; no data, no pixels, no
TensorFlow.
"""
