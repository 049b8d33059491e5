"""Runs the InvokeAI server until its standard input closes.

Whoever starts it holds the other end of the pipe. If that process dies without a word, the pipe closes and the server
stops by itself, so that nothing is left running.
"""

import os
import signal
import sys
import threading
import time


def stop_with_parent() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(10)
    os._exit(1)


threading.Thread(target=stop_with_parent, daemon=True).start()

from invokeai.app.run_app import run_app  # noqa: E402

run_app()
