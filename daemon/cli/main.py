"""The command `glassine`: the table of verbs, the common options, and the one border where errors become output.

Verbs are loaded when they are used, so that `glassine --version` costs no import of the catalog. `--json` is looked
for before click reads anything: an argument error is a document as well. Exit codes: `catalog/errors.py`.
"""

from __future__ import annotations

import errno
import logging
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from catalog.errors import (
    EXIT_OK,
    GlassineError,
    Interrupted,
    NotFound,
    NotPermitted,
    StorageFull,
    UsageError,
)
from daemon.cli.output import Output
from daemon.cli.session import Session

log = logging.getLogger(__name__)

# section -> verb -> (where it lives, what it does in a line: `glassine --help` loads none of them)
VERBS: dict[str, dict[str, tuple[str, str]]] = {
    "Library": {
        "init": ("daemon.cli.library:init", "Make a library; does nothing if there is one."),
        "volume": (
            "daemon.cli.volumes:volume",
            "Add and show volumes; say that one moved, is gone, or shall be none.",
        ),
        "scan": ("daemon.cli.scan:scan", "Bring the catalog up to date."),
        "user": ("daemon.cli.users:user", "Accounts for WebDAV beyond loopback."),
    },
    "Processes": {
        "up": ("daemon.cli.processes:up", "Start the daemon, the mount and WebDAV."),
        "down": ("daemon.cli.processes:down", "Stop all of them."),
        "status": ("daemon.cli.processes:status", "Tell what runs and how far it is."),
        "daemon": ("daemon.cli.processes:daemon", "Run the daemon in the foreground."),
        "mount": ("daemon.cli.processes:mount", "Mount the tree on a directory."),
        "unmount": ("daemon.cli.processes:unmount", "Unmount it."),
        "dav": ("daemon.cli.processes:dav", "Serve the tree over WebDAV."),
    },
    "Reading": {
        "ls": ("daemon.cli.tree:ls", "List a folder of the tree, mounted or not."),
        "find": ("daemon.cli.find:find", "Find photos."),
        "show": ("daemon.cli.show:show", "Tell everything about photos."),
        "stats": ("daemon.cli.stats:stats", "Count what is there."),
        "why": (
            "daemon.cli.why:why",
            "Explain a date, a name, why a photo is missing or hidden, or a file left out.",
        ),
    },
    "Organising": {
        "tag": ("daemon.cli.tags:tag", "Put tags on photos; rename, merge and list tags."),
        "album": ("daemon.cli.albums:album", "Make albums, put photos in, order them."),
        "search": ("daemon.cli.searches:search", "Save queries as folders of Searches/."),
        "rate": ("daemon.cli.marks:rate", "Rate photos from 0 to 5."),
        "label": ("daemon.cli.marks:label", "Give photos a colour label."),
        "favorite": ("daemon.cli.marks:favorite", "Make photos favourites."),
        "reject": ("daemon.cli.marks:reject", "Reject photos."),
        "title": ("daemon.cli.marks:title", "Give photos a title."),
        "describe": ("daemon.cli.marks:describe", "Describe photos."),
        "hide": ("daemon.cli.marks:hide", "Hide photos from every view."),
        "unhide": ("daemon.cli.marks:unhide", "Show hidden photos again."),
        "date": ("daemon.cli.dates:date", "Say when photos were taken, or shift their dates."),
        "place": ("daemon.cli.places:place", "Say where photos were taken."),
        "person": ("daemon.cli.persons:person", "Say who is in photos; rename and merge persons."),
        "face": ("daemon.cli.faces:face", "Mark faces."),
        "stack": ("daemon.cli.stacks:stack", "Stack photos that belong together."),
        "trash": ("daemon.cli.trash:trash", "Put photos into the trash, bring them back, purge it."),
    },
    "Journal": {
        "undo": ("daemon.cli.history:undo", "Take an edit back, exactly."),
        "log": ("daemon.cli.history:log_command", "Tell who changed what, and when."),
    },
    "Safety": {
        "dump": ("daemon.cli.backups:dump", "Write the whole layer as one JSON document."),
        "backup": ("daemon.cli.backups:backup", "Back the catalog up, and list backups."),
        "restore": ("daemon.cli.backups:restore", "Restore a backup or a dump."),
    },
    "Health": {
        "check": ("daemon.cli.check:check", "Check every invariant of the catalog."),
        "doctor": ("daemon.cli.doctor:doctor", "Check the environment."),
        "config": ("daemon.cli.configuration:config", "Check and show the configuration."),
    },
    "Help": {
        "completion": ("daemon.cli.completion:completion", "Print the completion script of a shell."),
        "help": ("daemon.cli.help_topics:help_command", "Explain a verb or a topic."),
    },
}
STREAMING = frozenset({"scan", "find", "check", "trash purge"})
PROGRAM = "glassine"
COMPLETION_VARIABLE = "_GLASSINE_COMPLETE"


class LazyGroup(click.Group):
    """A group whose verbs are imported when they are asked for; every verb takes the common options too."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order of the table."""
        return [verb for verbs in VERBS.values() for verb in verbs]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a verb."""
        for verbs in VERBS.values():
            if cmd_name in verbs:
                module, _, attribute = verbs[cmd_name][0].partition(":")
                command: click.Command = getattr(import_module(module), attribute)
                return with_common_options(command)
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table by sections without importing a verb."""
        for section, verbs in VERBS.items():
            with formatter.section(section):
                formatter.write_dl([(verb, what) for verb, (_, what) in verbs.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb; an unknown one is told with the nearest."""
        return resolve_or_suggest(super(), self.list_commands(ctx), ctx, args)


def resolve_or_suggest(
    parent: Any, known: list[str], ctx: click.Context, args: list[str]
) -> tuple[str | None, click.Command | None, list[str]]:
    """Resolve a subcommand; UsageError with the nearest known one if there is none of that name."""
    from difflib import get_close_matches

    if args and args[0] not in known and not args[0].startswith("-"):
        near = get_close_matches(args[0], known, n=1, cutoff=0.5)
        hint = f"Did you mean {near[0]}?" if near else f'"{ctx.command_path} --help" lists what there is.'
        raise UsageError(f"there is no command {ctx.command_path} {args[0]}", hint=hint, argument=args[0])
    resolved: tuple[str | None, click.Command | None, list[str]] = parent.resolve_command(ctx, args)
    return resolved


def _remember(name: str) -> Any:
    def callback(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
        if value not in (None, False, 0):
            session = ctx.find_object(Session)
            assert session is not None
            setattr(session, name, value)

    return callback


def _remember_json(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    session = ctx.find_object(Session)
    if value and session is not None:
        session.output.is_json = True


def common_options() -> list[click.Option]:
    """Return fresh options that stand before or after any verb."""

    def option(*names: str, to: str, **attributes: Any) -> click.Option:
        return click.Option(names, expose_value=False, callback=_remember(to), **attributes)

    return [
        option(
            "--library",
            to="library_option",
            metavar="DIR",
            help="The library. Default: GLASSINE_LIBRARY, else that of the mount around the working directory, else"
            " $XDG_DATA_HOME/glassine.",
        ),
        click.Option(
            ["--json"],
            is_flag=True,
            expose_value=False,
            callback=_remember_json,
            help="Answer in JSON; see docs/cli.md.",
        ),
        option("-v", "--verbose", to="verbosity", count=True, help="Log more (-vv: everything) to stderr."),
        option("-q", "--quiet", to="is_quiet", is_flag=True, help="Log errors only, show no progress."),
        option(
            "--log-level",
            to="log_level",
            type=click.Choice(["error", "warning", "info", "debug"]),
            help="Least level that is logged.",
        ),
        option("--log-json", to="log_as_json", is_flag=True, help="Log lines of JSON."),
        click.Option(
            ["-h", "--help"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_print_help,
            help="Explain this command and stop.",
        ),
    ]


def _print_help(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    session = ctx.find_object(Session)
    assert session is not None
    session.output.document({"command": ctx.command_path, "help": ctx.get_help()}, ctx.get_help())
    ctx.exit()


def with_common_options(command: click.Command) -> click.Command:
    """Add the common options to a verb and, through `Session.begin`, logging; idempotent."""
    own = {name for parameter in command.params for name in parameter.opts}
    if "--log-json" in own:
        return command
    command.params.extend(option for option in common_options() if not own & set(option.opts))
    command.add_help_option = False  # ours speaks JSON as well
    if isinstance(command, click.Group):
        for child in command.commands.values():
            with_common_options(child)
    elif command.callback is not None:
        command.callback = _begun(command.callback)
    return command


def _begun(callback: Any) -> Any:
    def run(*args: Any, **kwargs: Any) -> Any:
        session = click.get_current_context().find_object(Session)
        assert session is not None
        session.begin()
        return callback(*args, **kwargs)

    return run


def _print_version(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    session = ctx.find_object(Session)
    assert session is not None
    document = version_document()
    session.output.document(document, f"glassine {document['version']}")
    ctx.exit()


def version_document() -> dict[str, str]:
    """Return the data of `glassine --version --json`."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        number = version(PROGRAM)
    except PackageNotFoundError:  # run from a source tree that was never installed
        number = "0+unknown"
    return {"version": number, "python": sys.version.split()[0]}


def make_cli() -> click.Group:
    """Build the parser: the one source of help, completion, manual pages and the reference."""
    return LazyGroup(
        PROGRAM,
        params=[
            *common_options(),
            click.Option(
                ["--version"],
                is_flag=True,
                is_eager=True,
                expose_value=False,
                callback=_print_version,
                help="Print the version and stop.",
            ),
        ],
        help="A photo library made of your own folders: originals untouched, views as folders.",
        epilog='Exit codes and error codes: docs/errors.md. "glassine help query" explains the query language.',
        context_settings={"max_content_width": 110},
        add_help_option=False,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with these arguments (default: sys.argv) and return its exit code. Never raises."""
    _want_utf8()
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = given[: given.index("--")] if "--" in given else given
    output = Output(is_json="--json" in options)
    output.is_stream = _is_stream(options)
    session = Session(output)
    try:
        code = _run(given, session)
        output.flush()
    except BrokenPipeError:
        # The reader has what it wanted (`| head`). Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK
    return code


def run() -> None:
    """Entry point of the console script."""
    sys.exit(main())


def _is_stream(options: list[str]) -> bool:
    """Tell, before anything is parsed, whether these words are a verb that answers with JSON Lines."""
    words = [word for word in options if not word.startswith("-")]
    verbs = _all_verbs()
    at = next((at for at, word in enumerate(words) if word in verbs), len(words))
    return not STREAMING.isdisjoint((" ".join(words[at : at + 1]), " ".join(words[at : at + 2])))


def _all_verbs() -> frozenset[str]:
    return frozenset(verb for verbs in VERBS.values() for verb in verbs)


def _run(arguments: list[str], session: Session) -> int:
    try:
        cli = make_cli()
        if instruction := os.environ.get(COMPLETION_VARIABLE):
            from click.shell_completion import shell_complete

            return shell_complete(cli, {"obj": session}, PROGRAM, COMPLETION_VARIABLE, instruction)
        with cli.make_context(PROGRAM, arguments, obj=session) as ctx:
            result = cli.invoke(ctx)
            session.output.flush()
        return result if isinstance(result, int) else EXIT_OK
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except (BrokenPipeError, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - the border of the program: everything else becomes output
        return session.output.fail(translate(error))


def translate(error: BaseException) -> GlassineError:
    """Turn whatever ended the command into one of our errors."""
    if isinstance(error, GlassineError):
        return error
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return Interrupted("interrupted")
    if isinstance(error, click.ClickException):
        return _from_click(error)
    if isinstance(error, OSError):
        return _from_os(error)
    if isinstance(error, BaseExceptionGroup):
        return translate(error.exceptions[0])
    log.error("unexpected failure", exc_info=error)
    return GlassineError(
        f"unexpected failure: {type(error).__name__}: {error}",
        hint="This is a bug; the traceback above belongs into its report.",
        exception=type(error).__name__,
    )


def _from_click(error: click.ClickException) -> GlassineError:
    context = getattr(error, "ctx", None)
    hint = f'"{context.command_path} --help" explains.' if context is not None else None
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return UsageError("a command is missing", hint=hint)
    if isinstance(error, click.exceptions.NoSuchOption):
        if error.possibilities:
            hint = f"Did you mean {' or '.join(sorted(error.possibilities))}?"
        return UsageError(f"there is no option {error.option_name}", hint=hint, argument=error.option_name)
    return UsageError(error.format_message().rstrip("."), hint=hint)


_FREE_SOME = "Free some space and try again."
_LOOK_AT_PATH = "Look whether the path is right, and the directory there."
_LOOK_AT_MODE = "Look whose it is and what its mode allows."
_OF_ERRNO: dict[int | None, tuple[type[GlassineError], str]] = {
    errno.EACCES: (NotPermitted, _LOOK_AT_MODE),
    errno.EPERM: (NotPermitted, _LOOK_AT_MODE),
    errno.EROFS: (NotPermitted, "Choose a place on a file system that can be written."),
    errno.ENOSPC: (StorageFull, _FREE_SOME),
    errno.EDQUOT: (StorageFull, _FREE_SOME),
    errno.ENOENT: (NotFound, _LOOK_AT_PATH),
    errno.ENOTDIR: (NotFound, _LOOK_AT_PATH),
    errno.EISDIR: (GlassineError, "Name a file, not a directory."),
}


def _from_os(error: OSError) -> GlassineError:
    named = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else None
    said = error.strerror or str(error)
    kind, hint = _OF_ERRNO.get(error.errno, (GlassineError, None))
    symbol = errno.errorcode.get(error.errno or 0)
    return kind(f"{named}: {said}" if named else said, hint=hint, path=named, errno=symbol)


def _want_utf8() -> None:
    """Speak UTF-8 whatever the locale is: a library does not change with the terminal it is looked at from."""
    if sys.getfilesystemencoding() != "utf-8":
        os.environ["PYTHONUTF8"] = "1"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")


if __name__ == "__main__":
    run()
