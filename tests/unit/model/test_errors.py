from argocd_release.model.outcome import Outcome

SHELL_AND_SIGNALS = range(126, 166)


def test_exit_codes_and_words_are_unique() -> None:
    assert len({outcome.exit_code for outcome in Outcome}) == len(Outcome)
    assert len({outcome.word for outcome in Outcome}) == len(Outcome)


def test_only_signals_use_the_codes_of_signals() -> None:
    used = {outcome for outcome in Outcome if outcome.exit_code in SHELL_AND_SIGNALS}
    assert used == {Outcome.INTERRUPTED, Outcome.CANCELLED}


def test_only_a_delivery_is_green() -> None:
    assert [outcome for outcome in Outcome if outcome.exit_code == 0] == [Outcome.DELIVERED]


def test_not_judged_is_never_called_failed() -> None:
    not_failed = {outcome for outcome in Outcome if not outcome.is_failure}
    assert {Outcome.UNREACHABLE, Outcome.DENIED, Outcome.SETTINGS, Outcome.CANCELLED} <= not_failed
