"""The remove.bg v1.0 dialect: its parameters, errors, sizes and answers, so that old clients work.

Where the original's behaviour is not published, `docs/migrate.md` says what was chosen.
"""
