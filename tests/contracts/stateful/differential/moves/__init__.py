"""What can happen in a market, a function a verb: each makes the verb legal if it can be."""

from differential.moves.ending import ENDING
from differential.moves.leasing import LEASING
from differential.moves.locks import LOCKS
from differential.moves.money import MONEY
from differential.moves.offices import OFFICES
from differential.moves.spaces import SPACES
from differential.teller import Move

MOVES: dict[str, Move] = {**SPACES, **LEASING, **LOCKS, **ENDING, **MONEY, **OFFICES}
