"""From the bytes of a radiograph to what a network sees: decoding, lung fields, augmentation.

Enters: files and grey pictures. Leaves: grey squares, and where lungs are seen in them. Which child or class it is,
nobody here knows. No TensorFlow.
"""
