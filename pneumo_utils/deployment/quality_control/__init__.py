"""Which pictures a bundle may judge at all.

Enters: pictures, and what a network makes of them. Leaves: a reason to refuse, remarks, and how often both are right.
"""
