"""Commands as a user types them, without the seconds in which each new Python would load torch.

A server loads the libraries once and forks itself for each worker of the tests, and this fork itself for each command:
what follows is a process of its own with its own arguments, folder, environment and output. Its sweeps fork their
workers from it in the same way. That a new Python does the same is shown by tests/test_scripts.py, once for each way to
start.
"""

import gc
import json
import multiprocessing.util
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock

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

    def __init__(self, place):
        """Connect to the server whose port is in the file ``place``, started here if it does not listen yet."""
        self.process = None
        with FileLock(f"{place}.lock"):
            try:
                self.connection = socket.create_connection(("127.0.0.1", int(place.read_text())))
            except OSError:  # nobody has started it, or who did has finished
                command = [sys.executable, __file__, place]
                self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                assert self.process.stdout is not None
                self.process.stdout.readline()
                self.connection = socket.create_connection(("127.0.0.1", int(place.read_text())))
        self.stream = self.connection.makefile("rw", encoding="utf-8")

    def __call__(self, folder, script, *arguments, drawn=True, **environment):
        """Run ``rnnbench``, ``scripts/<script>``, or a script's path, in ``folder``; a report without figures unless
        ``drawn``.
        """
        with tempfile.TemporaryDirectory() as outputs:
            out, err = (Path(outputs, name) for name in ("out", "err"))
            code = self.wait(self.start(folder, (out, err), script, *arguments, drawn=drawn, **environment))
            return Ended(code, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8"))

    def start(self, folder, outputs, script, *arguments, drawn=True, **environment):
        """The process id of a command that runs, in a session of its own; ``wait`` must follow."""
        return self._ask({
            "script": str(RNNBENCH if script == "rnnbench" else SCRIPTS / script),
            "arguments": list(map(str, arguments)),
            "drawn": drawn,
            "folder": str(folder),
            # without WANDB_SERVICE: a service of this process would hold the run of a command that was killed
            "environment": {key: value for key, value in os.environ.items() if key != "WANDB_SERVICE"} | environment,
            "outputs": list(map(str, outputs)),
        })  # fmt: skip

    def wait(self, pid):
        """The exit code of a command that was started."""
        return self._ask({"pid": pid})

    def _ask(self, request):
        self.stream.write(json.dumps(request) + "\n")
        self.stream.flush()
        return int(self.stream.readline())

    def close(self):
        self.stream.close()
        self.connection.close()
        if self.process is not None:
            for pipe in (self.process.stdin, self.process.stdout):
                assert pipe is not None
                pipe.close()
            self.process.wait()


def listen(place):
    """Load the libraries and serve each connection from a fork, until standard input is closed."""
    gc.disable()  # until all modules are loaded, which are no garbage
    import altair  # noqa: F401

    import planted  # noqa: F401
    import rnnbench.report
    import rnnbench.report.ending  # noqa: F401
    import rnnbench.runner  # noqa: F401
    import rnnbench.sweep.compose  # noqa: F401
    import rnnbench.sweep.reproduce  # noqa: F401
    import rnnbench.sweep.worker  # noqa: F401
    import rnnbench.tracking.preload  # noqa: F401
    from rnnbench.report.templates import template
    from rnnbench.store.provenance import versions
    from rnnbench.sweep.configuration import configure

    configure()  # so that Hydra has its plugins and its grammar
    versions()  # which are looked up once
    for path in Path(rnnbench.report.__file__).parent.glob("*.jinja"):
        template(path.stem)  # which compiles it
    gc.freeze()  # else each fork would copy their pages as it looks for garbage
    gc.enable()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        Path(place).write_text(str(listener.getsockname()[1]), encoding="utf-8")
        print("listening", flush=True)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how a fork for a connection ended
        while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
            connection, _ = listener.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                listener.close()
                serve(connection)
            connection.close()
    os._exit(0)  # Python would take seconds to look through all of torch for garbage


def serve(connection):
    """Answer each request: with the process id of the command that it is, or with the exit code of one."""
    stream = connection.makefile("rw", encoding="utf-8")
    for request in map(json.loads, stream):
        if "pid" in request:
            found = os.waitstatus_to_exitcode(os.waitpid(request["pid"], 0)[1])
        else:
            found = os.fork()
            if found == 0:
                os.close(connection.fileno())
                answer(request)
        stream.write(f"{found}\n")
        stream.flush()
    os._exit(0)


def answer(request):
    """Become the process of a command."""
    from planted import without_figures

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
    with nullcontext() if request["drawn"] else without_figures():
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
    listen(sys.argv[1])
