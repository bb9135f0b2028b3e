"""Commands as a user types them, without the seconds in which each new Python would load torch.

A server loads the libraries once and forks itself for each command: what follows is a process of its own with its own
arguments, folder, environment and output. Its sweeps fork their workers from it in the same way. That a new Python does
the same is shown by tests/test_scripts.py, once for each way to start.
"""

import gc
import json
import multiprocessing.util
import os
import runpy
import subprocess
import sys
import tempfile
import traceback
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

SCRIPTS = Path(__file__).parents[1] / "scripts"
RNNBENCH = SCRIPTS.parent / "src" / "rnnbench" / "cli" / "main.py"
FORKSERVER = "from multiprocessing.forkserver import main"


class Ended(NamedTuple):
    """What a command left: its exit code and what it printed."""

    returncode: int
    stdout: str
    stderr: str


class Server:
    """Runs scripts in forks of one process."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, __file__], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def __call__(self, folder, script, *arguments, **environment):
        """Run ``rnnbench``, ``scripts/<script>``, or a script's path, in ``folder``."""
        with tempfile.TemporaryDirectory() as outputs:
            out, err = (Path(outputs, name) for name in ("out", "err"))
            code = self.wait(self.start(folder, (out, err), script, *arguments, **environment))
            return Ended(code, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8"))

    def start(self, folder, outputs, script, *arguments, **environment):
        """The process id of a command that runs, in a session of its own; ``wait`` must follow."""
        return self._ask({
            "script": str(RNNBENCH if script == "rnnbench" else SCRIPTS / script),
            "arguments": list(map(str, arguments)),
            "folder": str(folder),
            # without WANDB_SERVICE: a service of this process would hold the run of a command that was killed
            "environment": {key: value for key, value in os.environ.items() if key != "WANDB_SERVICE"} | environment,
            "outputs": list(map(str, outputs)),
        })  # fmt: skip

    def wait(self, pid):
        """The exit code of a command that was started."""
        return self._ask({"pid": pid})

    def _ask(self, request):
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def close(self):
        self.process.communicate()


def serve():
    """Answer each request on standard input: with the process id of the command it is, or with an exit code."""
    gc.disable()  # until all modules are loaded, which are no garbage
    import altair  # noqa: F401

    import rnnbench.report
    import rnnbench.report.ending  # noqa: F401
    import rnnbench.runner  # noqa: F401
    import rnnbench.sweep.compose  # noqa: F401
    import rnnbench.sweep.reproduce  # noqa: F401
    import rnnbench.sweep.worker  # noqa: F401
    import rnnbench.tracking.preload  # noqa: F401
    from rnnbench.report.templates import template

    for path in Path(rnnbench.report.__file__).parent.glob("*.jinja"):
        template(path.stem)  # which compiles it
    gc.freeze()  # else each fork would copy their pages as it looks for garbage
    gc.enable()
    for request in map(json.loads, sys.stdin):
        if "pid" in request:
            print(os.waitstatus_to_exitcode(os.waitpid(request["pid"], 0)[1]), flush=True)
            continue
        child = os.fork()
        if child == 0:
            answer(request)
        print(child, flush=True)
    os._exit(0)  # Python would take seconds to look through all of torch for garbage


def answer(request):
    """Become the process of a command."""
    os.setsid()
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    tempfile.tempdir = None  # it was that of the server
    standard = [os.open(os.devnull, os.O_RDONLY)]
    standard += [os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600) for path in request["outputs"]]
    for number, file in enumerate(standard):
        os.dup2(file, number)
        os.close(file)
    sys.argv = [request["script"], *request["arguments"]]
    sys.path[:0] = [str(Path(request["script"]).parent), *filter(None, os.environ.get("PYTHONPATH", "").split(":"))]
    multiprocessing.process.ORIGINAL_DIR = request["folder"]  # type: ignore[attr-defined]
    multiprocessing.util.spawnv_passfds = fork_the_forkserver
    os._exit(perform(lambda: runpy.run_path(request["script"], run_name="__main__")))


def perform(function):
    """The exit code of ``function`` as a process of its own would have it."""
    code = 0
    try:
        function()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    multiprocessing.util._exit_function()  # type: ignore[attr-defined]
    sys.stdout.flush()
    sys.stderr.flush()
    return code


spawn = multiprocessing.util.spawnv_passfds


def fork_the_forkserver(path, arguments, descriptors):
    """Start multiprocessing's server of forks from here, where all that it would load is loaded."""
    source = os.fsdecode(arguments[-1])
    if not source.startswith(FORKSERVER):
        return spawn(path, arguments, descriptors)
    child = os.fork()
    if child == 0:
        # As in a new Python: it ends when its parent does, whose end of a pipe it must not hold open itself.
        for kept, following in pairwise([2, *sorted(descriptors), os.sysconf("SC_OPEN_MAX")]):
            os.closerange(kept + 1, following)
        os._exit(perform(lambda: exec(source, {})))
    return child


if __name__ == "__main__":
    serve()
