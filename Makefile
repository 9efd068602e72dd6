# Thin names for bin/dev, which does the work and needs no make.
.PHONY: demo check test lint format lock generate benchmark docs docs-serve pictures hook
demo check test lint format lock generate benchmark docs docs-serve pictures hook:
	@bin/dev $@
