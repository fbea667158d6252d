"""Back ends of volumes behind one contract (`contract.Storage`). `BACKENDS` maps `volume.backend` to its class."""

from collections.abc import Callable

from vfs.storage.contract import Storage
from vfs.storage.local import LocalStorage
from vfs.storage.memory import MemoryStorage

BACKENDS: dict[str, Callable[[bytes], Storage]] = {"local": LocalStorage, "memory": MemoryStorage}
