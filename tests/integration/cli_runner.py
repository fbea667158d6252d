"""Runs the real command as a process and holds every JSON document to its schema in docs/schemas.

`Glassine` forks from a process that has imported the command already (`cli_zygote`): a tenth of the time.
`Glassine(…, is_fresh=True)` starts an interpreter each time, as a shell would.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource

REPOSITORY = Path(__file__).resolve().parents[2]
SCHEMAS = REPOSITORY / "docs" / "schemas"
LIMIT_S = 60


@dataclass(frozen=True, slots=True)
class Done:
    """A finished command."""

    code: int
    stdout: bytes
    stderr: str

    @property
    def documents(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stdout.splitlines()]

    @property
    def document(self) -> dict[str, Any]:
        (document,) = self.documents
        return document

    @property
    def data(self) -> Any:
        assert self.code == 0, (self.stdout, self.stderr)
        assert self.document["ok"] is True
        return self.document["data"]

    @property
    def error(self) -> dict[str, Any]:
        last = self.documents[-1]
        assert last["ok"] is False
        assert last["error"]["exit_code"] == self.code
        error: dict[str, Any] = last["error"]
        return error

    def lines(self, kind: str) -> list[dict[str, Any]]:
        return [document for document in self.documents if document["type"] == kind]


@dataclass(frozen=True, slots=True)
class Glassine:
    """The command with a library of its own and an environment without ours."""

    library: Path
    is_fresh: bool = False

    def __call__(
        self,
        *arguments: str | bytes | Path,
        schema: str | None = None,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Done:
        """Run it; with `schema` every line of stdout must be valid under that schema."""
        argv = [os.fsencode(argument) for argument in arguments]
        run = _run_fresh if self.is_fresh else _run_forked
        result = run(argv, {**environment(self.library), **(env or {})}, cwd or REPOSITORY, stdin)
        if schema is not None:
            for document in result.documents:
                validate(document, schema)
        return result


def _run_fresh(argv: list[bytes], env: dict[str, str], cwd: Path, stdin: bytes) -> Done:
    done = subprocess.run(
        [*command(), *argv], input=stdin, capture_output=True, env=env, cwd=cwd, timeout=LIMIT_S, check=False
    )
    return Done(done.returncode, done.stdout, done.stderr.decode("utf-8"))


def _run_forked(argv: list[bytes], env: dict[str, str], cwd: Path, stdin: bytes) -> Done:
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: os.path.join(folder, name) for name in ("stdin", "stdout", "stderr")}
        Path(paths["stdin"]).write_bytes(stdin)
        request = {"argv": [word.decode("latin-1") for word in argv], "env": env, "cwd": str(cwd), **paths}
        server = _zygote()
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(json.dumps(request) + "\n")
        server.stdin.flush()
        code = int(server.stdout.readline())
        return Done(code, Path(paths["stdout"]).read_bytes(), Path(paths["stderr"]).read_text("utf-8"))


@cache
def _zygote() -> subprocess.Popen[str]:
    server = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("cli_zygote.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(Path("/nowhere")),
        cwd=REPOSITORY,
    )
    atexit.register(_end, server)
    return server


def _end(server: subprocess.Popen[str]) -> None:
    server.communicate(timeout=LIMIT_S)


def command() -> list[str]:
    return [sys.executable, "-m", "daemon.cli.main"]


def environment(library: Path) -> dict[str, str]:
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("GLASSINE_", "_GLASSINE"))
    }
    return {**clean, "GLASSINE_LIBRARY": str(library), "PYTHONPATH": str(REPOSITORY)}


@cache
def schemas() -> dict[str, dict[str, Any]]:
    return {path.stem: json.loads(path.read_text("utf-8")) for path in SCHEMAS.glob("*.json")}


@cache
def _validator(name: str) -> Draft202012Validator:
    registry: Registry[Any] = Registry().with_resources(
        (f"{stem}.json", Resource.from_contents(schema)) for stem, schema in schemas().items()
    )
    return Draft202012Validator(schemas()[name], registry=registry, format_checker=FormatChecker())


def validate(document: object, name: str) -> None:
    """Raise jsonschema.ValidationError if the document breaks docs/schemas/<name>.json."""
    _validator(name).validate(document)
