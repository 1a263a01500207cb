"""From predictions to evidence: metrics with intervals, operating points, calibration, clinical utility, referral.

Enters: tables of labels and probabilities. Leaves: tables of numbers with intervals. Never opens a picture, never
sees a pixel or TensorFlow.
"""
