# Thin names for bin/dev, which does the work and needs no make.
.PHONY: demo test lint format lock generate
demo test lint format lock generate:
	@bin/dev $@
