from __future__ import annotations

from random import Random

from hbeat.core.hello import Hello
from hbeat.core.proof import HURRY_PAUSE, REPEATED, Proof

PEER = [Hello(f"{n:016x}.0") for n in range(10)]


def test_status_that_repeats_our_present_nonce_is_of_now() -> None:
    proof = Proof(Random(1))
    answer = Hello(PEER[0].nonce, (proof.nonce,))
    assert proof.given_by(answer)
    proof.renew()
    assert not proof.given_by(answer)
    assert proof.is_of_this_life(answer)


def test_no_two_lives_have_a_nonce_in_common() -> None:
    one, other = Proof(Random(1)), Proof(Random(2))
    assert one.nonce != other.nonce
    assert not other.is_of_this_life(Hello(PEER[0].nonce, (one.nonce,)))


def test_the_last_four_nonces_of_the_peer_are_repeated() -> None:
    proof = Proof(Random(1))
    for hello in PEER:
        proof.hear(hello, 0.0)
    assert proof.echoes == tuple(hello.nonce for hello in PEER[-REPEATED:])


def test_one_recording_over_and_over_pushes_nothing_out() -> None:
    proof = Proof(Random(1))
    proof.hear(PEER[0], 0.0)
    for n in range(100):
        proof.hear(PEER[1], float(n))
    assert set(proof.echoes) == {PEER[0].nonce, PEER[1].nonce}


def test_what_was_heard_last_is_kept_longest() -> None:
    proof = Proof(Random(1))
    for hello in (*PEER[:REPEATED], PEER[0], PEER[8]):
        proof.hear(hello, 0.0)
    assert proof.echoes == tuple(hello.nonce for hello in (*PEER[2:REPEATED], PEER[0], PEER[8]))


def test_a_nonce_is_known_since_it_was_heard_first() -> None:
    proof = Proof(Random(1))
    assert [proof.hear(PEER[0], at) for at in (5.0, 7.0)] == [5.0, 5.0]


def test_answers_in_a_hurry_have_pauses() -> None:
    proof = Proof(Random(1))
    assert sum(proof.may_hurry(10 + n / 1000) for n in range(1000)) == 1 / HURRY_PAUSE
