"""The sample study, for somebody who has no films at hand."""

from __future__ import annotations

from django.contrib.auth.models import User

from screening.batches import services as batches
from screening.intake.services import add_file
from screening.models import Batch


def sample_batch(*, owner: User) -> Batch:
    """Send the sample study as its owner would, and hand it to the workers.

    Args:
        owner: whose batch it becomes.

    Raises:
        ScreeningError: as :func:`screening.batches.services.create_batch` and ``add_file``.
    """
    from screening.batches.sample_study import first_study  # here: it loads the phantom's drawing code

    study = first_study()
    batch = batches.create_batch(owner=owner, name=study.title)
    for upload in study.uploads:
        add_file(batch=batch, name=upload.name, data=upload.data())
    return batches.submit(batch=batch)
