"""The marker: one small new file at the root of a writable volume, which says who it is. `python -m daemon.marker`.

It is written by a process of its own that may make new files in that place and nothing else (`vfs.confine`).
"""
