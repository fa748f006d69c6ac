"""`python -m stereocast.runtime.cli`: the command line without the installed script."""

from stereocast.runtime.cli import main

main()
