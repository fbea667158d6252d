"""Runs the command many times without importing it many times: one process that forks for each request.

A request is a line of JSON with argv, env, cwd and the paths of stdin, stdout and stderr; the answer is the exit code.
What runs in the fork is `main()` of a fresh process image in all that matters: own descriptors, environment, directory,
exit code. What a new interpreter alone can show (locale, start-up, signals) is tested with a real start instead.
"""

from __future__ import annotations

import importlib
import json
import os
import sys

PRELOADED = (
    *(
        f"daemon.cli.{name}"
        for name in ("find", "show", "stats", "tree", "why", "check", "doctor", "configuration", "photos")
    ),
    *(f"daemon.cli.{name}" for name in ("library", "volumes", "users", "completion", "help_topics", "main")),
    *(
        "catalog.commands.client",
        "catalog.query",
        "catalog.store.find",
        "catalog.store.check",
        "vfs.tree",
        "daemon.logs",
    ),
    *("daemon.excludes", "daemon.config", "argon2", "jsonschema"),
)
RAISED = 99


def serve() -> None:
    """Answer requests until stdin ends."""
    for name in PRELOADED:
        importlib.import_module(name)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            try:
                _run(json.loads(line))
            finally:
                os._exit(RAISED)  # `main` never raises; a fork must not go on as a second server
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _run(request: dict[str, object]) -> None:
    from daemon.cli.main import main

    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    for fd, key, how in ((0, "stdin", os.O_RDONLY), (1, "stdout", flags), (2, "stderr", flags)):
        os.dup2(os.open(os.fsencode(str(request[key])), how, 0o600), fd)
    os.environ.clear()
    os.environ.update(request["env"])  # type: ignore[arg-type]
    os.chdir(str(request["cwd"]))
    code = main([os.fsdecode(argument.encode("latin-1")) for argument in request["argv"]])  # type: ignore[attr-defined]
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    serve()
