"""From the bytes of a radiograph to what a network sees: decoding, lung fields, framing, grey levels, augmentation.

Enters: files and grey pictures. Leaves: grey squares. numpy and OpenCV alone: which child or class it is, nobody here
knows. No TensorFlow.
"""
