"""Runs that ringfold refuses: what must be true of each."""
import subprocess


class Refusals:
    def __init__(self, ringfold):
        self.ringfold = ringfold
        self.failed = 0

    def refuses(self, name, arguments, *parts, limits=None, environment=None):
        """Exit status 1, nothing on standard output, one line on standard error that holds all the parts."""
        done = subprocess.run([self.ringfold, *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, text=True,
                              errors="replace", preexec_fn=limits, env=environment)
        line = done.stderr
        good = (done.returncode == 1 and done.stdout == "" and line.startswith("ringfold: ") and line.count("\n") == 1 and
                all(part in line for part in parts))
        print(f"{'ok' if good else 'not ok'} - {name}")
        if not good:
            self.failed += 1
            print(f"  {arguments}: status {done.returncode}, wanted {parts} in: {line!r} {done.stdout!r}")
