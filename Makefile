# Thin names for bin/dev, which does the work and needs no make.
.PHONY: demo test lint format lock
demo test lint format lock:
	@bin/dev $@
