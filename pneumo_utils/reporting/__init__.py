"""From values to what people read: figures, tables for display, pages.

Enters: tables, pictures and executed notebooks. Leaves: figures and self-contained HTML. Computes no result; no
TensorFlow.
"""
