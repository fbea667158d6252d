"""Foreign sidecars by their names: which photos a file that another program wrote beside them is about. Pure.

`names` knows how programs call them, `binding` decides. Rules: metadata.md 2.1 and 5.
"""
