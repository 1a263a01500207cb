"""What each table of the study holds, a module per wing that writes it: every column with its kind and its rule.

Enters: nothing. Leaves: a dictionary of contracts a module; `records.tables` joins and checks them.
Imports the vocabulary alone.
"""
