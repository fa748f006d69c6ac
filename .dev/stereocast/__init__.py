"""The package tree as it is installed, for tools that read sources: mypy and runs without installing."""

__version__ = "0+sources"
