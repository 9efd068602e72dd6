"""HTTP and TLS: the only package that opens connections to other machines for the job."""
