"""The errors of the control API."""

from scoringhost.hub import errors
from scoringhost.hub.control.words import STATUSES, code_of, said


def test_every_error_of_the_hub_has_a_status() -> None:
    leaves = {
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.HubError) and kind is not errors.HubError
    }
    assert set(STATUSES) == leaves
    assert all(name.__name__ in str(errors.__doc__) for name in leaves)


def test_an_error_says_its_code_its_field_and_its_log() -> None:
    assert code_of(errors.NothingToRollBack) == "nothing_to_roll_back"
    assert said(errors.NameRefused("version", "a/b", "letters"))["field"] == "version"
    failed = said(errors.DeploymentFailed("wine", "1", "no model", ["a", "b"]))
    assert (failed["reason"], failed["log"]) == ("no model", ["a", "b"])
