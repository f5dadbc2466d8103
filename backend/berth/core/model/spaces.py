"""Spaces: registering them, who owns and manages them, what becomes of them."""

from __future__ import annotations

from dataclasses import replace

from berth.core.addresses import ZERO, parse_address
from berth.core.compliance import encode
from berth.core.ids import split_space
from berth.core.model.books import Former, verb
from berth.core.model.compliance import Compliance
from berth.core.model.facts import LockProof, Registration
from berth.core.model.refusal import MAX_16, at_most, refuse
from berth.core.model.registry import dimensions
from berth.core.slots import slot_start, utc_day
from berth.core.words import RotationWord, SpaceWords

# A lease starts at most 90 days after it was made and lasts at most 7; one more for rounding.
LAST_LEASE_DAYS = 98
DAY_SECONDS = 86_400


class Spaces(Compliance):
    """Verbs of an owner over the space itself."""

    @verb
    def register_space(self, sender: str, r: Registration) -> int:
        self._check_not_paused()
        reasons, edition = self.registry.claim(self.address, r.title, r.proven, utc_day(self.now))
        reasons |= self._own_reasons(r)
        if reasons:
            refuse("NotCompliant", encode(reasons))
        self._install(sender, r, edition)
        return r.space_id

    @verb
    def take_over(self, sender: str, r: Registration) -> None:
        self._check_not_paused()
        reasons, edition = self._take_over_reasons(sender, r)
        if reasons:
            refuse("NotCompliant", encode(reasons))
        self._install(sender, r, edition)

    @verb
    def rotate_lock(self, sender: str, space_id: int, lock: LockProof) -> None:
        space = self._owned(space_id, sender)
        reasons = self._lock_reasons(lock)
        if reasons:
            refuse("NotCompliant", encode(reasons))
        if lock.key == space.lock_key:
            refuse("BadAccount", "key", lock.key)
        valid_day = min(space.valid_day, lock.valid_day)
        self._rotate(space_id, space.lock_key, lock, valid_day)
        self.spaces[space_id] = replace(
            space, valid_day=valid_day, lock_key=lock.key, maker=lock.maker
        )

    @verb
    def set_manager(self, sender: str, space_id: int, manager: str) -> None:
        manager = parse_address(manager, "manager")
        self._owned(space_id, sender)
        self._set_manager(space_id, manager)

    @verb
    def delist(self, sender: str, space_id: int) -> None:
        space = self._space(space_id)
        if sender != space.owner and not self._may_be_delisted(space_id, space):
            refuse("NotOwner", space_id, sender)
        past = self.rotation_of(space_id)
        if past.delisted_day:
            refuse("Delisted", space_id)
        self.rotations[space_id] = replace(past, delisted_day=utc_day(self.now))
        self.spaces[space_id] = replace(space, first_live=space.last_offer + 1, valid_day=0)
        self.emit("SpaceDelisted", spaceId=space_id, by=sender)

    @verb
    def release(self, sender: str, space_id: int) -> None:
        self._space(space_id)
        day = self.rotation_of(space_id).delisted_day
        free_from = (day + LAST_LEASE_DAYS + 1) * DAY_SECONDS if day else 0
        if not day or self.now < free_from:
            refuse("ReleaseTooSoon", space_id, free_from)
        self.registry.release(self.address, space_id)

    def rotation_of(self, space_id: int) -> RotationWord:
        return self.rotations.get(space_id, RotationWord())

    def manager_of(self, space_id: int) -> str:
        return self.managers.get(space_id, ZERO)

    def payee_of(self, space_id: int, offer: int) -> str:
        """Whom leases under an offer pay: the owner of the space when it was published."""
        space = self._space(space_id)
        owner, since = space.owner, space.since
        while offer < since:
            before = self.former.get((space_id, since), Former(ZERO, 0))
            owner, since = before.owner, before.since
        return owner

    def _space(self, space_id: int) -> SpaceWords:
        if space_id not in self.spaces:
            refuse("SpaceUnknown", space_id)
        return self.spaces[space_id]

    def _owned(self, space_id: int, caller: str) -> SpaceWords:
        space = self._space(space_id)
        if caller != space.owner:
            refuse("NotOwner", space_id, caller)
        return space

    def _managed(self, space_id: int, caller: str) -> SpaceWords:
        space = self._space(space_id)
        if caller not in (space.owner, self.managers.get(space_id)):
            refuse("NotOwner", space_id, caller)
        return space

    def _check_valid(self, space_id: int, space: SpaceWords, end_slot: int) -> None:
        """Title, identity and lock attestation last until the slot before `end_slot` is over."""
        end_day = utc_day(slot_start(end_slot) - 1)
        if end_day > space.valid_day:
            refuse("SpaceLapses", space_id, end_day, space.valid_day)

    def _may_be_delisted(self, space_id: int, space: SpaceWords) -> bool:
        return space.maker in self.revoked_attesters or self.registry.is_revoked(
            *split_space(space_id)
        )

    def _install(self, owner: str, r: Registration, edition: int) -> None:
        """A new space, a renewal, or a change of owner."""
        at_most("edition", edition, MAX_16)
        space_id, old = r.space_id, self.spaces.get(r.space_id)
        valid_day = min(r.title.valid_day, r.holder.valid_day, r.lock.valid_day)
        first = last_offer = since = 0
        if old and old.owner == owner:
            first, last_offer, since = old.first_live, old.last_offer, old.since
        else:
            last_offer = old.last_offer if old else 0
            first = since = last_offer + 1
            if old:
                self._succeed(space_id, old, owner, since)
        if old:
            self.rotations[space_id] = replace(self.rotation_of(space_id), delisted_day=0)
            if old.lock_key != r.lock.key:
                self._rotate(space_id, old.lock_key, r.lock, valid_day)
        height, width, length = dimensions(r.title.attributes)
        self.spaces[space_id] = SpaceWords(
            owner=owner,
            first_live=first,
            last_offer=last_offer,
            since=since,
            valid_day=valid_day,
            cell=r.title.cell,
            lock_key=r.lock.key,
            height_cm=height,
            width_cm=width,
            length_cm=length,
            connectors=r.connectors,
            power=r.power,
            maker=r.lock.maker,
            edition=edition,
        )
        self.emit(
            "SpaceRegistered",
            spaceId=space_id,
            owner=owner,
            lockKey=r.lock.key,
            cell=r.title.cell,
            addressHash=r.title.address_hash,
            attributes=r.title.attributes,
            connectors=r.connectors,
            power=r.power,
            maker=r.lock.maker,
            validDay=valid_day,
        )

    def _succeed(self, space_id: int, old: SpaceWords, owner: str, since: int) -> None:
        """The former owner stays payee of what he published; his manager goes."""
        if since != old.since:
            self.former[space_id, since] = Former(old.owner, old.since)
        if space_id in self.managers:
            self._set_manager(space_id, ZERO)
        self.emit("SpaceTakenOver", spaceId=space_id, from_=old.owner, to=owner, since=since)

    def _set_manager(self, space_id: int, manager: str) -> None:
        if manager == ZERO:
            self.managers.pop(space_id, None)
        else:
            self.managers[space_id] = manager
        self.emit("ManagerSet", spaceId=space_id, manager=manager)

    def _rotate(self, space_id: int, previous: str, lock: LockProof, valid_day: int) -> None:
        self.rotations[space_id] = replace(
            self.rotation_of(space_id), previous_key=previous, rotated_at=self.now
        )
        self.emit(
            "LockRotated",
            spaceId=space_id,
            previous=previous,
            current=lock.key,
            maker=lock.maker,
            validDay=valid_day,
        )
