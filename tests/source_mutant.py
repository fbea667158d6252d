"""Seed a mutant: processes of the product that find the directory on PYTHONPATH run one module with a text replaced."""

from __future__ import annotations

from pathlib import Path

from sacred import REPOSITORY

_SITE = """
import importlib.util, sys
spec = importlib.util.find_spec({module!r})
with open(spec.origin, encoding="utf-8") as file:
    source = file.read()
module = importlib.util.module_from_spec(spec)
sys.modules[{module!r}] = module
exec(compile(source.replace({old!r}, {new!r}), spec.origin, "exec"), module.__dict__)
"""


def seed_mutant(folder: Path, module: str, old: str, new: str) -> Path:
    """Write the mutant of a module in which `old` (which must be there) is `new`; return the directory."""
    source = (REPOSITORY / f"{module.replace('.', '/')}.py").read_text("utf-8")
    assert old in source, f"{module} has changed: the mutant of {old!r} mutates nothing"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(_SITE.format(module=module, old=old, new=new))
    return folder
