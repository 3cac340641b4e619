"""A board of votes: what is counted, and how sure it is."""

from __future__ import annotations

from decimal import Decimal

from sidecar.comparing.ratings import Choice, Shown, board

CHEAP, DEAR = Decimal("0.01"), Decimal("0.03")


def test_wins_losses_ties_and_dollars_for_a_win() -> None:
    won = Choice([Shown("a", CHEAP), Shown("b", DEAR)], 0)
    lost = Choice([Shown("a", CHEAP), Shown("b")], 1)
    tie = Choice([Shown("b", DEAR), Shown("a", CHEAP)], None)
    first, second = board([won, won, lost, tie])

    assert (first.model, first.votes, first.wins, first.losses, first.ties) == ("a", 4, 2, 1, 1)
    assert (second.model, second.wins, second.losses, second.ties) == ("b", 1, 2, 1)
    assert (first.cost_usd, first.usd_per_win) == (Decimal("0.04"), Decimal("0.02"))
    # One of its answers cost nobody knows what.
    assert (second.cost_usd, second.usd_per_win) == (Decimal("0.09"), None)
    assert first.low < first.rating < first.high


def test_more_votes_make_surer_and_three_to_one_is_about_190_points() -> None:
    def played(times: int) -> float:
        choices = [Choice([Shown("a"), Shown("b")], place) for place in (0, 0, 0, 1)] * times
        first, second = board(choices)
        assert 150 < first.rating - second.rating < 192 or times < 20
        return first.high - first.low

    assert played(100) < played(20) < played(1)


def test_who_always_wins_is_not_infinitely_good_and_nobody_is_an_empty_board() -> None:
    first, *_ = board([Choice([Shown("a"), Shown("b"), Shown("c")], 0)] * 50)
    assert 1000 < first.rating < 2500
    assert board([]) == []


def test_among_three_the_winner_beats_each_and_the_others_do_not_meet() -> None:
    standings = board([Choice([Shown("a"), Shown("b"), Shown("c")], 0)])
    assert [each.model for each in standings] == ["a", "b", "c"]
    assert standings[1].rating == standings[2].rating


def test_answers_whose_cost_is_not_known_are_counted_with_their_bounds_and_cost_not_nothing() -> None:
    cut = Shown("a", None, Decimal("0.02"), Decimal("0.5"))
    first, second = board([Choice([cut, Shown("b", CHEAP)], 0), Choice([cut, Shown("b")], 0)])
    assert (first.cost_usd, first.usd_per_win) == (None, None)
    assert (first.uncertain.calls, first.uncertain.at_least_usd, first.uncertain.at_most_usd) == (
        2,
        Decimal("0.04"),
        Decimal("1.0"),
    )
    # The other's second answer has no bound.
    assert (second.cost_usd, second.uncertain.calls, second.uncertain.unbounded) == (CHEAP, 1, 1)
