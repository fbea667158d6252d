"""What we know: values, meaning and the only SQL.

Imports nothing of ours and knows no trio, no Pillow, no FUSE and no HTTP. `catalog.store` is the only
place that talks to SQLite; everything else here is values and pure functions.
"""
