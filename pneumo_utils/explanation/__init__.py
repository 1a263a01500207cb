"""From a network and pictures to heat maps, and to evidence whether these can be believed.

Enters: a trained network and pictures. Leaves: maps, and tables of the checks they pass or fail. TensorFlow comes
through `networks.backend` alone.
"""
