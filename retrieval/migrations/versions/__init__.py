"""One module per change of the SQL schema; a module that has shipped is never edited again."""
