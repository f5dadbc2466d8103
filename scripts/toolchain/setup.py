#!/usr/bin/env python3
"""Install all that Berth is built and tested with, inside this folder.

    .venv              the package `berth`, editable, with the development tools
    .venv-contracts    Brownie, which pins its dependencies too tightly to share an environment
    node_modules       Ganache, the Solidity compiler, OpenZeppelin, linters
    .home/.solcx       solc: native where it can be downloaded, else the npm compiler behind solc.js

Each step leaves a stamp made of what it depends on; a step whose stamp still fits is not repeated.
Standard library only, and no syntax newer than Python 3.6: an old Python must get as far as being told.
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
        PIP_REQUIRE_VIRTUALENV="0",
        UV_CACHE_DIR=str(CACHE / "uv"),
        UV_PYTHON_DOWNLOADS="never",
        UV_NO_PROGRESS="1",
        npm_config_cache=str(CACHE / "npm"),
        npm_config_update_notifier="false",
        SOLCX_BINARY_PATH=str(SOLCX),
        TMPDIR=str(CACHE / "tmp"),
    )
    return env


def run(command, advice, timeout=1200, quiet=False):
    """Run with the output in the log; on failure show its end, unless quiet, and raise the advice."""
    with LOG.open("ab") as log:
        log.write(("\n$ " + " ".join(str(word) for word in command) + "\n").encode())
        log.flush()
        begin = log.tell()
        try:
            code = subprocess.run(
                [str(word) for word in command],
                cwd=str(ROOT), env=environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=timeout,
            ).returncode
        except subprocess.TimeoutExpired:
            code = "no answer in {} s".format(timeout)
        except OSError as error:
            code = str(error)
    if code != 0:
        if not quiet:
            with LOG.open("rb") as log:
                log.seek(begin)
                tail = log.read().decode(errors="replace").splitlines()[-15:]
            sys.stderr.write("".join("    " + line + "\n" for line in tail))
        raise SetupError("{} ({}; all output: {})".format(advice, code, LOG.relative_to(ROOT)))


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
    say("  {} ...".format(name))
    if stamp.is_file():
        stamp.unlink()
    yield True
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(fingerprint + "\n")
    say("  {}: done in {:.0f} s".format(name, time.monotonic() - began))


def check_python():
    if sys.version_info[:2] < PYTHON_MIN:
        raise SetupError(
            "Python {}.{} or newer is needed and {} is {}: install one, or name it with `make setup PYTHON=/path/to/python3`."
            .format(*(PYTHON_MIN + (sys.executable, sys.version.split()[0])))
        )


def check_node():
    """Node's full version."""
    if shutil.which("node") is None:
        raise SetupError("Node.js {} or newer is needed and `node` is not on PATH: install it (with npm).".format(NODE_MIN))
    answer = subprocess.run(["node", "--version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    version = answer.stdout.decode(errors="replace").strip()
    major = version.lstrip("v").split(".")[0]
    if answer.returncode != 0 or not major.isdigit() or int(major) < NODE_MIN:
        raise SetupError(
            "Node.js {} or newer is needed and `node` is {}: install a newer one and put it first on PATH."
            .format(NODE_MIN, version.splitlines()[0] if version else "not answering")
        )
    if shutil.which("npm") is None:
        raise SetupError("npm is needed and is not on PATH: install it (it comes with Node.js; on Debian it is the package npm).")
    return version


def bootstrap_uv():
    """uv in an environment of its own: `uv pip sync` removes all it does not know, itself too."""
    requirements = ROOT / "requirements" / "bootstrap.txt"
    home = CACHE / "bootstrap"
    with step("uv", home / ".stamp", digest(requirements, sys.executable, sys.version)) as needed:
        if needed:
            shutil.rmtree(str(home), ignore_errors=True)
            run(
                [sys.executable, "-m", "venv", home],
                "Python could not make a virtual environment: install its venv module (on Debian the package python3-venv).",
            )
            run(
                [home / "bin" / "python", "-m", "pip", "install", "--quiet", "--require-hashes", "-r", requirements],
                "pip could not install uv: check the network and pip's configuration, then run `make setup` again.",
            )
    return home / "bin" / "uv"


def python_environment(uv, name, requirements, editable):
    home = ROOT / name
    python = home / "bin" / "python"
    parts = [requirements, sys.version, str(home)]
    if editable:
        parts.append(ROOT / "pyproject.toml")
    with step(name, home / ".stamp", digest(*parts)) as needed:
        if not needed:
            return
        advice = (
            "{} could not be installed: check the network and the lines above, then run `make setup` again."
            .format(requirements.relative_to(ROOT))
        )
        run([uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, home], advice)
        run([uv, "pip", "sync", "--quiet", "--require-hashes", "--python", python, requirements], advice)
        if editable:
            run(
                [uv, "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--python", python, "--editable", ROOT],
                "The package berth could not be installed into {}: see the lines above.".format(name),
            )


def node_modules(node):
    home = ROOT / "node_modules"
    lock, manifest = ROOT / "package-lock.json", ROOT / "package.json"
    with step("node_modules", home / ".stamp", digest(lock, manifest, node)) as needed:
        if needed:
            # No package here needs its install script: the few native add-ons have a fallback in JavaScript.
            run(
                ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"],
                "npm could not install the packages of package-lock.json: check the network, then run `make setup` again.",
            )


def solc():
    """BERTH_SOLC=native or npm insists on one of the two; otherwise native is tried once, then npm it is."""
    wanted = os.environ.get("BERTH_SOLC", "auto")
    if wanted not in ("auto", "native", "npm"):
        raise SetupError("BERTH_SOLC must be auto, native or npm, not {!r}.".format(wanted))
    shim = ROOT / "scripts" / "toolchain" / "solc.js"
    binary = SOLCX / "solc-v{}".format(SOLC_VERSION)
    stamp = SOLCX / ".stamp"
    if stamp.is_file() and not binary.exists():
        stamp.unlink()
    with step("solc " + SOLC_VERSION, stamp, digest(SOLC_VERSION, wanted)) as needed:
        if not needed:
            return
        SOLCX.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(str(binary)):
            binary.unlink()
        if wanted != "npm":
            native = [ROOT / ".venv-contracts/bin/python", ROOT / "scripts/toolchain/solc_native.py", SOLC_VERSION]
            try:
                run(native, "The native solc could not be downloaded.", timeout=300, quiet=wanted == "auto")
            except SetupError:
                if wanted == "native":
                    raise
                say("    no native solc to be had here; the npm compiler does the same, a little slower")
                with contextlib.suppress(OSError):
                    binary.unlink()
        if not binary.exists():
            binary.symlink_to(os.path.relpath(str(shim), str(SOLCX)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    check_python()
    node = check_node()
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two at once would tread on each other's environments
        uv = bootstrap_uv()
        python_environment(uv, ".venv", ROOT / "requirements" / "dev.txt", editable=True)
        python_environment(uv, ".venv-contracts", ROOT / "requirements" / "contracts.txt", editable=False)
        node_modules(node)
        solc()


if __name__ == "__main__":
    try:
        main()
    except SetupError as error:
        sys.exit("setup: {}".format(error))
    except KeyboardInterrupt:
        sys.exit("setup: interrupted; run `make setup` again to go on.")
