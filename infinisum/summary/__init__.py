"""From a reading to a summary: writing, choosing sentences, checking what was written."""
