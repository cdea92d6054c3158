"""Texts of the model card of ``screener``."""

from __future__ import annotations

from ml.evaluation.card_builder import CardText
from ml.model_card.description import DataSource

SUMMARY = (
    "An EfficientNet-Lite0 that tells frontal chest films of people with COVID-19 from films of healthy people and "
    "of people with other pneumonias, trained on five public collections. It sees the lung fields only, cut out and "
    "equalised, says where in them it looks, and refuses pictures that are no upright frontal chest film."
)

INTENDED_USE = (
    "Research and teaching: how well such a network holds up on hospitals it has not seen, and how to say so."
)

NOT_FOR = (
    "Diagnosis, triage or any other clinical decision.",
    "Ruling COVID-19 in or out in any person: see the predictive values at low prevalence.",
    "Lateral films, CT slices, photographs of screens, other body parts.",
    "Diseases other than pneumonia: effusion, tumour, tuberculosis and the rest are not among what it learnt.",
)

LIMITS = (
    "Most collections have one class only, so the hospital still tells a part of the label; the numbers on left-out "
    "sources say how much is left when it cannot.",
    "COVID-19 films are mostly of in-patients of 2020 and 2021, before vaccination and later variants.",
    "Labels are those of the publishers: PCR for some, reports or captions for others; NIH labels were mined from "
    "reports by text.",
    "Films are 8 bit and at most 512 pixels; detail beyond that was not there to be learnt.",
    "Healthy adults come from one hospital (NIH) and healthy children from another; age and hospital are one here.",
    "The lung fields are found by a small network that learnt from one collection; where it fails, the middle of the "
    "film is scored.",
    "The ImageNet weights come from a package that states no licence of its own; at their origin they are under "
    "Apache-2.0.",
)

ETHICS = (
    "Public, de-identified data; no patient can be named from what is in this repository.",
    "A score beside a film sways its reader. The dashboard shows the model's numbers on unseen hospitals beside it.",
)

DATA_SOURCES = (
    DataSource(
        name="covid-chestxray-dataset",
        use="COVID-19, other pneumonias, a few healthy",
        citation="Cohen et al., COVID-19 Image Data Collection: Prospective Predictions Are the Future, 2020",
        licence="per image, as its metadata say",
    ),
    DataSource(
        name="covid-19-image-repository",
        use="COVID-19",
        citation="Winther et al., COVID-19 Image Repository, Hannover Medical School, 2020",
        licence="CC BY 3.0",
    ),
    DataSource(
        name="covid-cxnet",
        use="COVID-19",
        citation="Haghanifar et al., COVID-CXNet, Multimedia Tools and Applications 2022",
        licence="CC BY 4.0",
    ),
    DataSource(
        name="chest_xray",
        use="healthy children, children with pneumonia",
        citation="Kermany et al., Identifying Medical Diagnoses and Treatable Diseases by Image-Based Deep "
        "Learning, Cell 2018",
        licence="CC BY 4.0",
    ),
    DataSource(
        name="nih-chestxray14",
        use="healthy adults, adults with pneumonia",
        citation="Wang et al., ChestX-ray8, CVPR 2017",
        licence="free use with citation",
    ),
)

CARD_TEXT = CardText(
    name="screener",
    title="Screener, EfficientNet-Lite0 on lung fields",
    summary=SUMMARY,
    intended_use=INTENDED_USE,
    not_for=NOT_FOR,
    limits=LIMITS,
    ethics=ETHICS,
    sources=DATA_SOURCES,
)
