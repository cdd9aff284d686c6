from threading import Event

from automl.progress.importances import FIRST, GrowingImportances


def settled(importances, measured):
    """Return what is shown once a computation that a look began has ended."""
    importances.look(measured)
    if importances._thread is not None:
        importances._thread.join(timeout=60)
    return dict(importances.look(measured))


def test_shares_are_computed_beside_the_look_and_again_when_the_search_has_grown(tmp_path):
    counts, may_go_on = [], Event()

    def compute(root):
        assert may_go_on.wait(60)
        counts.append(root)
        return {"lr": len(counts) / 10}

    importances = GrowingImportances(tmp_path, compute)
    assert dict(importances.look(FIRST - 1)) == {} == dict(importances.look(FIRST))
    may_go_on.set()
    assert settled(importances, FIRST) == {"lr": 0.1}
    assert settled(importances, FIRST + 1) == {"lr": 0.1}  # Too few more.
    assert settled(importances, 2 * FIRST) == {"lr": 0.2}
    assert counts == [tmp_path, tmp_path]


def test_trials_that_tell_nothing_leave_the_last_shares(tmp_path):
    found = iter([{"lr": 1.0}, {}])
    importances = GrowingImportances(tmp_path, lambda _root: next(found))
    assert settled(importances, FIRST) == settled(importances, 9 * FIRST) == {"lr": 1.0}
