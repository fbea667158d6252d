"""The living part: volumes, watching, scanning, ingest, media readers, control socket, command line."""
