"""Download the native solc with py-solc-x, giving up early where its host cannot be reached.

Run by setup.py with the Python of .venv-contracts; SOLCX_BINARY_PATH says where to.
"""

import functools
import sys

import requests

# py-solc-x sets no timeout: seconds to connect, seconds between two packets
requests.get = functools.partial(requests.get, timeout=(5, 20))

import solcx  # noqa: E402

try:
    solcx.install_solc(sys.argv[1])
except Exception as error:
    sys.exit(f"no native solc {sys.argv[1]}: {type(error).__name__}: {error}")
