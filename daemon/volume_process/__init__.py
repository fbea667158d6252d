"""The process that touches one volume for the daemon: walk, stat, hash, watch. `python -m daemon.volume_process`.

It may hang in the kernel with its volume and be killed at any instant: it holds no lock, no catalog, no socket
and nothing that cannot be made again. It talks over two pipes (`protocol.py`) and ends when its stdin does.
"""
