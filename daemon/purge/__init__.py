"""The purge: what is in the trash for long enough leaves the disk, on volumes that their owner marked writable."""
