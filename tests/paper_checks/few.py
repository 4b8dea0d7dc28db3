"""A profile of few instances, for tests of whole claims."""

from paper_checks.settings import Settings


class Few(Settings):
    """As many instances as show both a verdict and its control."""

    def scaled(self, quick: int, full: int) -> int:
        del full
        return min(quick, 8)
