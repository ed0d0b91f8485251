"""The rotation state machine: pure, with the clock passed in."""
