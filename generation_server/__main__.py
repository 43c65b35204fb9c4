# SPDX-License-Identifier: GPL-3.0-or-later
"""The program: ``python -m pose_to_anime.generation_server serve``, and ``… models``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .diffusion.modes import WISHES
from .models import commands as models
from .protocol import default_server_dir, user_data_dir

DEFAULT_PORT = 8471

OVERRIDES = ("keep_gib", "keep_days", "unload_after")
"""Settings of the user that an option overrides."""

EXAMPLES = """\
examples:
  studio.py serve                                       on this computer, on the best device that is here
  studio.py serve --device cpu --port 9000              on the processor, at a port of your choice
  studio.py serve --host 0.0.0.0 --tls                  for other computers too: prints the line to paste into their add-on
  studio.py serve --host 0.0.0.0 --allow-host studio.example.org --certificate chain.pem --key key.pem
"""


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="studio.py", description="The generation server of Pose to Anime.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve = commands.add_parser(
        "serve",
        help="run the server until it is stopped",
        description="Run the generation server. Prints one line with its address; its token is in the file 'token' in the data "
        "directory.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    serve.add_argument(
        "--host", default="127.0.0.1", metavar="ADDRESS", help="address to listen at (default: this computer alone)"
    )
    serve.add_argument(
        "--port", type=_port, metavar="N", help=f"port to listen at; 0 is any free one (default: {DEFAULT_PORT}, or a free one)"
    )
    serve.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME", help="a name by which clients address this host"
    )
    serve.add_argument(
        "--tls", action="store_true", help="encrypt, with a certificate of its own that clients know by its fingerprint"
    )
    serve.add_argument("--certificate", type=Path, metavar="FILE", help="encrypt with this certificate chain (PEM) instead")
    serve.add_argument("--key", type=Path, metavar="FILE", help="the certificate's key (PEM, without a password)")
    serve.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda, cuda:1, mps, … (default: auto)")
    serve.add_argument(
        "--memory",
        choices=WISHES,
        default="auto",
        help="how a model lies in a graphics card's memory: whole (gpu), its parts by turns (offload), so and in 8 bits (fp8), "
        "or layer by layer (sequential, slow); auto, the default, takes for each picture the fastest that fits",
    )
    serve.add_argument("--data-dir", type=Path, metavar="DIR", help=f"token, jobs and results (default: {default_server_dir()})")
    serve.add_argument(
        "--user-dir", type=Path, metavar="DIR", help=f"your folder, with models in it (default: {user_data_dir()})"
    )
    serve.add_argument(
        "--idle-exit",
        type=_amount,
        default=0.0,
        metavar="SECONDS",
        help="end after so long without a client or a job (0: never)",
    )
    serve.add_argument("--queue-limit", type=_count, default=500, metavar="N", help="jobs that may wait and run (default: 500)")
    serve.add_argument("--reserve", type=_count, default=128, metavar="MIB", help="disk space that stays free (default: 128 MiB)")
    serve.add_argument(
        "--keep-gib", type=_amount, metavar="N", help="GiB of results kept; then the oldest go (0: all; default: 20)"
    )
    serve.add_argument(
        "--keep-days", type=_amount, metavar="N", help="days for which results are kept (0, the default: for ever)"
    )
    serve.add_argument(
        "--unload-after",
        type=_amount,
        metavar="SECONDS",
        help="idle time after which models are unloaded (0: never; default: 300)",
    )
    serve.add_argument("--engine", help=argparse.SUPPRESS)  # module:class, for tests of the server around it
    models.add_parser(commands)
    return parser


def main(arguments: list[str] | None = None) -> int:
    options = make_parser().parse_args(arguments)
    if options.command == "models":
        return models.run(options)
    from .serving import ServeOptions, StartError, serve  # here, so that --help needs no server's environment

    try:
        serve(
            ServeOptions(
                host=options.host,
                port=options.port,
                fallback_port=DEFAULT_PORT,
                allowed_hosts=tuple(options.allow_host),
                device=options.device,
                memory=options.memory,
                data_dir=(options.data_dir or default_server_dir()).absolute(),
                user_dir=(options.user_dir or user_data_dir()).absolute(),
                idle_exit=options.idle_exit,
                queue_limit=options.queue_limit,
                reserve=options.reserve * 1024 * 1024,
                engine=options.engine,
                overrides={name: value for name in OVERRIDES if (value := getattr(options, name)) is not None},
                tls=options.tls,
                certificate=options.certificate,
                key=options.key,
            )
        )
    except StartError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        pass  # how a person ends it
    return 0


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError("must be from 0 to 65535")
    return port


def _amount(text: str) -> float:
    amount = float(text)
    if not 0.0 <= amount < float("inf"):
        raise argparse.ArgumentTypeError("must be 0 or more")
    return amount


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return count


if __name__ == "__main__":
    sys.exit(main())
