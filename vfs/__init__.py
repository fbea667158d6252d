"""The virtual tree, synchronous and pure over the catalog, and its FUSE frontend (`vfs.fuse*`)."""
