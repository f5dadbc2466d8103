"""The contracts and the Python model side by side: the same steps, the same answers, the same
state.

Nothing here imports Brownie, so that the same sequences run on Ganache under Brownie and on an EVM
inside a plain Python process.
"""
