"""Names of the files of a bundle that both who writes a study and who only scores must know.

A room of its own: scoring one file must not wait for what the rest of `records` loads.
"""

BUNDLE_FILE = "bundle.json"  # what the bundle says of itself
CARD_FILE = "model_card.md"  # there once the study that wrote the bundle is finished
CARD_HASH_FILE = "model_card.md.sha256"  # written after it
LUNGS_FILE = "lung_fields.npz"  # weights of the lung finder
SCHEMA_FILE = "bundle.schema.json"  # of what the bundle says
