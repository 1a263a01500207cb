"""From predictions to evidence: metrics with intervals, operating points, calibration, clinical utility, referral.

Enters: tables of labels and probabilities. Leaves: tables of numbers with intervals. Never sees a pixel, a file name or
TensorFlow.
"""
