"""The clocks that everything decides by."""

import threading

from berth.core.clock import ChainClock, WallClock


class Wall:
    def __init__(self, at):
        self.at = at

    def __call__(self):
        return self.at


def test_the_wall_clock_tells_whole_seconds():
    assert WallClock().now() > 1_700_000_000


def test_the_chain_clock_is_the_wall_clock_until_it_has_seen_a_block():
    assert ChainClock(Wall(1000.7)).now() == 1000


def test_the_chain_clock_follows_time_travel_and_runs_on():
    wall = Wall(1000.25)
    clock = ChainClock(wall)
    clock.follow(90_000)
    assert clock.now() == 90_000
    wall.at += 5
    assert clock.now() == 90_005
    assert clock.skew == 89_000


def test_the_chain_clock_never_goes_backwards():
    wall = Wall(1000)
    clock = ChainClock(wall)
    clock.follow(5000)
    assert clock.now() == 5000
    clock.follow(4000)
    assert clock.now() == 5000
    wall.at += 1001
    assert clock.now() == 5001


def test_a_block_a_little_late_does_not_turn_the_clock_back():
    wall = Wall(1000)
    clock = ChainClock(wall)
    seen = []
    for tick in range(50):
        wall.at = 1000 + tick * 0.5
        clock.follow(int(wall.at) - tick % 3)
        seen.append(clock.now())
    assert seen == sorted(seen)


def test_the_chain_clock_is_monotonic_among_threads():
    wall = Wall(1000)
    clock = ChainClock(wall)
    faults = []

    def read():
        last = 0
        for _ in range(2000):
            now = clock.now()
            if now < last:
                faults.append((last, now))
            last = now

    def jump():
        for step in range(2000):
            clock.follow(1000 + (step * 7919) % 500)

    threads = [threading.Thread(target=read) for _ in range(3)] + [threading.Thread(target=jump)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
