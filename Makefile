# Thin names for bin/dev, which does the work and needs no make.
.PHONY: demo test lint format lock generate benchmark docs docs-serve pictures
demo test lint format lock generate benchmark docs docs-serve pictures:
	@bin/dev $@
