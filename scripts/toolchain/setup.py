#!/usr/bin/env python3
"""Install all that Berth is built and tested with, inside this folder.

    .venv              the package `berth`, editable, with the development tools
    .venv-contracts    Brownie, which pins its dependencies too tightly to share an environment
    node_modules       Ganache, the Solidity compiler, OpenZeppelin, linters
    dapp/node_modules  what the dApp is made of, built and tested with
    .home/.solcx       solc: native where it can be downloaded, else the npm compiler (solc.js)

and with --analysis, only where `make analyze` is run, for it is large:

    .venv-analysis     Slither and Halmos with their solvers
    scripts/analysis/forge/node_modules   Forge

and with --bench, only where `make bench-indexer` or `make bench-latency` is run:

    bench/node/node_modules     anvil; elsewhere than on Linux x86-64 the one on PATH serves
    bench/ponder/node_modules   Ponder and viem, the indexer that ours is measured against

Each step leaves a stamp made of what it depends on; a step whose stamp still fits is not repeated.
Standard library only, no syntax newer than Python 3.6: an old Python must get as far as being told.
"""

import argparse
import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
SOLCX = ROOT / ".home" / ".solcx"
LOG = CACHE / "setup.log"

PYTHON_MIN = (3, 11)
NODE_MIN = 20
SOLC_VERSION = "0.8.30"

AGAIN = "check the network and the lines above, then run `make setup` again"


class SetupError(Exception):
    """One sentence: what is wrong and what to do about it."""


def say(text):
    print(text, flush=True)


def environment():
    """The caller's environment, with every cache moved into this folder."""
    env = dict(os.environ)
    for name in ("VIRTUAL_ENV", "PYTHONHOME", "PYTHONPATH", "CONDA_PREFIX"):
        env.pop(name, None)
    (CACHE / "tmp").mkdir(parents=True, exist_ok=True)
    env.update(
        PIP_CACHE_DIR=str(CACHE / "pip"),
        PIP_DISABLE_PIP_VERSION_CHECK="1",
        UV_CACHE_DIR=str(CACHE / "uv"),
        UV_PYTHON_DOWNLOADS="never",
        # pip asks rustc, where there is one, for its version; rustup would make a folder in HOME
        RUSTUP_HOME=os.environ.get("RUSTUP_HOME", str(CACHE / "rustup")),
        npm_config_cache=str(CACHE / "npm"),
        npm_config_update_notifier="false",
        SOLCX_BINARY_PATH=str(SOLCX),
        TMPDIR=str(CACHE / "tmp"),
    )
    return env


def run(command, advice, timeout=1200, quiet=False):
    """Run with the output in the log; on failure show its end, unless quiet, and raise advice."""
    words = [str(word) for word in command]
    with LOG.open("ab") as log:
        log.write(("\n$ " + " ".join(words) + "\n").encode())
        log.flush()
        begin = log.tell()
        try:
            trouble = subprocess.run(
                words,
                check=False,
                cwd=str(ROOT),
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                timeout=timeout,
            ).returncode
        except subprocess.TimeoutExpired:
            trouble = f"no end after {timeout} s"
        except OSError as error:
            trouble = str(error)
    if trouble:
        if not quiet:
            with LOG.open("rb") as log:
                log.seek(begin)
                tail = log.read().decode(errors="replace").splitlines()[-15:]
            sys.stderr.write("".join(f"    {line}\n" for line in tail))
        raise SetupError(f"{advice} ({trouble}; all output: {LOG.relative_to(ROOT)}).")


def digest(*parts):
    sha = hashlib.sha256()
    for part in parts:
        sha.update(part.read_bytes() if isinstance(part, Path) else str(part).encode())
        sha.update(b"\0")
    return sha.hexdigest()


@contextlib.contextmanager
def step(name, stamp, fingerprint):
    """Yield True when there is something to do; leave the stamp once it is done."""
    if stamp.is_file() and stamp.read_text().strip() == fingerprint:
        yield False
        return
    began = time.monotonic()
    say(f"  {name} ...")
    if stamp.is_file():
        stamp.unlink()
    yield True
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(fingerprint + "\n")
    say(f"  {name}: done in {time.monotonic() - began:.0f} s")


def check_python():
    if sys.version_info[:2] < PYTHON_MIN:
        wanted = ".".join(str(part) for part in PYTHON_MIN)
        raise SetupError(
            f"Python {wanted} or newer is needed and {sys.executable} is {sys.version.split()[0]}: "
            "install one, or name it with `make setup PYTHON=/path/to/python3`."
        )


def check_node():
    """Node's version, once it and npm are known to be there."""
    if shutil.which("node") is None:
        raise SetupError(
            f"Node.js {NODE_MIN} or newer is needed and `node` is not on PATH: "
            "install it, together with npm."
        )
    answer = subprocess.run(
        ["node", "--version"], check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    version = (answer.stdout.decode(errors="replace").splitlines() or ["silent"])[0].strip()
    major = version.lstrip("v").split(".")[0]
    if answer.returncode != 0 or not major.isdigit() or int(major) < NODE_MIN:
        raise SetupError(
            f"Node.js {NODE_MIN} or newer is needed and `node` is {version}: "
            "install a newer one and put it first on PATH."
        )
    if shutil.which("npm") is None:
        raise SetupError("npm is needed and is not on PATH: install it beside Node.js.")
    return version


def bootstrap_uv():
    """uv in an environment of its own: `uv pip sync` removes all it does not know, itself too."""
    requirements = ROOT / "requirements" / "bootstrap.txt"
    home = CACHE / "bootstrap"
    with step("uv", home / ".stamp", digest(requirements, sys.version, str(home))) as needed:
        if needed:
            shutil.rmtree(str(home), ignore_errors=True)
            run(
                [sys.executable, "-m", "venv", home],
                "Python could not make a virtual environment: install its venv module "
                "(on Debian the package python3-venv)",
            )
            pip = [home / "bin" / "python", "-m", "pip", "install", "--quiet"]
            run(
                [*pip, "--require-hashes", "-r", requirements],
                f"pip could not install uv: {AGAIN}",
            )
    return home / "bin" / "uv"


def python_environment(uv, name, requirements, finish, *parts):
    """An environment of exactly these requirements; `finish` has the last word on it."""
    home = ROOT / name
    # the path too: scripts in bin/ name it, so an environment moved elsewhere is made anew
    base = digest(sys.version, str(home))
    with step(name, home / ".stamp", digest(requirements, base, *parts)) as needed:
        if needed:
            python = home / "bin" / "python"
            advice = f"{requirements.relative_to(ROOT)} could not be installed: {AGAIN}"
            make = [uv, "venv", "--quiet", "--clear", "--python", sys.executable]
            sync = [uv, "pip", "sync", "--quiet", "--require-hashes", "--python", python]
            # one that is there is brought up to date in place: something may be running in it
            made = home / ".made"
            if not (made.is_file() and made.read_text() == base):
                run([*make, home], advice)
                made.write_text(base)
            run([*sync, requirements], advice)
            finish(uv, home)


def nothing_more(uv, home):
    """An environment that is complete with its requirements."""


def install_berth(uv, home):
    install = [uv, "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    run(
        [*install, "--python", home / "bin" / "python", "--editable", ROOT],
        "the package berth could not be installed: see the lines above",
    )


def unfreeze_brownie(uv, home):
    """Leave Brownie's Python files alone in charge.

    Its compiled ones (mypyc) check types that its own code violates: `networks.default`, and every
    deployment on a live network, fail with "TypeError: dict object expected". The Python files
    beside them work, and tests take no longer.
    """
    for compiled in home.glob("lib/python3*/site-packages/brownie/**/*.so"):
        compiled.unlink()


def node_modules(node, home):
    lock, manifest = home / "package-lock.json", home / "package.json"
    modules = home / "node_modules"
    name = str(modules.relative_to(ROOT))
    with step(name, modules / ".stamp", digest(lock, manifest, node)) as needed:
        if needed:
            # No install scripts: the few native add-ons have a fallback in JavaScript.
            npm = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            run(
                [*npm, "--loglevel", "error", "--prefix", home],
                f"npm could not install the packages of {lock.relative_to(ROOT)}: {AGAIN}",
            )


def solc():
    """BERTH_SOLC=native or npm insists on one; otherwise native is tried once, then it is npm's."""
    wanted = os.environ.get("BERTH_SOLC", "auto")
    if wanted not in ("auto", "native", "npm"):
        raise SetupError(f"BERTH_SOLC must be auto, native or npm, not {wanted!r}.")
    tools = ROOT / "scripts" / "toolchain"
    binary = SOLCX / f"solc-v{SOLC_VERSION}"
    stamp = SOLCX / ".stamp"
    if stamp.is_file() and not binary.exists():
        stamp.unlink()
    with step(f"solc {SOLC_VERSION}", stamp, digest(SOLC_VERSION, wanted)) as needed:
        if not needed:
            return
        SOLCX.mkdir(parents=True, exist_ok=True)
        remove(binary)
        if wanted != "npm":
            python = ROOT / ".venv-contracts" / "bin" / "python"
            try:
                run(
                    [python, tools / "solc_native.py", SOLC_VERSION],
                    "the native solc could not be downloaded: leave BERTH_SOLC out to use npm's",
                    timeout=300,
                    quiet=wanted == "auto",
                )
            except SetupError:
                if wanted == "native":
                    raise
                say("    no native solc to be had here: npm's does the same, a little slower")
                remove(binary)
        if not binary.exists():
            binary.symlink_to(os.path.relpath(str(tools / "solc.js"), str(SOLCX)))


def remove(path):
    if os.path.lexists(str(path)):
        path.unlink()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--analysis", action="store_true", help="also what `make analyze` needs: 320 MB"
    )
    parser.add_argument(
        "--bench", action="store_true", help="also what the benchmarks need: 200 MB"
    )
    arguments = parser.parse_args()
    check_python()
    node = check_node()
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two at once would tread on each other's environments
        requirements = ROOT / "requirements"
        uv = bootstrap_uv()
        python_environment(
            uv, ".venv", requirements / "dev.txt", install_berth, ROOT / "pyproject.toml"
        )
        python_environment(uv, ".venv-contracts", requirements / "contracts.txt", unfreeze_brownie)
        node_modules(node, ROOT)
        node_modules(node, ROOT / "dapp")
        solc()
        if arguments.analysis:
            python_environment(uv, ".venv-analysis", requirements / "analysis.txt", nothing_more)
            node_modules(node, ROOT / "scripts" / "analysis" / "forge")
        if arguments.bench:
            node_modules(node, ROOT / "bench" / "node")
            node_modules(node, ROOT / "bench" / "ponder")


if __name__ == "__main__":
    try:
        main()
    except SetupError as error:
        sys.exit(f"setup: {error}")
    except KeyboardInterrupt:
        sys.exit("setup: interrupted; run `make setup` again to go on.")
