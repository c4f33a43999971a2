"""The command line: parses and prints, nothing else. Data goes to stdout, talk to stderr.

Exit codes: 0 done, 1 a bug (traceback), 2 a setting or an input line is wrong, 3 the run's files cannot be used,
4 the endpoint does not answer, 5 done but some jobs failed (the same command asks them again), 6 stopped at a ceiling
that the user set, 7 a file is not what its journal says, 8 a figure is beyond a limit that the user set, 9 the prompts
are used up before as many pairs are kept as were ordered, 130 stopped by a signal (Ctrl-C).
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr
from difflib import get_close_matches
from importlib import import_module
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, TextIO, cast

import click

import rmboost
from rmboost.errors import BackendError, RMBoostError, StoreError
from rmboost.visible import visible

if TYPE_CHECKING:
    from rmboost.run.summary import Summary

SIGNAL = 130
_STOPPED: Mapping[str, int] = {"ceiling": 6, "failures": 4, "prompts": 9}
"""Exit codes of a run that stopped, by cause; SIGNAL for others."""

_OF_THE_MACHINE = {
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP),
    *(errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE, errno.EMFILE, errno.ENFILE),
}
"""What the system refuses is no bug of ours, wherever it is met."""

COMMANDS: Mapping[str, tuple[str, str]] = {
    "generate": ("rmboost.cli.generate:generate", "Make preference pairs from a prompt file."),
    "status": ("rmboost.cli.status:status", "Show how a run stands, also while it goes on."),
    "verify": ("rmboost.cli.verify:verify", "Prove that a file is what its journal says."),
    "judge": ("rmboost.cli.judge:judge", "Have a judge look at the pairs of any preference file."),
    "compare": ("rmboost.cli.compare:compare", "Set methods side by side: what they take and what they teach."),
    "inspect": ("rmboost.cli.inspect:inspect", "Show pairs so that one sees what differs."),
    "filter": ("rmboost.cli.filter:keep_highest", "Take the pairs with the highest margin, or any other number."),
    "report": ("rmboost.cli.report:report", "Show what a reward model could wrongly learn from a data set."),
    "model": ("rmboost.cli.model:model", "List and pull the embedded models."),
}


class Lazy(click.Group):
    """A group that imports a command when it is used, so that ``--help`` is instant."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS:
            close = get_close_matches(args[0], COMMANDS, n=1) or COMMANDS
            ctx.fail(f"No such command {args[0]!r}. Did you mean {' or '.join(close)}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(rmboost.__version__, prog_name="rmboost")
def cli() -> None:
    """Preference pairs for reward models: the label is decided first, then the second response is written to fit.

    \b
    rmboost generate prompts.jsonl -o pairs.jsonl
    rmboost inspect pairs.jsonl
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point: runs a command and turns errors of ours into a message and an exit code."""
    _open_closed()
    _speak_utf8()
    with redirect_stderr(cast(TextIO, _Talk(sys.stderr))):
        _stand_somewhere()
        _run(arguments)


def _run(arguments: Sequence[str] | None) -> None:
    try:
        # not cli.main(): it would take a closed pipe for a failure
        with cli.make_context("rmboost", list(sys.argv[1:] if arguments is None else arguments)) as context:
            cli.invoke(context)
    except RMBoostError as error:
        complain(error.message, error.hint)
        sys.exit(exit_code(error))
    except click.exceptions.Exit as exit:
        sys.exit(exit.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(SIGNAL)
    except BrokenPipeError:
        leave(sys.stdout)
        sys.exit(0)
    except OSError as error:
        if error.errno not in _OF_THE_MACHINE:
            raise
        complain(f"{error.filename or 'what is written'}: {error.strerror}", "")
        if error.filename is None:
            leave(sys.stdout)
        sys.exit(3)


def _open_closed() -> None:
    """A stream that was closed before the start becomes the null device: its number would go to the next file that is
    opened, and what anybody prints into that.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115


def _stand_somewhere() -> None:
    """Without the folder that it was started in, no path that is given means anything."""
    try:
        os.getcwd()  # noqa: PTH109
    except OSError as error:
        complain(f"the folder that you are in cannot be used: {error.strerror}", "cd to one that is there")
        sys.exit(3)


def _speak_utf8() -> None:
    """Pipes and files get UTF-8, as JSON has to be, whatever the locale; terminals a ? for what they cannot show."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and stream.encoding.lower() not in ("utf-8", "utf8"):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="replace")


def exit_code(error: RMBoostError) -> int:
    """Of a command that ends by an error: 2 settings and input, 3 files, 4 endpoint."""
    if isinstance(error, StoreError):
        return 3
    return 4 if isinstance(error, BackendError) else 2


def exit_code_of(summary: Summary) -> int:
    """Of a run that came to an end, or was stopped."""
    if summary.stopped_early:
        return _STOPPED.get(summary.cause, SIGNAL)
    return 5 if summary.tally.failed else 0


def complain(message: str, hint: str) -> None:
    """Write an error to stderr, with what to do about it."""
    click.echo(f"{click.style('error', fg='red', bold=True)}: {visible(message)}", err=True)
    if hint:
        click.echo(f"\n{click.style('hint', fg='cyan', bold=True)}: {visible(hint)}", err=True)


def leave(stream: TextIO) -> None:
    """Nobody reads it any more, or it has no room: the rest goes nowhere, without Python's own complaint at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class _Talk:
    """stderr; but when nobody listens any more, or it has no room, the rest goes nowhere, and the work goes on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError:
            leave(self._stream)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            leave(self._stream)
