"""What everything else writes down and reads back: contracts, checked tables, the run directory, hashes, provenance.

Enters: tables and arrays of the wings above. Leaves: files that are whole and checked, or an error that names the rule.
The ground floor: imports no other wing, and never TensorFlow.
"""
