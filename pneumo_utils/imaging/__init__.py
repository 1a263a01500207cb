"""From the bytes of a radiograph to what a network sees: decoding, lung fields, framing, grey levels, augmentation.

Enters: files and grey pictures. Leaves: grey squares, and where they were cut from. Which child or class it is, nobody
here knows. No TensorFlow.
"""
