#!/usr/bin/env python3
"""Runs clients and issuers that nobody here wrote, unmodified, against the built server. README.md says more."""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from dataclasses import dataclass, field
from pathlib import Path

sys.dont_write_bytecode = True  # the checkout stays as it is

import browser
import namespace
import parts
from process import die_with_parent
from suite import CASES, Case, Failed


@dataclass
class Report:
    """What came of each case. With CI=true nothing may be left out, and a skip is a failure."""

    passed: int = 0
    failed: int = 0
    skips: list[str] = field(default_factory=list)

    def skip(self, name: str, why: str) -> None:
        if os.environ.get("CI") == "true":
            self.fail(name, f"missing part, and CI=true: {why}")
        else:
            self.skips.append(f"{name}: {why}")
            print(f"skipped   {name}: {why}", flush=True)

    def fail(self, name: str, why: str) -> None:
        self.failed += 1
        print(f"FAILED    {name}: {why}", flush=True)

    def succeed(self, name: str) -> None:
        self.passed += 1
        print(f"ok        {name}", flush=True)

    def write(self, path: Path | None) -> None:
        if path:
            counts = {"passed": self.passed, "failed": self.failed, "skipped": len(self.skips), "skips": self.skips}
            path.write_text(json.dumps(counts) + "\n")


def main() -> int:
    arguments = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if arguments.inside:
        die_with_parent()
        return run_cases(arguments, namespaced=True)
    if arguments.json:
        arguments.json.unlink(missing_ok=True)
    report = Report()
    try:
        for name, why in parts.install(arguments.cache, needs(chosen(arguments))).missing.items():
            print(f"missing   {name}: {why}", flush=True)
    except parts.Missing as why:
        report.skip("everything", str(why))
        report.write(arguments.json)
        return 1 if report.failed else 0
    if arguments.install_only:
        report.write(arguments.json)
        return 0
    if arguments.binary is None or not os.access(arguments.binary, os.X_OK):
        report.fail("everything", f"`{arguments.binary}` is not a program, expected --binary PATH")
        report.write(arguments.json)
        return 1
    if why := namespace.missing():
        print(f"without   namespaces: {why}", flush=True)
        return run_cases(arguments, namespaced=False, why=why)
    return run_inside(arguments)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", type=lambda path: Path(path).absolute(), help="the built `accredit`")
    parser.add_argument("--cache", type=lambda path: Path(path).absolute(), required=True, help="where parts are installed")
    parser.add_argument("--json", type=lambda path: Path(path).absolute(), help="where counts are written")
    parser.add_argument("--install-only", action="store_true", help="install the parts, run nothing")
    parser.add_argument("--only", action="append", default=[], help="a case, or a group of cases such as `refresh`")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def run_inside(arguments: argparse.Namespace) -> int:
    """Runs this program again in namespaces of its own, and ends it if we are ended."""
    command = namespace.command([sys.executable, __file__, *sys.argv[1:], "--inside"])
    inside = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=die_with_parent, start_new_session=True)
    try:
        return inside.wait()
    finally:
        if inside.poll() is None:
            inside.terminate()
            try:
                inside.wait(20)
            except subprocess.TimeoutExpired:
                inside.kill()
                inside.wait()


def run_cases(arguments: argparse.Namespace, *, namespaced: bool, why: str = "") -> int:
    report = Report()
    wanted = chosen(arguments)
    installed = parts.install(arguments.cache, needs(wanted), build=False)
    missing = installed.missing if namespaced else installed.missing | {"namespace": why}
    if shutil.which("curl") is None:
        missing["curl"] = "`curl` is not installed"
    if browser.program() is None:
        missing["chromium"] = "`chromium` is not installed, and `CHROMIUM` names none"
    if not wanted:
        report.fail("everything", f"no case is called {' or '.join(arguments.only)}")
    runnable = []
    for case in wanted:
        lacks = next((missing[part] for part in case.needs if part in missing), None)
        runnable.append(case) if lacks is None else report.skip(case.name, lacks)
    if runnable:
        with tempfile.TemporaryDirectory(prefix="accredit-interop-") as folder:
            run_world(arguments, installed, Path(folder), runnable, report, namespaced=namespaced)
    report.write(arguments.json)
    print(f"interop   {report.passed} passed, {report.failed} failed, {len(report.skips)} skipped", flush=True)
    return 1 if report.failed else 0


def run_world(
    arguments: argparse.Namespace, installed: parts.Parts, folder: Path, runnable: list[Case], report: Report, *, namespaced: bool
) -> None:
    from world import World

    try:
        if namespaced:
            namespace.enter(folder)
        with World(arguments.binary, installed, folder, namespaced=namespaced) as world:
            for case in runnable:
                try:
                    case.check(world, **case.arguments)
                except Failed as failed:
                    report.fail(case.name, str(failed))
                except Exception:
                    report.fail(case.name, f"it could not be judged\n{traceback.format_exc()}")
                else:
                    report.succeed(case.name)
            if report.failed:
                print_tail(folder / "server.log")
    except Exception:
        report.fail("everything", f"the world could not be started\n{traceback.format_exc()}")


def chosen(arguments: argparse.Namespace) -> list[Case]:
    import cases  # noqa: F401  registers them

    names = {case.name for case in CASES}

    def meant(case: Case, only: str) -> bool:
        return case.name == only if only in names else case.name.startswith((f"{only}/", f"{only}-"))

    return [case for case in CASES if not arguments.only or any(meant(case, only) for only in arguments.only)]


def needs(wanted: list[Case]) -> set[str]:
    return {part for case in wanted for part in case.needs}


def print_tail(log: Path) -> None:
    lines = log.read_text(errors="replace").splitlines()[-20:]
    print("the server's last words:", *lines, sep="\n  ", flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
