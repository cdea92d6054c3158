"""Pseudonyms: stable under a key, unlike under another, and proper UIDs."""

from __future__ import annotations

import uuid

from screening.deidentification import pseudonyms

KEY = b"one"


def test_a_uid_is_a_proper_uuid_under_its_root() -> None:
    seen = set()
    for number in range(500):
        made = pseudonyms.uid_pseudonym(KEY, f"1.2.{number}")
        root, tail = made[:5], made[5:]
        one = uuid.UUID(int=int(tail))
        assert root == "2.25."
        assert (one.version, one.variant) == (8, uuid.RFC_4122)
        assert len(made) <= 64
        seen.add(made)
    assert len(seen) == 500
    assert (
        pseudonyms.uid_pseudonym(KEY, "1.2.3")
        == pseudonyms.uid_pseudonym(KEY, "1.2.3")
        != pseudonyms.uid_pseudonym(b"two", "1.2.3")
    )


def test_a_patient_is_who_the_id_and_its_issuer_say() -> None:
    def named(patient_id: str = "", issuer: str = "", name: str = "", born: str = "") -> str:
        return pseudonyms.patient_pseudonym(KEY, patient_id, issuer, name, born)

    assert named("0012") == named(" 0012\0", name="Doe^Jane")
    assert named("0012") != named("12")  # zeros in front may count
    assert named("0012", "Ward A") != named("0012", "Ward B")
    assert named(name="Doe^Jane", born="19700101") == named(name="DOE^JANE^^=other script", born="19700101")
    assert named(name="Doe^Jane", born="19700101") != named(name="Doe^Jane", born="19700102")
    assert named(name="Doe^Jane") == named(born="19700101") == named() == ""
    assert named("a\x1fb") != named("a", "b")
    assert len(named("0012")) <= 32
