"""Films in, scores out: data sets, preprocessing, networks, metrics, bundles. Knows nothing of Django."""

DEFAULT_MODEL = "screener"
NOTICE = "For research and education only. Not a diagnostic device; no result here is a diagnosis."
