"""A real Argo CD on one machine, without root and containers, ready in seconds.

The README's demo, the test suite and the benchmark run on it. Only the pods are simulated, by kwok: every program that
decides something is the real one.
"""
