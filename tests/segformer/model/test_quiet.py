import logging

from segformer.model.quiet import quiet_imports


def test_levels_are_as_before_afterwards():
    logger = logging.getLogger("torchao")
    before = logger.level
    with quiet_imports():
        assert logger.level == logging.ERROR
    assert logger.level == before
