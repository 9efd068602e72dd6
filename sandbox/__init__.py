"""A real Argo CD on one machine, without root and containers, ready in seconds.

The README's demo, the test suite and the benchmark use it. Only the pods are simulated, by kwok. All other programs are
the real ones.
"""
