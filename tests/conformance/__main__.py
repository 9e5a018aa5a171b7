"""Run the WebSocket conformance suite: our connections may fail no case that bare ones pass.

Where the suite cannot be run, the exit code is 77 and one line says so.
"""

import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
SUITE = ROOT.parent / "shared" / "tools" / "autobahn.sh"
NOT_POSSIBLE = 77
GOOD = {"OK", "INFORMATIONAL", "NON-STRICT", "UNIMPLEMENTED"}

Results = dict[str, dict[str, str]]


def main() -> int:
    """Run the suite against both servers and compare."""
    if not SUITE.is_file():
        print("conformance NOT checked: the suite is not beside the project")
        return NOT_POSSIBLE
    ours, bare = run("ours"), run("bare")
    if ours is None or bare is None:
        print("conformance NOT checked: the suite wants Python 2.7")
        return NOT_POSSIBLE
    for name, results in (("ours", ours), ("bare", bare)):
        counts = Counter(case["behavior"] for case in results.values())
        print(f"{name}: {len(results)} cases, {dict(counts)}, not passed: {failed(results)}")
    worse = set(failed(ours)) - set(failed(bare))
    if worse:
        # The suite gives a case one second, which a busy machine may not have.
        print(f"once more, for {sorted(worse)}")
        worse &= set(failed(run("ours") or ours))
    print(
        "no case fails that a bare server passes"
        if not worse
        else f"worse than bare: {sorted(worse)}"
    )
    return 1 if worse or len(ours) != len(bare) else 0


def run(kind: str) -> Results | None:
    """Return the suite's verdicts by case, or None where it cannot be run."""
    with serving(kind) as port, tempfile.TemporaryDirectory() as folder:
        command = ["bash", str(SUITE), f"ws://127.0.0.1:{port}/", folder]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode == NOT_POSSIBLE:
            return None
        report = Path(folder, "index.json")
        if not report.is_file():
            raise SystemExit(f"the suite failed:\n{done.stdout}")
        (results,) = json.loads(report.read_text()).values()
        found: Results = results
        return found


@contextmanager
def serving(kind: str) -> Iterator[int]:
    """Run an echo server in a process of its own; yield its port."""
    command = [sys.executable, "-m", "tests.conformance.echo_server", kind]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def failed(results: Results) -> list[str]:
    """Return the cases that were not passed, or not closed as they should be."""
    return [
        name
        for name, case in results.items()
        if case["behavior"] not in GOOD or case["behaviorClose"] not in GOOD
    ]


if __name__ == "__main__":
    sys.exit(main())
