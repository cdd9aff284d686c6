from automl.tracking.breaker import FIRST_PAUSE_S, LONGEST_PAUSE_S, Breaker


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_each_fault_in_a_row_doubles_the_pause_up_to_a_limit():
    clock = Clock()
    breaker, pauses = Breaker(clock), []
    for _ in range(10):
        breaker.record_failure()
        begun = clock.now
        while breaker.is_open:
            clock.now += 1
        pauses.append(clock.now - begun)
    assert pauses[:3] == [FIRST_PAUSE_S, 2 * FIRST_PAUSE_S, 4 * FIRST_PAUSE_S]
    assert pauses[-1] == LONGEST_PAUSE_S


def test_a_success_forgets_the_faults_before():
    clock = Clock()
    breaker = Breaker(clock)
    breaker.record_failure()
    breaker.record_failure()
    breaker.record_success()
    assert not breaker.is_open
    breaker.record_failure()
    clock.now += FIRST_PAUSE_S
    assert not breaker.is_open
