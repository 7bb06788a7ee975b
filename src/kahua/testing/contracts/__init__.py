"""One suite of tests for each port, to be inherited by the tests of every implementation."""
