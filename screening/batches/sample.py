"""A batch of the sample study, for users who have no films at hand."""

from __future__ import annotations

from django.contrib.auth.models import User

from screening.batches import services as batches
from screening.intake.services import add_file
from screening.models import Batch


def create_sample_batch(*, owner: User) -> Batch:
    """Create a batch of the sample study and submit it.

    Args:
        owner: the owner of the batch.

    Returns:
        the submitted batch.

    Raises:
        ScreeningError: as :func:`screening.batches.services.create_batch` and ``add_file``.
    """
    from screening.batches.sample_study import short_study  # here: it loads the phantom's drawing code

    study = short_study()
    batch = batches.create_batch(owner=owner, name=study.title)
    for upload in study.uploads:
        add_file(batch=batch, name=upload.name, data=upload.data())
    return batches.submit_batch(batch=batch)
