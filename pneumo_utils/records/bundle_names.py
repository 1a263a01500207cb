"""Names of the files of a bundle that both who writes a study and who only scores must know.

A room of its own: scoring one file must not wait for what the rest of `records` loads.
"""

BUNDLE_FILE = "bundle.json"  # what the bundle says of itself
CARD_FILE = "model_card.md"  # there once the study that wrote the bundle is finished
