"""A studio: its connections and mapping tables, as a file and in the database."""
