"""From a source to a manifest and splits: downloads, the published folder layout, file names, acquisition; the phantom.

Enters: the name of a source. Leaves: a folder of radiographs, its manifest, and who is trained, validated and
tested on. The radiographs are read-only. No TensorFlow.
"""
