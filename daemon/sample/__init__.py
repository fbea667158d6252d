"""The sample library: some 240 generated files that show what Glassine does, and what it puts up with.

`python -m daemon.sample DIR` writes it. `plan` says which files there are (pure), `draw`, `dng` and `clips` make
their bytes, `write` brings both together. Everything is made here, no foreign picture is used, and two runs give the
same names, dates and tags.

Invariants
- A finished library is complete: it is built beside its place and moved there in one rename.
- An existing directory is never written into.
"""
