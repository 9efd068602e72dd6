"""Why a release was not delivered."""
