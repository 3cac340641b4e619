"""What lasts: one SQLite file, its tables, its migrations. Table modules are plain functions over a connection."""
