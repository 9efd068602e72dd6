"""The report as a page: one file of HTML, made from the JSON report alone."""
