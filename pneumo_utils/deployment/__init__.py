"""From a finished network and files of any kind to one answer per file, or the reason why there is none.

Enters: a bundle that a study wrote, and radiographs of any hospital. Leaves: scores, overlays, and answers that a PACS
takes. TensorFlow comes through `networks` alone, and only where an engine needs it.
"""
