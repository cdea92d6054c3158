"""Catalogues of all codes of the server: of films, of requests and of health probes.

How to add a code:

1. Choose the catalogue. Why one file has no score: :mod:`ml.codes` where ``ml`` raises it, else :mod:`.film_codes`.
   Why a whole request is refused: :mod:`.batch_codes`, :mod:`.reading_codes`, else :mod:`.request_codes`. Why the
   system does not work: :mod:`.probe_codes`.
   What the client finds by itself: ``xrayscreen/codes.py``. What keeps an instance from starting:
   ``screening/runtime/codes.py``.
2. Add one constant there: code, stage, sentence with ``{placeholders}``, row of the table in ``docs/``, HTTP status.
   The sentence says what is wrong and what to do.
3. Raise it: ``FilmError(film_codes.NEW, size=…)`` or ``ScreeningError(batch_codes.NEW, …)``. ``mypy`` refuses what
   is no entry, and ``tests/test_codes.py`` compares the placeholders.
4. Where a REST operation answers it, name it in ``@answers_errors(…)`` of the view, for the OpenAPI schema.
5. ``make format`` writes the tables in ``docs/`` anew; ``tests/test_codes.py`` fails where they differ.

A second sentence for the same code is a variant: ``NEW.variant("…")``. A code that was released never changes.
"""
