"""Builds what the benchmark measures."""

import pathlib
import shlex
import shutil
import subprocess
import sys

from machine import BenchError

ROOT = pathlib.Path(__file__).resolve().parents[2]
LABELS = {"origin": "//tests/bench:origin", "relay": "//tests/bench:relay",
          "holdfast": "//gateway:holdfast"}


def build(bazel, names, directory):
    """{name: path} of the origin and of what else among `names` is ours, built optimised.

    The binaries are copied into `directory`: a build during the run cannot swap them.
    """
    wanted = {name: LABELS[name] for name in ("origin", *names) if name in LABELS}
    command = shlex.split(bazel)
    if not command or shutil.which(command[0]) is None:
        raise BenchError(f"missing: {bazel or 'bazel'}; install with: "
                         "apt-get install -y bazel-bootstrap")
    print(f"building {' '.join(wanted.values())}", file=sys.stderr)
    done = subprocess.run([*command, "build", "--config=opt", *wanted.values()], cwd=ROOT,
                          check=False)
    if done.returncode != 0:
        raise BenchError("the build failed")
    where = subprocess.run([*command, "info", "--config=opt", "bazel-bin"], cwd=ROOT, text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    binaries = {}
    for name, label in wanted.items():
        package, _, file = label.removeprefix("//").partition(":")
        binaries[name] = shutil.copy(pathlib.Path(where.stdout.strip()) / package / file,
                                     pathlib.Path(directory) / file)
    return binaries
