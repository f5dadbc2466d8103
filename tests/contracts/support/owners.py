"""A space that becomes somebody else's: the city's next edition, and who takes over."""

from support.forms import Edition
from support.world import title

HEIR = b"\xa1" * 32  # salted identity of a later holder


def next_edition(world, *changed, dropped=()) -> Edition:
    """The city's next edition, with other titles at some indices."""
    by_index = {each.index: each for each in (*world.edition.titles, *changed)}
    edition = Edition.of(*(by_index[index] for index in sorted(by_index)))
    world.publish(edition, dropped=dropped)
    return edition


def hand_over(world, space: int, to, holder=HEIR):
    """A new edition in which the space is somebody else's, who takes it over."""
    index = space & 0xFFFFFFFF
    edition = next_edition(world, title(index, salted_holder=holder))
    form = world.registration(index, owner=to.address, edition=edition).form()
    return world.market.takeOver(form, {"from": to})
