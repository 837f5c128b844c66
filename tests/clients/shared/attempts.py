"""For clients that now and then never come back, for reasons of their own: the script is run in a process of its own, and begun again."""

import os
import subprocess
import sys

MARK = "POLDER_ATTEMPT"


def in_attempts(seconds, times):
    """Returns in a process that is one attempt. Elsewhere it runs attempts until one ends by itself, and exits as that did."""
    if MARK in os.environ:
        return
    for attempt in range(1, times + 1):
        try:
            outside = {**os.environ, MARK: str(attempt)}
            done = subprocess.run([sys.executable, *sys.argv], env=outside, stdout=subprocess.PIPE, text=True, timeout=seconds)
        except subprocess.TimeoutExpired:
            print(f"# attempt {attempt} did not come back within {seconds} s", flush=True)
            continue
        if done.returncode < 0:
            print(f"# attempt {attempt} ended with signal {-done.returncode}", flush=True)
            continue
        print(done.stdout, end="", flush=True)
        sys.exit(done.returncode)
    print(f"FAIL  one of {times} attempts comes back")
    sys.exit(1)
