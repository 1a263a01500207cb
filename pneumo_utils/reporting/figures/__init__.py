"""Figures of the study, a module a subject.

Enters: arrays and tables. Leaves: a matplotlib figure, in one palette that is safe for colour-blind readers.
"""
