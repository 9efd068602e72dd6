"""The doctor, which checks everything that a release needs, and says how to fix each problem."""
