"""Coverage-guided fuzzing, for `make fuzz`: what crashes is left in `build/fuzz`, to be a test."""
