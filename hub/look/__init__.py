"""Looking: read-only questions that every front end asks. Nothing here changes anything."""
