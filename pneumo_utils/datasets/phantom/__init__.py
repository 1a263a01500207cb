"""The embedded data set: drawn chest radiographs of children, with the truth about lungs and lesions.

Enters: seeds. Leaves: a folder laid out and named like the published set.
"""
