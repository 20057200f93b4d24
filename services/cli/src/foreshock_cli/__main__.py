"""`python -m foreshock_cli`, and the `foreshock` script."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from foreshock_cli.exits import CommandError, Exit
from foreshock_cli.parser import parse


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        module, args = parse(words)
        code = module.run(args)
        sys.stdout.flush()
    except CommandError as error:
        return _complain(error)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        return _reader_gone()
    return code


def _complain(error: CommandError) -> int:
    sys.stderr.write(f"foreshock: {error.message}\n")
    if error.hint:
        sys.stderr.write(f"           {error.hint}\n")
    return error.code


def _reader_gone() -> int:
    # The interpreter flushes stdout once more on its way out: give it somewhere to go.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return Exit.PIPE_CLOSED


if __name__ == "__main__":
    sys.exit(main())
