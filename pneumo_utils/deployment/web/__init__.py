"""Pages that score radiographs: one that this machine serves, one that runs in a browser alone.

Enters: a bundle. Leaves: a page, and answers for the files that are dropped on it.
"""
