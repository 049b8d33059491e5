"""Runs the InvokeAI server until its standard input closes.

Whoever starts it holds the other end of the pipe. If that process dies without a word, the pipe closes: then the server
removes the folder named by TEMPORARY_ROOT, if any, and ends, so that nothing is left behind.
"""

import gc
import os
import shutil
import sys
import threading


def stop_with_parent() -> None:
    sys.stdin.buffer.read()
    root = os.environ.get("TEMPORARY_ROOT")
    if root:
        shutil.rmtree(root, ignore_errors=True)
    os._exit(1)


threading.Thread(target=stop_with_parent, daemon=True).start()

if os.environ.get("WITHOUT_GC"):
    # the server collects garbage before each item, which takes longer than everything that a benchmark measures
    gc.collect = lambda generation=2: 0

from invokeai.app.run_app import run_app  # noqa: E402

run_app()
