"""The report as a page: one file of HTML, rendered from the JSON report alone."""
