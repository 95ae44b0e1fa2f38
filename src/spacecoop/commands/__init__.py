"""One module a command: ``arguments`` says what it takes, ``run`` does it and returns the exit code."""
